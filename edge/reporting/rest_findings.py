"""What is wrong with the unit's sleep, as findings."""

from config.language import tell
from edge.reporting.finding import Finding, about
from telemetry.contract.wire_types import text


def rest_findings(held: str, action: str, fault: str) -> list[Finding]:
    """`held`: why it does not sleep though it is time; `fault`: why `action` failed."""
    finding, found = about("unit"), []
    if held:
        told = text(tell("the ignition is off, and the unit does not sleep: {held}", held=held))
        found.append(finding("sleep_held", "info", told, tell("end that, and it sleeps")))
    if fault:
        cure = tell(
            "let the service do that: docs/car.md has the polkit rule; or set "
            "sleep.action: none or command"
        )
        told = text(tell("sleep.action: {action} failed: {fault}", action=action, fault=fault))
        found.append(finding("sleep_failed", "error", told, cure))
    return found
