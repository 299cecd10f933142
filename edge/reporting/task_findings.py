"""What is wrong with what the unit was told, as findings for the health report."""

from config.language import tell
from edge.reporting.finding import Finding
from edge.tasks.office import Office


def office_findings(office: Office) -> list[Finding]:
    found = mode_findings(office.tuning.fault)
    for name, memory in (("tasks", office.desk.memory), ("sos", office.sos.memory)):
        found += memory_findings(name, memory.fault, memory.lost)
    return found


def memory_findings(name: str, fault: str | None, lost: str | None) -> list[Finding]:
    """A small file that does not take what must survive a restart, or had to be begun anew."""
    found = []
    if fault is not None:
        found.append(
            Finding(
                code="orders_not_stored",
                severity="error",
                component=name,
                text=tell(
                    "tasks, duty or a call for help would not survive a restart: {fault}",
                    fault=fault,
                ),
                action=tell("make room in state_dir, and see that the service may write there"),
            )
        )
    if lost is not None:
        found.append(
            Finding(
                code="orders_lost",
                severity="error",
                component=name,
                text=tell("what the unit had been told was lost: {lost}", lost=lost),
                action=tell(
                    "tell the hub to send the tasks again; send home the file set aside, then "
                    "restart the service"
                ),
            )
        )
    return found


def mode_findings(fault: str | None) -> list[Finding]:
    """The mode from before the start that this configuration does not know."""
    if fault is None:
        return []
    return [
        Finding(
            code="mode_refused",
            severity="warning",
            component="mode",
            text=tell("works in routine instead: {fault}", fault=fault),
            action=tell("correct modes in the unit's file, or let the hub set another mode"),
        )
    ]
