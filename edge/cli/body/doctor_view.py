"""The doctor's lines on a terminal, in the language of whoever reads them."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from config.language import localized, tell
from edge.doctor.case import Case
from edge.doctor.escaping import cleaned
from edge.doctor.examination import HEADINGS
from edge.doctor.line import NOT_CONFIGURED, PAGE, Line
from edge.doctor.verdict import MARKS, summed, worst

STYLES = {"ok": "green", "warning": "yellow", "fault": "bold red", "none": "dim"}
INDENT = 28  # where the text of a line begins
# Spaces, then what is not to be broken: a word of letters that have an alphabet, or one other sign.
WORDS = re.compile(r"\s*(?:[!-~\u00a1-\u024f\u2190-\u21ff]+|\S)|\s+$")


def shown(console: Console, case: Case, lines: Iterable[Line], *, clear: bool) -> Iterator[Line]:
    """Each line as it comes, under its group's name."""
    if clear and console.is_terminal:
        console.clear()
    console.print(_head(case), markup=False)
    group, absent = "", list[str]()
    for line in lines:
        if line.text == NOT_CONFIGURED:
            absent.append(line.group)
            yield line
            continue
        if line.group != group:
            group = line.group
            heading = localized(HEADINGS.get(group, group)).upper()
            console.print(f"\n{heading}", style="bold", markup=False)
        _print(console, line)
        yield line
    if absent:
        names = ", ".join(localized(HEADINGS.get(name, name)) for name in absent)
        told = localized(tell("not configured: {names}", names=names))
        console.print(f"\n{told}", style=STYLES["none"], markup=False)


def _print(console: Console, line: Line) -> None:
    """In one piece: what is still waited for is shown below, and would come between two."""
    code = f"   [{line.code}]" if line.code else ""
    mark = localized(MARKS[line.state])
    head = f"  {_filled(mark, 5)}  {_filled(cleaned(localized(line.name)), 18)} "
    text = Text(_wrapped(console, head + cleaned(localized(line.text)) + code))
    text.stylize(STYLES[line.state], 2, 2 + len(mark))
    if line.cure:
        cure = cleaned(localized(line.cure))
        text.append("\n" + _wrapped(console, f"{' ' * (INDENT - 2)}→ {cure}"))
    console.print(text)


def _filled(word: str, cells: int) -> str:
    """As wide as the others on the screen: a Chinese sign takes two cells."""
    return word + " " * (cells - cell_len(word))


def _wrapped(console: Console, told: str) -> str:
    """As wide as the terminal; whole where there is none."""
    if not console.is_terminal:
        return told
    width = max(60, console.width)
    if not told.isascii():  # textwrap counts signs, not cells, and Chinese has no spaces
        return folded(told, width, INDENT)
    return textwrap.fill(told, width, subsequent_indent=" " * INDENT, break_long_words=False)


def _head(case: Case) -> str:
    settings = case.settings
    who = f"{settings.unit.id}, {settings.unit.kind}"
    if case.unit is None:
        told = tell("{who}: no unit runs here, so its devices are opened", who=who)
        return localized(told)
    pid = case.unit.facts.get("pid")
    return localized(
        tell(
            "{who}: the unit runs (process {pid}), so it is asked for its devices", who=who, pid=pid
        )
    )


def style_of(lines: Sequence[Line]) -> str:
    return STYLES[worst(lines)]


def summary(lines: Sequence[Line], *, whole: bool) -> str:
    """`whole`: nothing was left out, so it can be said of the unit."""
    if any(line.state == "fault" for line in lines):
        about = tell("{page} has a paragraph for each code", page=PAGE)
        return f"{summed(lines)}; {localized(about)}"
    fit = tell("fit for work") if whole else tell("no fault in what was asked")
    return f"{summed(lines)}: {localized(fit)}"


def folded(told: str, cells: int, indent: int) -> str:
    """In lines of so many cells: textwrap counts signs, and Chinese has no spaces between words."""
    lines, line = list[str](), ""
    for word in WORDS.findall(told):
        if line.strip() and cell_len(line + word.rstrip()) > cells:
            lines.append(line.rstrip())
            line = " " * indent + word.lstrip()
        else:
            line += word
    return "\n".join([*lines, line.rstrip()])
