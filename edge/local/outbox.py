"""What somebody on the spot may ask of the queue while the unit runs: lay aside, and back."""

from pathlib import Path
from threading import Event

from edge.local.control import Call, LocalHandler
from telemetry.commands.handling import OrderFailedError, OrderRefusedError
from telemetry.outbox.look import Look, LookError
from telemetry.outbox.moving import BY_HAND
from telemetry.outbox.outbox import Outbox

MOST = 10_000  # sequences in one request
WITHIN_S, LOOK_EVERY_S = 0.9, 0.02


def outbox_controls(outbox: Outbox, path: Path) -> dict[str, LocalHandler]:
    def move(call: Call) -> dict[str, object]:
        sequences = _sequences(call)
        before = _parked(path)
        if call.name == "outbox.park":
            outbox.park(sequences, f"{BY_HAND}: {call.issuer}")
        else:
            outbox.unpark(sequences)
        _wait(outbox)
        now = _parked(path)
        moved = now - before if call.name == "outbox.park" else before - now
        return {"moved": [number for number in sequences if number in moved]}

    return {"outbox.park": move, "outbox.unpark": move}


def _sequences(call: Call) -> list[int]:
    """Raises OrderRefusedError."""
    wanted = call.args.get("sequences")
    if (
        not isinstance(wanted, list)
        or not 0 < len(wanted) <= MOST
        or not all(type(each) is int and 0 < each < 2**53 for each in wanted)
    ):
        raise OrderRefusedError("invalid_arguments", f"sequences: 1 to {MOST} numbers above 0")
    return list(dict.fromkeys(wanted))


def _parked(path: Path) -> set[int]:
    """Raises OrderFailedError."""
    try:
        with Look.open(path) as look:
            return {row.sequence for row in look.parked()}
    except LookError as error:
        raise OrderFailedError("queue_unreadable", str(error)) from error


def _wait(outbox: Outbox) -> None:
    """Until it is on the disk. Raises OrderFailedError."""
    pause = Event()
    for _ in range(round(WITHIN_S / LOOK_EVERY_S)):
        if not outbox.moving:
            return
        pause.wait(LOOK_EVERY_S)
    raise OrderFailedError("disk_refuses", "the disk takes no change now; it is tried again")
