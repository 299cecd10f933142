"""The technician's guide holds: its commands can be typed, its pictures and pages are there, its
lights are the unit's, and the Chinese one says the same."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from edge.cli.main import build_parser
from edge.flashing import signals
from tests.terminal_picture import picture

DOCS = Path(__file__).parents[2] / "docs"
ENGLISH, CHINESE = DOCS / "technician.md", DOCS / "technician.zh.md"
GUIDES = pytest.mark.parametrize("guide", [ENGLISH, CHINESE], ids=["en", "zh"])
TYPED = re.compile(r"(?:sudo (?:-u patrol-edge )?)?patrol-edge ([^&]+)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def commands(guide: Path) -> list[list[str]]:
    """Each `patrol-edge ...` of it, in its boxes and in its text, as its words."""
    text = guide.read_text()
    lines = [line for box in FENCE.findall(text) for line in box.splitlines()]
    lines += [" ".join(each.split()) for each in re.findall(r"`([^`]*)`", FENCE.sub("", text))]
    found = []
    for line in lines:
        typed = TYPED.match(line)
        if typed and not re.search("COMMAND|…", line):
            found.append(shlex.split(typed[1], comments=True))
    return found


def links(guide: Path) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)]+)\)", guide.read_text()) if ":" not in link]


@GUIDES
def test_every_command_can_be_typed(guide: Path) -> None:
    found = commands(guide)
    assert len(found) > 25
    parser = build_parser()
    for words in found:
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                parser.parse_args(words)
        except SystemExit:
            pytest.fail(f"{' '.join(words)}: {said.getvalue()}")


@GUIDES
def test_every_link_leads_somewhere(guide: Path) -> None:
    for link in links(guide):
        assert (DOCS / link.partition("#")[0]).is_file(), link


def test_a_command_that_cannot_be_typed_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```\nsudo patrol-edge flahs x.peb\n```\nand `patrol-edge slots rolback`\n")
    assert commands(page) == [["flahs", "x.peb"], ["slots", "rolback"]]


def test_both_are_one_guide() -> None:
    """The same headings of the same depth, commands, codes and pictures, in the same order."""
    english, chinese = (guide.read_text() for guide in (ENGLISH, CHINESE))
    heads = [
        re.findall(r"^(#+ (?:\d+\.)?)", FENCE.sub("", text), re.M) for text in (english, chinese)
    ]
    assert heads[0] == heads[1]
    assert sorted(commands(ENGLISH)) == sorted(commands(CHINESE))
    codes = [re.findall(r"`([a-z]+_[a-z_]+)`", text) for text in (english, chinese)]
    assert sorted(codes[0]) == sorted(codes[1])
    pictures = [[Path(each).name.split(".")[0] for each in links(guide) if each.endswith(".svg")]
                for guide in (ENGLISH, CHINESE)]  # fmt: skip
    assert pictures[0] == pictures[1]


@GUIDES
def test_its_lights_are_the_units(guide: Path) -> None:
    """Half a second on and half a second off is once a second."""
    assert signals._BLINKS_MS == {"working": 500, "bad": 100}
    assert signals.SHOWN_S == 10
    rung = {name: sum(pitch > 0 for pitch, _ in told) for name, told in signals._TONES.items()}
    assert rung == {"working": 1, "good": 3, "bad": 3}
    table = [line for line in guide.read_text().splitlines() if line.startswith("|")]
    for said in (("once a second", "每秒一次"), ("ten seconds", "十秒")):
        assert any(any(word in line for word in said) for line in table)
    for light in signals.USUAL:
        assert f"`{light}`" in guide.read_text()


def test_ten_faults() -> None:
    """Each with what is seen, what it is and what to do."""
    for guide, words in (
        (ENGLISH, ("**You see**", "**It is**", "**Do**")),
        (CHINESE, ("**看到**", "**原因**", "**处理**")),
    ):
        parts = re.split(r"^### \d+\. ", guide.read_text(), flags=re.MULTILINE)[1:]
        assert len(parts) == 10
        assert all(word in part for part in parts for word in words)


def test_its_pictures_are_in_its_language() -> None:
    """And a Chinese sign takes two cells of the terminal, as it does on one."""
    for path in (DOCS / "pictures").glob("*.svg"):
        is_chinese = re.search("[\u4e00-\u9fff]", path.read_text()) is not None
        assert is_chinese == path.name.endswith(".zh.svg"), path.name
    plain, chinese = (picture(text, "") for text in ("abcd", "单元"))
    length = re.compile(r'textLength="([\d.]+)"')
    assert length.findall(plain)[0] == length.findall(chinese)[0]
