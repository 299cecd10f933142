"""What the crew may ask for on the spot: the same as the hub, and what only somebody there may."""

from collections.abc import Callable, Mapping
from typing import Any

from edge.acting.desk import Desk
from edge.acting.outlet import Outlet
from edge.acting.sounding import Sounds
from edge.acting.switching import Switching
from edge.acting.wishes import Asker, Reader
from edge.tasks.local import Answer, Asked, Control, read
from telemetry.contract.acting import Play, Speak
from telemetry.contract.wire_types import Message


class Wanted(Message):
    on: bool


def crew_controls(
    desk: Desk,
    switching: Switching,
    readers: Mapping[str, tuple[type[Message], Reader]],
    status: Callable[[], dict[str, Any]],
    sounds: Sounds | None,
) -> dict[str, Control]:
    """By the names under which they are asked for. `readers`: by command, its arguments and what
    they ask for; `sounds`: None without a loudspeaker."""

    def switch(args: type[Message], reader: Reader) -> Control:
        def act(asked: Asked) -> Answer:
            asker = Asker(asked.issuer, "local")
            return switching.carry_out(reader(desk.outlets, read(args, asked), asker))

        return act

    def quiet(asked: Asked) -> Answer:
        return switching.quiet(Asker(asked.issuer, "local"))

    def stop(asked: Asked) -> Answer:
        desk.latch(stopped_by=asked.issuer, stealth_by=desk.book.stealth_by)
        return {"stopped_by": asked.issuer, "on": _still_on(desk.outlets)}

    def resume(_asked: Asked) -> Answer:
        stopped_by = desk.book.stopped_by
        desk.latch(stopped_by=None, stealth_by=desk.book.stealth_by)
        return {"was_stopped_by": stopped_by}

    def stealth(asked: Asked) -> Answer:
        on = read(Wanted, asked).on
        desk.latch(stopped_by=desk.book.stopped_by, stealth_by=asked.issuer if on else None)
        return {"stealth": desk.conditions.stealth, "by_mode": desk.conditions.mode_stealth}

    found: dict[str, Control] = {
        f"act.{name}": switch(args, reader) for name, (args, reader) in readers.items()
    }
    if sounds is not None:
        found |= _sound_controls(sounds)
    return found | {
        "act.status": lambda _asked: status(),
        "act.quiet": quiet,
        "act.stop": stop,
        "act.resume": resume,
        "act.stealth": stealth,
    }


def _sound_controls(sounds: Sounds) -> dict[str, Control]:
    def speak(asked: Asked) -> Answer:
        return sounds.speak(read(Speak, asked), Asker(asked.issuer, "local"))

    def play(asked: Asked) -> Answer:
        return sounds.play(read(Play, asked), Asker(asked.issuer, "local"))

    return {"act.speak": speak, "act.play": play}


def _still_on(outlets: Mapping[str, Outlet]) -> list[str]:
    """What has not gone off within a moment."""
    for outlet in outlets.values():
        outlet.answer(0.1)
    return sorted(name for name, outlet in outlets.items() if outlet.on)
