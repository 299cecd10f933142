"""An examination as JSON, in English: for machines, and for those at home."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from edge.doctor.case import Case
from edge.doctor.exhibit import Exhibit
from edge.doctor.line import Line


def as_json(case: Case, lines: Sequence[Line]) -> dict[str, Any]:
    return {
        "ok": all(line.state != "fault" for line in lines),
        "unit": case.settings.unit.id,
        "running": case.unit is not None,
        "lines": [_line_as_json(line) for line in lines],
    }


def _line_as_json(line: Line) -> dict[str, Any]:
    told = {
        name: getattr(line, name) for name in ("group", "name", "state", "text", "code", "cure")
    }
    return told | {"help": line.help} | _figures(line.exhibit)


def _figures(exhibit: Exhibit | None) -> dict[str, Any]:
    """Without pictures: they are on the page (--html)."""
    if exhibit is None:
        return {}
    found: dict[str, Any] = {}
    if exhibit.sky:
        found["sky"] = [asdict(each) for each in exhibit.sky]
    if exhibit.series:
        found["series"] = [round(value, 3) for value in exhibit.series]
        found["series_unit"] = exhibit.series_unit
    return found
