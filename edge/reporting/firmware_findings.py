"""What is wrong with the firmware of the unit's boards."""

from collections.abc import Iterable

from config.language import tell
from edge.firmware.ledger import LedgerError, LedgerFile
from edge.reporting.finding import Finding, about


def firmware_findings(
    known: LedgerFile,
    fault: LedgerError | None,
    boards: Iterable[str],
    running: dict[str, str],
) -> list[Finding]:
    """`running`: what each board says that it runs, where it says it."""
    if fault is not None:
        finding = about("firmware")
        return [finding("firmware_ledger", "warning", str(fault), fault.cure)]
    found = []
    for name in boards:
        found += _of_board(name, known, running.get(name))
    return found


def _of_board(name: str, known: LedgerFile, running: str | None) -> list[Finding]:
    finding = about(name)
    record = known.boards.get(name)
    last = next((each for each in reversed(known.entries) if each.board == name), None)
    if record is not None and record.on_trial:
        if running is None or running == record.version:
            told = tell(
                "the board runs {version} on trial, and goes back at its next start",
                version=record.version,
            )
            cure = tell(
                "patrol-edge firmware confirm {name}, or firmware rollback {name}", name=name
            )
            return [finding("firmware_unconfirmed", "warning", told, cure)]
        told = tell(
            "the board was given {version} on trial, and runs {running} again",
            version=record.version,
            running=running,
        )
        cure = tell("find out why, then flash {name} again", name=name)
        return [finding("firmware_reverted", "error", told, cure)]
    if last is None or last.end not in ("failed", "reverted"):
        return []
    told = tell(
        "the last flash, to {after}, did not end well: {text}", after=last.after, text=last.text
    )
    cure = tell("patrol-edge firmware info {name}, then flash it again", name=name)
    if last.end == "reverted":
        return [finding("firmware_reverted", "error", told, cure)]
    return [finding("firmware_failed", "warning", told, cure)]
