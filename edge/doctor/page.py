"""The doctor's page: one file that needs nothing else, to be read, printed or sent home."""

import base64
from collections.abc import Iterator, Sequence
from itertools import groupby

from config.language import localized, tell
from edge.doctor.case import Case
from edge.doctor.drawings import row, sky
from edge.doctor.escaping import escaped
from edge.doctor.examination import HEADINGS
from edge.doctor.exhibit import Exhibit
from edge.doctor.line import NOT_CONFIGURED, PAGE, Line, State
from edge.doctor.page_style import STYLE
from edge.doctor.verdict import MARKS, VERDICTS, summed, worst
from edge.reporting.snapshot import software_versions

# Nothing is fetched, nothing runs, whatever a device calls itself.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(case: Case, lines: Sequence[Line], *, whole: bool) -> str:
    """`whole`: all groups were looked at, so something can be said of the unit."""
    settings = case.settings
    title = f"{settings.unit.id} · {localized(tell('examination'))}"
    state = worst(lines)
    language = ' lang="en"' if localized(MARKS["ok"]) == "OK" else ""
    return "\n".join(
        (
            f"<!doctype html>\n<html{language}><head><meta charset='utf-8'>",
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{escaped(title)}</title><style>{STYLE}</style></head><body>",
            f"<header><h1>{escaped(settings.unit.id)}</h1><p>{escaped(_kind(case))}</p></header>",
            f'<p class="verdict {state}">{_verdict(lines, state, whole=whole)}</p>',
            "".join(_facts(case)),
            "".join(_to_do(lines)),
            "".join(_sections(lines)),
            f"<footer><p>{escaped(localized(_foot()))}</p></footer>",
            "</body></html>\n",
        )
    )


def _kind(case: Case) -> str:
    unit = case.settings.unit
    return f"{unit.kind}, {unit.label}" if unit.label else unit.kind


def _verdict(lines: Sequence[Line], state: State, *, whole: bool) -> str:
    fit = localized(VERDICTS[state]) if whole else localized(tell("some groups were looked at"))
    return f"<span>{escaped(fit)}</span><span>{escaped(summed(lines))}</span>"


def _facts(case: Case) -> Iterator[str]:
    now = case.host.clock.utc()
    unit = case.unit
    running = (
        tell("no unit runs here")
        if unit is None
        else tell("the unit runs (process {pid})", pid=unit.facts.get("pid"))
    )
    told = (
        (tell("looked at"), f"{now:%Y-%m-%d %H:%M:%S} UTC"),
        (tell("software"), software_versions().get("patrol-edge", "?")),
        (tell("configuration"), case.loaded.digest[:12]),
        (tell("file"), str(case.file)),
        (tell("unit"), localized(running)),
    )
    yield '<dl class="facts">'
    for name, value in told:
        yield f"<div><dt>{escaped(localized(name))}</dt><dd>{escaped(value)}</dd></div>"
    yield "</dl>"


def _to_do(lines: Sequence[Line]) -> Iterator[str]:
    """What has to be seen to, before everything else: faults, then warnings."""
    order: tuple[State, ...] = ("fault", "warning")
    wrong = [(n, line) for n, line in enumerate(lines) if line.state in order]
    if not wrong:
        return
    yield f"<section><h2>{escaped(localized(tell('to be seen to')))}</h2><ol>"
    for n, line in sorted(wrong, key=lambda found: order.index(found[1].state)):
        group = localized(HEADINGS.get(line.group, line.group))
        cure = escaped(localized(line.cure or line.text))
        yield f'<li><span class="mark {line.state}">{escaped(localized(MARKS[line.state]))}</span> '
        yield f'<a href="#l{n}">{escaped(group)}: {escaped(localized(line.name))}</a> → {cure}</li>'
    yield "</ol></section>"


def _sections(lines: Sequence[Line]) -> Iterator[str]:
    absent = [line.group for line in lines if line.text == NOT_CONFIGURED]
    told = [(n, line) for n, line in enumerate(lines) if line.text != NOT_CONFIGURED]
    for group, inside in groupby(told, key=lambda found: found[1].group):
        heading = localized(HEADINGS.get(group, group))
        yield f"<section><h2>{escaped(heading)}</h2>"
        yield from (_line(n, line) for n, line in inside)
        yield "</section>"
    if absent:
        names = ", ".join(localized(HEADINGS.get(name, name)) for name in absent)
        yield f"<p>{escaped(localized(tell('not configured: {names}', names=names)))}</p>"


def _line(n: int, line: Line) -> str:
    code = f" <code>{escaped(line.code)}</code>" if line.code else ""
    cure = f'<p class="cure">{escaped(localized(line.cure))}</p>' if line.cure else ""
    mark = escaped(localized(MARKS[line.state]))
    return (
        f'<div class="line" id="l{n}"><span class="mark {line.state}">{mark}</span>'
        f'<span class="name">{escaped(localized(line.name))}</span>'
        f'<div class="words"><p>{escaped(localized(line.text))}{code}</p>{cure}</div>'
        f"{_exhibit(line.exhibit, line.name)}</div>"
    )


def _exhibit(exhibit: Exhibit | None, name: str) -> str:
    if exhibit is None:
        return ""
    found = []
    if exhibit.picture_jpeg is not None:
        data = base64.b64encode(exhibit.picture_jpeg).decode("ascii")
        about = escaped(localized(tell("picture of {camera}, redacted", camera=name)))
        found.append(f'<img alt="{about}" src="data:image/jpeg;base64,{data}">')
    elif exhibit.why_no_picture:
        why = localized(tell("no picture: {why}", why=exhibit.why_no_picture))
        found.append(f"<small>{escaped(why)}</small>")
    if exhibit.sky:
        found.append(sky(exhibit.sky))
    if exhibit.series:
        found.append(row(exhibit.series, exhibit.series_unit))
    return f'<div class="exhibits">{"".join(found)}</div>' if found else ""


def _foot() -> str:
    return tell(
        "Faces, heads and number plates in the pictures are covered, as well as they are found. "
        "{page} has a paragraph for each code.",
        page=PAGE,
    )
