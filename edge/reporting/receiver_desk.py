"""How the receivers fare, for the health report: signals, fixes, and what is odd about them."""

from collections.abc import Iterator

from edge.positioning.agreement import Agreement
from edge.reporting.device_findings import device_findings
from edge.reporting.finding import Finding
from edge.reporting.gnss_findings import (
    agreement_findings,
    bytes_findings,
    charge_findings,
    fix_findings,
    fix_quality_findings,
    signal_findings,
    time_findings,
)
from edge.reporting.parts import Parts, Receiver
from edge.reporting.signal_figures import signal_figures
from telemetry.contract.unit import ReceiverFigures
from telemetry.contract.wire_types import short


class ReceiverDesk:
    """Asked once a second, by one thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._agreement = Agreement()

    def findings(self, now_mono_s: float) -> list[Finding]:
        parts, found = self._parts, list[Finding]()
        for name, receiver in parts.receivers.items():
            found += self._of_one(name, receiver, now_mono_s)
        newest = {name: each.newest for name, each in parts.receivers.items()}
        found += agreement_findings(self._agreement.look(newest, now_mono_s))
        found += time_findings(parts.timebase.doubts())
        preferred = next(iter(parts.receivers), None)
        return found + charge_findings(parts.whereabouts, preferred, now_mono_s)

    def _of_one(self, name: str, receiver: Receiver, now_mono_s: float) -> list[Finding]:
        silent_after_s = self._parts.settings.gnss[name].silent_after_s
        missing = device_findings(receiver.health, silent_after_s, now_mono_s)
        if missing:
            wrong = receiver.health.last_bad
            return bytes_findings(name, wrong) if wrong and receiver.health.open else missing
        since = receiver.fix_mono_s
        if since is None:
            since = receiver.health.started_mono_s
        watch = receiver.watch
        return [
            *fix_findings(name, now_mono_s - since),
            *signal_findings(name, watch),
            *fix_quality_findings(name, watch),
        ]

    def figures(self) -> Iterator[ReceiverFigures]:
        """Of each receiver that has spoken."""
        for name, receiver in self._parts.receivers.items():
            epoch = receiver.newest
            if epoch is None:
                continue
            base = receiver.watch.base_id
            yield ReceiverFigures(
                name=short(name),
                in_charge=name == self._parts.whereabouts.in_charge,
                fix=epoch.fix.value,
                satellites_used=epoch.satellites_used,
                satellites_in_view=epoch.satellites_in_view,
                hdop=epoch.hdop,
                corrections_age_s=receiver.watch.corrections_age_s,
                base=short(base) if base else None,
                heading_error_deg=epoch.heading_error_deg,
                signals=signal_figures(receiver.watch.sky),
            )
