"""What is wrong with what the unit says and shines, as findings."""

from collections.abc import Iterable, Mapping

from edge.acting.outlet import Outlet
from edge.acting.record import ActingBook
from edge.reporting.device_findings import device_findings
from edge.reporting.finding import Finding, about

SILENT_AFTER_S = 5.0


def acting_findings(
    outlets: Mapping[str, Outlet], book: ActingBook, not_remembered: str | None, now_mono_s: float
) -> list[Finding]:
    """`not_remembered`: why the disk does not take it."""
    found = [each for outlet in outlets.values() for each in _outlet_findings(outlet, now_mono_s)]
    finding = about("acting")
    if book.stopped_by is not None:
        told = f"{book.stopped_by} has stopped all that the unit says and shines"
        action = "`patrol-edge act resume` on the unit, once there is no reason any more"
        found.append(finding("acting_stopped", "warning", told, action))
    if not_remembered is not None:
        action = "free space where state_dir lies; until then siren and loudspeaker stay off"
        found.append(finding("acting_not_remembered", "error", not_remembered, action))
    return found


def _outlet_findings(outlet: Outlet, now_mono_s: float) -> Iterable[Finding]:
    yield from device_findings(outlet.health, SILENT_AFTER_S, now_mono_s)
    finding, report = about(outlet.name), outlet.report
    if not outlet.there or report is None:
        return
    disobeys = outlet.disobeys or report.fault
    if disobeys is not None:
        action = "look at it: it may be stuck, broken, or wired to another output"
        yield finding("actuator_disobeys", "error", disobeys, action)
    if report.celsius is not None and report.celsius >= outlet.config.hot_c:
        told = f"{report.celsius:.0f} °C, and it goes off at {outlet.config.hot_c:.0f} °C"
        action = "let it cool; clean it, and see that air gets to it"
        yield finding("actuator_hot", "warning", told, action)
