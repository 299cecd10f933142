"""When the unit can do without its boards."""

from config.language import tell
from drivers.clock import Clock
from edge.acting.acting import Acting
from edge.moving.moving import Moving
from edge.positioning.whereabouts import Whereabouts
from edge.tasks.office import Office

DRIVEN_KINDS = frozenset({"siren", "beacon", "light", "speaker"})


def why_active(
    office: Office, acting: Acting, moving: Moving, whereabouts: Whereabouts, clock: Clock
) -> str | None:
    """Why it cannot, in words; None: it can."""
    task = office.desk.book.current
    if office.sos.book.call is not None:
        return tell("it calls for help")
    if task is not None and not task.over:
        return tell("it works on a task ({state})", state=task.state)
    if any(each.on and each.kind in DRIVEN_KINDS for each in acting.states()):
        return tell("something that it says or shines is on")
    return moving.why_busy() or _why_moving(office, whereabouts, clock)


def _why_moving(office: Office, whereabouts: Whereabouts, clock: Clock) -> str | None:
    position = whereabouts.at(clock.mono_s())
    if position is None or position.source == "last_known":
        return None  # in a garage, or without a receiver: nothing says that it moves
    speed_mps = position.epoch.speed_mps
    if speed_mps is not None and speed_mps > office.tuning.now.position.parked_below_mps:
        return tell("it moves at {speed:.1f} m/s", speed=speed_mps)
    return None
