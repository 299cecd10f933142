"""The faults that stand, from what was found wrong at each look."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from edge.reporting.finding import Finding
from telemetry.contract.unit import Fault
from telemetry.contract.wire_types import short, text

SEVERITIES = ("critical", "error", "warning", "info")
HOLD_S = 3.0


class FaultList:
    """The faults that stand, since when, and for HOLD_S longer than they were found.

    The hold keeps a value that trembles at its limit from filling the link with reports.
    """

    def __init__(self) -> None:
        self._standing: dict[tuple[str, str], _Standing] = {}  # by code and component

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What stands, in the words in which it was found."""
        return tuple(standing.finding for standing in self._standing.values())

    def update(
        self, findings: Iterable[Finding], utc: datetime, mono_s: float
    ) -> tuple[tuple[Fault, ...], bool]:
        """The faults now, worst first, and whether one came or went."""
        before = self._standing.keys()
        now = {
            identity: standing
            for identity, standing in self._standing.items()
            if mono_s - standing.found_mono_s < HOLD_S
        }
        for finding in findings:
            identity = (finding.code, finding.component)
            since = self._standing[identity].since if identity in self._standing else utc
            now[identity] = _Standing(finding, since, mono_s)
        self._standing = now
        faults = [_fault(standing) for standing in now.values()]
        faults.sort(key=lambda fault: (SEVERITIES.index(fault.severity), fault.since))
        return tuple(faults), now.keys() != before


@dataclass(frozen=True, slots=True)
class _Standing:
    """A fault, since when it stands, and when it was last found."""

    finding: Finding
    since: datetime
    found_mono_s: float


def _fault(standing: _Standing) -> Fault:
    finding = standing.finding
    return Fault(
        code=finding.code,
        severity=finding.severity,
        component=short(finding.component),
        text=text(finding.text),
        action=text(finding.action),
        since=standing.since,
    )
