"""Reading the text of a file: places, what is refused, and what words and numbers mean."""

from pathlib import Path

import pytest

from config.document import parse
from config.nodes import Entries, Node, Scalar, find, place_of, plain
from config.reading import MAX_BYTES, read


def parsed(text: str) -> Node:
    document = parse(text.encode(), "unit.yaml", "unit file")
    assert [str(problem) for problem in document.problems] == []
    assert document.root is not None
    return document.root


def told(data: bytes | str) -> list[str]:
    data = data.encode() if isinstance(data, str) else data
    return [str(problem) for problem in parse(data, "unit.yaml", "unit file").problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-7", -7),
        ("0", 0),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("007", "007"),
        ("0x10", "0x10"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("22:22", "22:22"),
        ("2026-11-22", "2026-11-22"),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("=", "="),
        ("'7'", "7"),
        ('"true"', "true"),
        ("dog 1", "dog 1"),
    ],
)
def test_a_value_without_quotes_is_what_it_looks_like(text: str, value: object) -> None:
    assert plain(parsed(f"key: {text}")) == {"key": value}


def test_every_value_knows_its_line_and_column() -> None:
    root = parsed("unit:\r\n  id: dog-01\r\n\r\n  list: [a,\r\n   b]\r\n")
    node = find(root, ("unit", "list", 1))
    assert isinstance(node, Scalar)
    assert (node.place.line, node.place.column) == (5, 4)
    place = place_of(root, ("unit", "id"))
    assert (place.line, place.column) == (2, 3)
    assert place_of(root, ("unit", "missing")).line == 1


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\u0085"])
def test_a_line_break_that_editors_do_not_show_is_refused(odd: str) -> None:
    # PyYAML ends a comment there: the rest of the line would be content.
    assert told(f"a: 1\n# b{odd}c: 1\n") == [
        "unit.yaml:2:4: an invisible line break; delete it, and type a space"
    ]


def test_a_byte_order_mark_is_no_content() -> None:
    root = parsed("\ufeffa: 1\n")
    assert isinstance(root, Entries)
    assert place_of(root, ("a",)).column == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "unit.yaml:1:1: the file is empty; make one with: patrol-edge config init"),
        ("# x\n", "unit.yaml:1:1: the file is empty; make one with: patrol-edge config init"),
        (
            "a: &x 1\nb: *x\n",
            "unit.yaml:1:4: a: &x is an anchor, which is not read; delete it\n"
            "unit.yaml:2:4: b: *x refers to another place; write the value itself",
        ),
        (
            "a: 1\nb: 2\na: 3\n",
            "unit.yaml:3:1: a: stands here a second time (first in line 1); delete one of them",
        ),
        (
            "a: {b: 1, b: 2}\n",
            "unit.yaml:1:11: a.b: stands here a second time (first in line 1); delete one of them",
        ),
        (
            "a: .nan\nb: [-.inf]\nc: 1e999\n",
            "unit.yaml:1:4: a: '.nan' is no number to work with; write a finite one\n"
            "unit.yaml:2:5: b.0: '-.inf' is no number to work with; write a finite one\n"
            "unit.yaml:3:4: c: '1e999' is no number to work with; write a finite one",
        ),
        (
            "a: !!python/object/apply:os.system [x]\n",
            "unit.yaml:1:4: a: a tag (!...) is not read here; write the plain value",
        ),
        ("a: 1\n---\nb: 2\n", "unit.yaml:2:1: a second document; delete from --- on"),
        (
            "a:\n\tb: 1\n\tc: 1\n",
            "unit.yaml:2:1: this line (and in 1 more) is indented with a tab; "
            "write two spaces for each level",
        ),
        ("a:\tb\n", "unit.yaml:1:3: a tab stands here; write spaces"),
        ("? [a]\n: b\n", "unit.yaml:1:3: a key must be a word; write key: value"),
        (
            'a: "x\\ud800"\n',
            "unit.yaml:1:4: a: holds a line break or an invisible character; write one line",
        ),
        ("a: x\x07\n", "unit.yaml:1:5: an invisible control character; delete it"),
    ],
)
def test_what_is_refused_is_told_with_its_place(text: str, line: str) -> None:
    assert told(text) == line.splitlines()


def test_bytes_that_are_not_utf8_are_told_with_their_line() -> None:
    assert told(b"a: 1\nb: caf\xe9\n") == [
        "unit.yaml:2:7: byte 0xe9 is not UTF-8; save the file as UTF-8"
    ]
    assert told("a: 1\n".encode("utf-16")) == [
        "unit.yaml:1:1: the file is UTF-16; save it as UTF-8"
    ]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_depth_has_an_end(opening: str) -> None:
    problems = told(opening * 50_000)
    assert len(problems) == 1
    assert "nested deeper than 20 levels" in problems[0]


def test_a_billion_laughs_stay_unread() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)]
    problems = told("\n".join(["l0: &l0 lol", *levels]))
    assert any("refers to another place" in problem for problem in problems)


def test_files_that_cannot_be_read_say_what_they_are(tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * (MAX_BYTES + 1))
    wrong = {
        tmp_path: "is a folder; give the YAML file in it, e.g. unit.yaml",
        tmp_path / "none.yaml": "there is no such file; make one with: patrol-edge config init",
        big / "below": "there is no such file; make one with: patrol-edge config init",
        big: "is larger than 256 KiB, which no unit file is; is it the right file?",
        Path("/dev/null"): "is not a regular file; give the unit's YAML file",
        tmp_path / ("n" * 300): "cannot be read: File name too long",
    }
    for path, text in wrong.items():
        document = read(path, "unit file")
        assert document.root is None
        assert [str(problem) for problem in document.problems] == [f"{path}: {text}"]
