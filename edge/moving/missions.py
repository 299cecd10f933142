"""The missions of a unit: by their ids, how far each is, remembered over a restart."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from drivers.platforms.orders import LoadMission, StartMission
from drivers.samples import MissionState, VehicleState
from edge.body.carrier import Carrier
from edge.moving.helm import ask
from edge.moving.record import Mission, MoveBook
from edge.moving.tales import Tales
from edge.tasks.memory import Memory
from telemetry.commands.handling import OrderFailedError, OrderRefusedError

FIXED_S, PER_POINT_S = 15.0, 0.5  # to hand a mission over; over a slow radio link
START_S = 3.0
TOLD: dict[MissionState, str] = {
    "active": "mission_started",
    "paused": "mission_paused",
    "done": "mission_done",
    "none": "mission_lost",
}


# A stop that nobody can read any more must not be over by that.
STOP_UNREADABLE = "nobody knows who: what was remembered is damaged"


def _unwritten(memory: Memory[MoveBook]) -> MoveBook:
    """Where nothing was remembered; where it was and is damaged, there may have been a stop."""
    return MoveBook(stopped_by=STOP_UNREADABLE if memory.lost else None)


class Missions:
    """Orders from any thread; `digest` from the guard's."""

    def __init__(self, memory: Memory[MoveBook], tales: Tales) -> None:
        self.memory = memory
        self._tales = tales
        self._lock = threading.RLock()
        self._book = memory.load() or _unwritten(memory)
        self._since_mono_s = float("-inf")  # what the carrier told before is of before the order

    @property
    def book(self) -> MoveBook:
        return self._book

    # --- orders ---

    def check_load(self, carrier: Carrier) -> None:
        """Raises OrderRefusedError."""
        held, state = self._book.newest(carrier.name), carrier.state
        flown = state is not None and state.mission == "active"  # perhaps somebody else's
        if flown or (held is not None and held.state == "active"):
            raise OrderRefusedError("wrong_state", "a mission is under way: hold it first")

    def load(
        self, carrier: Carrier, name: str, wanted: LoadMission, meanwhile: Callable[[], None]
    ) -> Mission:
        """Hand it over and remember it. Raises OrderRefusedError, OrderFailedError."""
        self.check_load(carrier)
        self._forget(carrier)  # while it is being replaced, there is none
        within_s = FIXED_S + PER_POINT_S * len(wanted.points)
        ask(carrier, wanted, within_s, meanwhile=meanwhile)
        mission = Mission(id=name, carrier=carrier.name, items=len(wanted.points))
        with self._lock:
            if not self._keep(self._book.without(name).with_mission(mission)):
                raise OrderFailedError("storage", f"it cannot be remembered: {self.memory.fault}")
        carrier.mission = name
        return mission

    def check_start(self, carrier: Carrier, name: str) -> Mission:
        """Raises OrderRefusedError."""
        held, state = self._book.newest(carrier.name), carrier.state
        if held is None or held.id != name or held.state == "none":
            raise OrderRefusedError("wrong_state", "this mission is not loaded: load it first")
        if state is not None and state.mission_items not in (None, held.items):
            raise OrderRefusedError(
                "wrong_state",
                f"{carrier.name} holds another mission, of {state.mission_items} points instead "
                f"of {held.items}: load it again",
            )
        if state is not None and state.armed is False:
            raise OrderRefusedError(
                "interlock", "its motors are off, and only a pilot on the spot may arm them"
            )
        return held

    def start(self, carrier: Carrier, name: str, mono_s: float) -> Mission:
        """Raises OrderRefusedError, OrderFailedError."""
        held = self.check_start(carrier, name)
        ask(carrier, StartMission(), START_S)
        with self._lock:
            self._since_mono_s = mono_s
            return self._become(held, "active", held.item, mono_s)

    # --- what the carrier tells ---

    def digest(self, carrier: Carrier, state: VehicleState) -> None:
        """Take what the carrier tells of its mission into account."""
        with self._lock:
            self._digest(self._book.newest(carrier.name), state)

    def _digest(self, held: Mission | None, state: VehicleState) -> None:
        if held is None or state.mission is None or state.mono_s < self._since_mono_s:
            return
        becomes = state.mission
        if becomes == "loaded" and held.state != "none":
            becomes = held.state  # it was not started, or has not yet begun: nothing new
        if held.state in ("none", "done") and becomes != "active":
            return
        self._become(held, becomes, state.mission_item, state.mono_s)

    def _become(
        self, held: Mission, state: MissionState, item: int | None, mono_s: float
    ) -> Mission:
        """The mission as it is now; what is new in it is told. Under the lock."""
        now = replace(held, state=state, item=held.item if item is None else item)
        if now == held:
            return held
        self._keep(self._book.with_mission(now))
        facts: dict[str, Any] = {"mission": now.id, "item": now.item, "items": now.items}
        if now.state != held.state and now.state in TOLD:
            self._tales.add(mono_s, TOLD[now.state], now.carrier, **facts)
        elif now.item != held.item and now.state == "active":
            self._tales.add(mono_s, "mission_item", now.carrier, **facts)
        return now

    # --- the emergency stop ---

    @property
    def stopped(self) -> bool:
        return self._book.stopped_by is not None

    def set_stopped(self, by: str | None) -> bool:
        """Latched over a restart; None: released. False where the disk does not take it."""
        with self._lock:
            return self._keep(replace(self._book, stopped_by=by))

    def _forget(self, carrier: Carrier) -> None:
        with self._lock:
            held = self._book.newest(carrier.name)
            if held is not None and held.state != "done":
                self._keep(self._book.with_mission(replace(held, state="none")))
        carrier.mission = None

    def _keep(self, book: MoveBook) -> bool:
        self._book = book
        return self.memory.save(book)
