"""Texts that remember their pattern: English everywhere, another language where they are shown."""

import json
import resource

import pytest

from config.language import localized, packed, said, tell, unpacked


def test_it_is_an_english_str_that_json_and_comparison_take() -> None:
    told = tell("{count} of {wanted} satellites", count=3, wanted=5)
    assert told == "3 of 5 satellites"
    assert json.dumps({"text": told}) == '{"text": "3 of 5 satellites"}'


def test_it_survives_json_with_what_is_in_it() -> None:
    inner = tell("{port} is not there", port="/dev/ttyUSB0")
    told = tell("receiver: {why}", why=inner)
    carried = json.loads(json.dumps(packed(told)))
    again = unpacked(str(told), carried)
    assert packed(again) == packed(told)


@pytest.mark.parametrize(
    "carried",
    [None, 1, {}, {"pattern": "{a}", "values": {}}, {"pattern": "another", "values": {}}, []],
)
def test_what_does_not_fit_is_a_plain_text(carried: object) -> None:
    assert packed(unpacked("as it is", carried)) is None


def test_without_a_translation_it_stays_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "tlh")
    assert localized(tell("no such words: {what}", what="x")) == "no such words: x"
    assert localized("plain") == "plain"


def test_what_an_error_says_is_as_it_was_told() -> None:
    told = tell("{path} is damaged", path="/x")
    assert packed(said(ValueError(told))) == packed(told)
    assert said(OSError(2, "No such file")) == "[Errno 2] No such file"
    assert said(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why")).startswith("'utf-8' codec")
    assert said(ValueError()) == ""


def test_an_error_is_put_in_by_what_it_says() -> None:
    inner = ValueError(tell("{path} is damaged", path="/x"))
    told = tell("{what}: {error}", what="model", error=inner)
    assert told == "model: /x is damaged"
    assert packed(told) == packed(tell("{what}: {error}", what="model", error=inner.args[0]))


@pytest.mark.parametrize(
    "carried",
    [
        {"pattern": "{x:>999999999999}", "values": {"x": "a"}},
        {"pattern": "{x:>{y}}", "values": {"x": "a", "y": 999_999_999_999}},
        {"pattern": "{x:.999999999f}", "values": {"x": 1.0}},
        {"pattern": "{x}" * 10_000, "values": {"x": "a" * 10_000}},
    ],
)
def test_what_comes_from_elsewhere_makes_nothing_large(carried: dict[str, object]) -> None:
    """A unit that means harm could take all of a laptop's memory with a line."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, before[1]))
    try:
        assert packed(unpacked("as it is", carried)) is None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
