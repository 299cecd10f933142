"""What people read is there in every language: nothing is missing, nothing is put in wrongly."""

import gettext
import os
import string
import subprocess
import sys
from pathlib import Path

import pytest

from config.errors import Problem
from config.language import SPLITS, halves, localized, packed, tell, unpacked
from telemetry.commands.strict_json import canonical, loads_object
from tests import catalogues
from tests.catalogues import DOMAIN, LANGUAGES, REQUIRED, Told, languages, patterns, po_file

CURE = "run: python -m tests.catalogues, translate what it names in the .po file, and run it again"


@pytest.fixture(autouse=True)
def _own_language(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANGUAGE", "zh_CN")


def fields(pattern: str) -> list[tuple[str, str | None, str | None]]:
    """What is put in where, and how: name, format, conversion."""
    parsed = string.Formatter().parse(pattern)
    return sorted((name, spec, how) for _, name, spec, how in parsed if name is not None)


@pytest.mark.parametrize("language", languages())
def test_every_pattern_has_a_translation(language: str) -> None:
    translation = gettext.translation(DOMAIN, LANGUAGES, [language])
    found = patterns(*REQUIRED)
    assert len(found) > 300
    missing: list[Told] = []
    for told in found:
        # An entry that says the same is one; what is lacking comes back as the same object.
        if translation.gettext(told.pattern) is told.pattern:
            missing.append(told)
    assert not missing, f"{language} lacks\n" + "\n".join(map(str, missing)) + f"\n{CURE}"


@pytest.mark.parametrize("language", languages())
def test_every_translation_puts_in_the_same(language: str) -> None:
    translation = gettext.translation(DOMAIN, LANGUAGES, [language])
    for told in patterns(*REQUIRED):
        text = translation.gettext(told.pattern)
        assert set(fields(text)) == set(fields(told.pattern)), f"{told}\n{text}"
        # Whoever shows a problem and its cure on two lines splits the text there.
        assert (SPLITS[0] in told.pattern) == (SPLITS[1] in text), f"{told}\n{text}"
        assert SPLITS[0] not in text, f"{told}\n{text}"


@pytest.mark.parametrize("language", languages())
def test_what_is_shipped_is_what_can_be_read(language: str) -> None:
    pytest.importorskip("babel", reason="of the development environment")
    from babel.messages.mofile import read_mo

    with po_file(language).with_suffix(".mo").open("rb") as file:
        compiled = {item.id: item.string for item in read_mo(file) if item.id}
    written = catalogues.read(language)
    assert compiled == {item.id: item.string for item in written if item.id}, CURE
    assert [item.id for item in written if item.id and item.fuzzy] == [], CURE
    known = {told.pattern for told in patterns(*REQUIRED)}
    assert set(compiled) == known, CURE


def test_config_check_speaks_the_language_of_the_computer(tmp_path: Path) -> None:
    file = tmp_path / "unit.yaml"
    file.write_text("unit:\n  id: dog-01\n  kind: dog\nhub:\n  urk: mqtt://x\n")
    environ = {name: value for name, value in os.environ.items() if name != "LANGUAGE"}
    command = [sys.executable, "-m", "edge.cli.main", "config", "check", str(file)]
    for language, words in (
        ("zh_CN.UTF-8", ("此处没有这个键；是否想写 url？", "2 个错误")),  # noqa: RUF001
        ("C.UTF-8", ("is not known here; do you mean url?", "2 errors")),
    ):
        done = subprocess.run(
            command, env=environ | {"LANG": language}, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 2
        assert words[0] in done.stdout.decode()
        assert words[1] in done.stderr.decode()


def test_a_problem_and_its_cure_come_apart_in_each_language() -> None:
    whole = tell("{path} is a folder; give a PEM file", path="/x")
    problem, cure = halves(whole)
    assert (problem, cure) == ("/x is a folder", "give a PEM file")
    assert (localized(problem), localized(cure)) == ("/x 是文件夹", "请给出 PEM 文件")
    for half in (problem, cure):
        assert localized(unpacked(str(half), packed(half))) == localized(half)
    assert halves("no cure") == ("no cure", "")


def test_a_text_within_texts_stays_as_shallow_as_a_reader_takes() -> None:
    told: str = tell("today")
    for _ in range(12):
        told = tell("{what}: {why}", what="x", why=told)
    facts = {"result": {"faults": [{"packed": {"text": packed(told)}}]}}  # as the doctor asks
    sent = loads_object(canonical(facts))["result"]["faults"][0]["packed"]["text"]
    again = unpacked(str(told), sent)
    assert again == told
    assert localized(again).startswith("x：x：x：x：x: ")  # noqa: RUF001 - deeper: English


def test_a_line_of_the_check_is_in_one_language() -> None:
    text = tell("{key} is missing; add {example}", key="id", example="id: x")
    told = Problem(source="a.yaml", line=1, column=2, path="unit", text=text, severity="warning")
    assert str(told) == "a.yaml:1:2: unit: warning: id is missing; add id: x"
    assert told.localized() == "a.yaml:1:2: unit: 警告：缺少 id；请添加 id: x"  # noqa: RUF001


@pytest.mark.parametrize(
    ("asked", "chinese"),
    [
        ("zh_CN", True), ("zh_CN.UTF-8", True), ("en_US:zh_CN", False), ("C", False),
        ("de:zh_CN", True), ("ca", False), ("", False),
    ],
)  # fmt: skip
def test_the_language_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, asked: str, chinese: bool
) -> None:
    monkeypatch.setenv("LANGUAGE", asked)
    assert (localized(tell("today")) == "今天") is chinese
