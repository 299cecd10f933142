"""What PyYAML says is wrong with a text, in words that help.

PyYAML's own texts name tokens; a technician needs the line and what to write. The words to
look for are those of PyYAML 6 (`scanner.py`, `parser.py`); an unknown one gets the general advice.
"""

import re

import yaml

from config.language import pattern, tell
from config.wording import masked, one_line

QUOTES = ("'", '"')

CURES = (
    ("found unexpected end of stream", pattern("a quote is opened and not closed; close it")),
    ("could not find expected ':'", pattern("a line without a colon; write key: value")),
    (
        "unknown escape character",
        pattern("a backslash in double quotes is special; use single quotes"),
    ),
    (
        "expected escape sequence",
        pattern("a backslash in double quotes is special; use single quotes"),
    ),
    (
        "cannot start any token",
        pattern("this character cannot start a value; put the value in quotes"),
    ),
    ("expected ',' or ']'", pattern("a list that is opened with [ needs commas and a closing ]")),
    ("expected ',' or '}'", pattern("what is opened with {{ needs commas and a closing }}")),
    (
        "did not find expected <document start>",
        pattern("does not belong here; is its line indented like its neighbours?"),
    ),
    (
        "expected <block end>",
        pattern(
            "is indented unlike its neighbours, or a value lacks its quotes; lines of one "
            "section start in the same column"
        ),
    ),
    (
        "block sequence entries are not allowed",
        pattern(
            "a list entry (- ...) cannot stand here; write it on its own line, indented "
            "below its key"
        ),
    ),
    ("block mapping keys are not allowed", pattern("a key cannot stand here; start a new line")),
    ("expected the node content", pattern("a value is missing, or it needs quotes")),
    ("expected chomping or indentation", pattern("a text that starts with | or > needs quotes")),
    ("expected a comment or a line break", pattern("a text that starts with | or > needs quotes")),
    (
        "expected alphabetic or numeric character",
        pattern("a text that starts with & or * needs quotes"),
    ),
    ("found undefined tag handle", pattern("a text that starts with ! needs quotes")),
    ("while scanning a directive", pattern("a line that starts with % cannot be read; delete it")),
    ("duplicate", pattern("stands here a second time; delete one of them")),
)


NO_SPACE = re.compile(r"\s*([A-Za-z_]\w*):([^\s:/].*)")
KEY_LINE = re.compile(r"(\s*)[A-Za-z_]\w*:\s+[^\s#]")


def cure_of(error: yaml.MarkedYAMLError, text: str) -> str:
    """What to do about this syntax error, in a line."""
    told = f"{error.context or ''} / {error.problem or ''}"
    mark = error.problem_mark
    if mark is not None and text[mark.index : mark.index + 1] == "\t":
        return tell("a tab stands here; write spaces")
    if mark is not None and "mapping values are not allowed" in told:
        return _second_colon(text[: mark.index].splitlines() or [""])
    if mark is not None and "expected <block end>" in told and text[: mark.index][-1:] in QUOTES:
        return tell("the quote before this ends the text; write the whole text in the other quotes")
    for words, cure in CURES:
        if words in told:
            return tell(cure)
    return tell("this is not YAML; write key: value lines, indented with spaces")


def _second_colon(lines: list[str]) -> str:
    """What to do where YAML meets a colon that it does not expect; `lines` end just before it."""
    here, above = lines[-1], lines[-2] if len(lines) > 1 else ""
    if (match := NO_SPACE.fullmatch(above)) is not None:
        value = one_line(masked(match[2]), 40)
        return tell(
            "the line above lacks a space after its colon; write {key}: {value}",
            key=match[1],
            value=value,
        )
    if KEY_LINE.match(here):
        return tell(
            "a second colon with a space after it; delete that space, or put the value in quotes"
        )
    indent = len(here) - len(here.lstrip())
    if (match := KEY_LINE.match(above)) is not None and indent > len(match[1]):
        return tell(
            "this line is indented deeper than the one above; start both in the same column"
        )
    return tell("a colon where none can stand; write key: value on a line of its own")
