"""The unit's file: what `patrol-edge config check` says, and whether the unit runs with it."""

from collections.abc import Iterator

from config.language import halves, tell
from edge.doctor.case import Case
from edge.doctor.line import Line, fault, none, ok, warning
from edge.unit_file.looking import looked_into

SHOWN = 8  # keys, of those without effect
CURE = tell("`patrol-edge config check` shows the line")


def examine(case: Case) -> Iterator[Line]:
    loaded = case.loaded
    problems = [*loaded.warnings, *looked_into(loaded, case.file)]
    yield _source(case)
    if case.unit is not None:
        case.unit.take("configuration_wrong")  # of the same file
    for problem in case.wrong:
        text, cure = halves(problem.text)
        yield fault("configuration_wrong", problem.path or "file", text, cure or CURE)
    for problem in problems:
        text, cure = halves(problem.text)
        yield warning("config_doubtful", problem.path or "file", text, cure or CURE)
    if not problems and not case.wrong:
        told = tell("nothing in it is doubtful")
        yield ok("content", told)
    if loaded.overruled:
        names = _few(loaded.overruled)
        yield none("own keys", tell("without effect, a bundle says otherwise: {keys}", keys=names))
    if loaded.kept:
        names = _few(loaded.kept)
        told = tell(
            "of a bundle, without effect, the own file has the last word: {keys}", keys=names
        )
        yield none("flashed keys", told)
    unit = case.unit
    if unit is None or case.wrong or unit.tells_of("safe_mode"):
        return  # safe mode runs with less than the file says
    if unit.facts.get("config") != loaded.digest[:12]:
        text = tell("the unit runs with another content: the file was changed since its start")
        cure = tell("sudo systemctl restart patrol-edge")
        yield warning("config_stale", "running", text, cure)


def _source(case: Case) -> Line:
    """Which file, and which bundles over it."""
    flashed = case.loaded.flashed
    if not flashed:
        return ok("file", str(case.file))
    told = ", ".join(f"{lane} {one.name} ({one.serial})" for lane, one in flashed.items())
    return ok("file", tell("{file}, and over it {bundles}", file=case.file, bundles=told))


def _few(keys: tuple[str, ...]) -> str:
    more = len(keys) - SHOWN
    shown = ", ".join(keys[:SHOWN])
    return tell("{keys} and {more} more", keys=shown, more=more) if more > 0 else shown
