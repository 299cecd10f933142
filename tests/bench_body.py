"""The body of the small unit of the bench: what it shines, its modules, a mission."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from telemetry.contract.body import Actuator
from telemetry.contract.events import BodyEvent, ModuleEvent
from telemetry.contract.unit import State
from telemetry.contract.up_message import UpMessage
from telemetry.contract_docs.scene import some_id


def body_told(now: datetime, state: State, flaws: frozenset[str]) -> Iterable[UpMessage]:
    """A light that an operator wants, then stealth, long enough to be dark; the rest."""
    yield state.model_copy(update={"actuators": (_light(now, "endless_wish" in flaws),)})
    for lit in (True, "shines_in_stealth" in flaws):  # the first is told while it goes off
        lights = (_light(now, endless=False).model_copy(update={"on": lit, "by": None}),)
        yield state.model_copy(update={"stealth": True, "actuators": lights})
    yield state
    words: tuple[Literal["lost", "back"], ...] = ("lost", "back")
    for what in ("lost", "lost") if "lost_twice" in flaws else words:
        yield ModuleEvent(what=what, module="front", kind="camera", since=now)
    named = None if "nameless_mission" in flaws else some_id(60)
    yield BodyEvent(what="mission_started", component="dog", mission=named, item=0, items=2)


def _light(now: datetime, endless: bool) -> Actuator:
    until = None if endless else now + timedelta(seconds=20)
    return Actuator(name="search", kind="light", on=True, level=1, by="operator", until=until)
