"""The unit's file: what `patrol-edge config check` says, and whether the unit runs with it."""

from collections.abc import Iterator

from edge.cli.config_content import looked_into
from edge.doctor.case import Case
from edge.doctor.line import Line, fault, ok

CURE = "`patrol-edge config check` shows the line"


def examine(case: Case) -> Iterator[Line]:
    loaded = case.loaded
    problems = [*loaded.warnings, *looked_into(loaded, case.file)]
    for problem in problems:
        text, _, cure = problem.text.partition("; ")
        yield fault("config_doubtful", problem.path or "file", text, cure or CURE)
    if not problems:
        yield ok("file", f"{loaded.settings.unit.id}, {loaded.settings.unit.kind}")
    if case.unit is not None and case.unit.facts.get("config") != loaded.digest[:12]:
        text = "the unit runs with another content: the file was changed since its start"
        yield fault("config_stale", "running", text, "sudo systemctl restart patrol-edge")
