"""What whoever flashes wants, what is told meanwhile, and how it ended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from config.slots import Lane, Slot
from edge.bundles.manifest import Kind
from telemetry.contract.flash import Way

Stage = Literal["received", "checked", "unpacked", "tried", "staged", "switched"]
End = Literal["on_trial", "at_next_start", "adopted", "flashed"]
PERCENT: dict[Stage, int] = {  # of the work until the switch; what follows is the trial's
    "received": 5,
    "checked": 10,
    "unpacked": 60,
    "tried": 90,
    "staged": 95,
    "switched": 100,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How it shall be flashed."""

    by: str  # local:anna, the hub's name, usb
    way: Way  # how the bundle came
    force: bool = False  # even while a task is active; whoever calls has asked whether they may
    order: str | None = None  # id of the hub's command, which waits for the trial's end


@dataclass(frozen=True, slots=True)
class Step:
    """Where it is. `text` is told (config/language.py)."""

    stage: Stage
    percent: int
    text: str
    done_bytes: int | None = None  # while the bundle comes
    of_bytes: int | None = None


Watch = Callable[[Step], None]  # called by the thread that flashes; what it raises ends the flash


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a bundle came to that was not refused.

    on_trial: the unit starts anew with it, and it has to prove itself. at_next_start: no unit runs
    now; the same when one starts. adopted: a list of keys, which counts at once. flashed: the
    firmware of boards.
    """

    end: End
    bundle: str
    kind: Kind
    name: str
    serial: int
    lane: Lane | None = None
    slot: Slot | None = None
    ends_within_s: float | None = None  # on_trial: by then it has ended, one way or the other
    notes: tuple[str, ...] = ()  # what else there is to know, in words


def quiet(_step: Step) -> None:
    """Nobody watches."""
