"""The parts that a unit of this kind must have."""

from collections.abc import Iterator

from config.language import tell
from edge.doctor.case import Case
from edge.doctor.line import Line, none, of_finding, ok
from edge.reporting.body_findings import kinds_in, module_findings


def examine(case: Case) -> Iterator[Line]:
    if case.unit is not None:
        case.unit.take("module_not_configured")
    required = case.settings.modules.required
    if not required:
        yield none("required", tell("modules.required names nothing"))
    lacking = module_findings(required, kinds_in(case.settings))
    yield from map(of_finding, lacking)
    missing = {each.component for each in lacking}
    for kind in required:
        if kind not in missing:
            yield ok(kind, _told(case, kind))


def _told(case: Case, kind: str) -> str:
    """Of those that are devices of the running unit, how many are there."""
    devices = [] if case.unit is None else case.unit.facts.get("devices", [])
    there = [each["open"] for each in devices if each["kind"] == kind]
    if not there:
        return tell("configured")
    return tell("{count} of {wanted} there", count=sum(there), wanted=len(there))
