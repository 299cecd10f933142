"""The unit's file: what `patrol-edge config check` says, and whether the unit runs with it."""

from collections.abc import Iterator

from config.language import tell
from edge.cli.config_content import looked_into
from edge.doctor.case import Case
from edge.doctor.line import Line, ok, warning

CURE = tell("`patrol-edge config check` shows the line")


def examine(case: Case) -> Iterator[Line]:
    loaded = case.loaded
    problems = [*loaded.warnings, *looked_into(loaded, case.file)]
    for problem in problems:
        text, _, cure = problem.text.partition("; ")
        yield warning("config_doubtful", problem.path or "file", text, cure or CURE)
    if not problems:
        yield ok("file", f"{loaded.settings.unit.id}, {loaded.settings.unit.kind}")
    if case.unit is not None and case.unit.facts.get("config") != loaded.digest[:12]:
        text = tell("the unit runs with another content: the file was changed since its start")
        cure = tell("sudo systemctl restart patrol-edge")
        yield warning("config_stale", "running", text, cure)
