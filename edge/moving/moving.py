"""All orders to move under one roof: who takes them, what they keep to, what is told of them."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from config.language import tell
from config.models import Settings
from drivers.clock import Clock
from drivers.platforms.orders import (
    Abilities,
    EmergencyStop,
    GoHome,
    Hold,
    PlatformSample,
    ReleaseStop,
)
from drivers.samples import VehicleState
from edge.body.carrier import Carrier
from edge.moving.driving import Driving
from edge.moving.helm import Helm, ask
from edge.moving.limits import Limits
from edge.moving.missions import Missions
from edge.moving.orders import (
    NEEDS,
    DriveOrder,
    LoadOrder,
    Passed,
    StartOrder,
    StopOrder,
    posture,
)
from edge.moving.record import MoveBook
from edge.moving.tales import Tales
from edge.running.worker import Beat, WorkOf
from edge.seeing.witness import Witness
from edge.tasks.local import Asked, Control
from edge.tasks.memory import Memory
from telemetry.commands.handling import Handler, OrderFailedError, OrderRefusedError

MOVES_FILE = "moves.json"
STOP_S = 1.0  # for the answer to an emergency stop
MOST_STATES = 256


class Moving:
    """Made before anything runs. Without a carrier that takes orders it has nothing to do."""

    def __init__(
        self, settings: Settings, carriers: dict[str, Carrier], witness: Witness, clock: Clock
    ) -> None:
        self.changed: Callable[[], None] = lambda: None  # called when the state is another
        self._newest: dict[str, VehicleState] = {}  # by carrier, but for the time
        self._carriers = carriers
        self._witness = witness
        self._clock = clock
        self.tales = Tales(witness)
        self.missions = Missions(Memory(settings.state_dir / MOVES_FILE, MoveBook), self.tales)
        self.stop_held: Callable[[], str | None] = lambda: None  # which button is still pressed
        self._changed = threading.Condition()
        self._awake = False  # something has changed since the guard looked
        self.driving = Driving(clock, self._dead_man, self._wake)
        self.limits = Limits(carriers, self.tales, clock, self._wake, self.driving.halt)
        self.helm = Helm(carriers, lambda: self.missions.stopped, self.limits.forbids)
        self._states: deque[tuple[Carrier, VehicleState]] = deque(maxlen=MOST_STATES)
        for name, carrier in carriers.items():
            held = self.missions.book.newest(name)
            carrier.mission = None if held is None or held.state == "none" else held.id
        self._latch(self.missions.book.stopped_by)

    # --- what it can be told ---

    def handlers(self) -> dict[str, Handler]:
        """For the orders of the hub, by their names in the contract."""
        if not any(each.config.commands for each in self._carriers.values()):
            return {}
        helm, driving = self.helm, self.driving
        return {
            "mission.load": LoadOrder(helm, self.missions, self.limits.allowed),
            "mission.start": StartOrder(helm, self.missions, self._clock),
            "move.hold": Passed(helm, lambda _args: Hold(), Hold, driving.halt),
            "move.home": Passed(helm, lambda _args: GoHome(), GoHome, driving.halt),
            "move.drive": DriveOrder(helm, driving),
            "move.posture": posture(helm, driving),
            "move.stop": StopOrder(helm, self.stop),
        }

    def unable(self) -> frozenset[str]:
        """Commands that nothing here can carry out: no hub should offer them."""
        lacking = self.helm.unable()
        return frozenset(name for name, order in NEEDS.items() if order.__name__ in lacking)

    def link(self, up: bool) -> None:
        """Whether the hub can be heard. Called again and again, by the publisher's thread."""
        self.driving.link(up)

    # --- the emergency stop ---

    def stop(self, by: str) -> list[str]:
        """Stop whatever can be stopped, and keep it so. The names of those that did.

        Raises OrderFailedError where one did not. All are told before the disk is.
        """
        self.driving.halt()
        self._latch(by)
        asked = [(each, each.requests.begin(EmergencyStop())) for each in self.helm.stoppable()]
        self.missions.set_stopped(by)
        stopped, failed = list[str](), list[str]()
        ends_s = self._clock.mono_s() + STOP_S
        for carrier, token in asked:
            why = _refusal(carrier, token, max(0.0, ends_s - self._clock.mono_s()))
            (failed if why else stopped).append(carrier.name)
            words = f"by {by}" + (f"; it did not obey: {why}" if why else "")
            self.tales.add(self._clock.mono_s(), "estop", carrier.name, words)
        if failed:
            raise OrderFailedError("carrier_refused", f"did not stop: {', '.join(failed)}")
        return stopped

    def _keep_stopped(self, carrier: Carrier) -> None:
        """One that was away meanwhile, or was restarted, is stopped as it comes back. What flies
        is not: it may be on its way home."""
        flies = carrier.abilities is not None and carrier.abilities.flies
        if carrier.stopped and not flies and carrier.can(EmergencyStop):
            carrier.requests.post(EmergencyStop())

    def release(self, by: str) -> list[str]:
        """On the spot only. Raises OrderRefusedError, OrderFailedError; then the stop stays on."""
        held = self.stop_held()
        if held is not None:
            raise OrderRefusedError("interlock", f"{held} is still pressed: let it go first")
        carriers = self.helm.all_that_can(ReleaseStop)
        for carrier in carriers:
            ask(carrier, ReleaseStop())
        self._latch(None)
        self.missions.set_stopped(None)
        for carrier in carriers or self.helm.all_that_can(EmergencyStop):
            self.tales.add(self._clock.mono_s(), "estop_released", carrier.name, f"by {by}")
        return [carrier.name for carrier in carriers]

    def _latch(self, by: str | None) -> None:
        for carrier in self._carriers.values():
            carrier.stopped = by is not None
        self.changed()

    # --- on the spot ---

    def controls(self) -> dict[str, Control]:
        """For the crew, over the local control socket."""
        if not self._carriers:
            return {}

        def passed(order: Hold | GoHome) -> dict[str, Any]:
            self.driving.halt()
            carrier = self.helm.taker(type(order))
            ask(carrier, order)
            return {"carriers": [carrier.name]}

        def stop(asked: Asked) -> dict[str, Any]:
            self.helm.check_stop()
            return {"carriers": self.stop(asked.issuer)}

        return {
            "move.status": lambda _asked: self.status(),
            "move.hold": lambda _asked: passed(Hold()),
            "move.home": lambda _asked: passed(GoHome()),
            "move.stop": stop,
            "move.release": lambda asked: {"carriers": self.release(asked.issuer)},
        }

    def why_busy(self) -> str | None:
        """Why what carries the unit must not be disturbed now, in words; None: it may be."""
        for carrier in self._carriers.values():
            state, abilities = carrier.state, carrier.abilities
            if state is None:
                continue
            if state.mission == "active":
                return tell("{name} is on a mission", name=carrier.name)
            if abilities is not None and abilities.flies and state.armed is not False:
                return tell("{name} flies, or may take off: its motors are on", name=carrier.name)
        return None

    def status(self) -> dict[str, Any]:
        """What carries the unit, its missions, and whether an emergency stop is on."""
        book = self.missions.book
        return {
            "stopped_by": book.stopped_by,
            "carriers": [_told(each) for each in self._carriers.values()],
            "missions": [
                {
                    "mission": each.id,
                    "carrier": each.carrier,
                    "state": each.state,
                    "item": each.item,
                    "items": each.items,
                }
                for each in reversed(book.missions)
            ],
        }

    # --- what the carriers tell ---

    def hear(self, name: str, sample: PlatformSample) -> None:
        """A listener of the body: in the carrier's thread, returns at once."""
        self.limits.hear(name, sample)
        if isinstance(sample, Abilities):
            self._keep_stopped(self._carriers[name])
        if isinstance(sample, VehicleState):
            self._states.append((self._carriers[name], sample))
            self._wake()
            facts = replace(sample, mono_s=0.0)
            if self._newest.get(name) != facts:
                self._newest[name] = facts
                self.changed()

    def _wake(self) -> None:
        with self._changed:
            self._awake = True
            self._changed.notify()

    def works(self) -> dict[str, WorkOf]:
        """Its workers, by name. The guard waits for nothing that may be slow, such as a disk."""
        if not self._carriers:
            return {}
        return {"moving.guard": self._guard, "moving.tell": self._tell}

    def _guard(self, beat: Beat, stop: threading.Event) -> None:
        try:
            self._watch(beat, stop)
        finally:  # nothing may move on that nobody looks after
            self.driving.halt("the unit is stopping" if stop.is_set() else "its guard has failed")

    def _watch(self, beat: Beat, stop: threading.Event) -> None:
        while not stop.is_set():
            beat()
            self.limits.act()
            wait_s = self.driving.tick()
            with self._changed:
                self._changed.wait_for(lambda: self._awake, wait_s)
                self._awake = False

    def _tell(self, beat: Beat, stop: threading.Event) -> None:
        def beating() -> None:
            beat()
            self.digest()

        self.tales.work(beating, stop)

    def digest(self) -> None:
        """Take what the carriers told into account."""
        while self._states:
            carrier, state = self._states.popleft()
            self.missions.digest(carrier, state)

    def _dead_man(self, carrier: str, why: str) -> None:
        self.tales.add(self._clock.mono_s(), "dead_man", carrier, why)


def _refusal(carrier: Carrier, token: int | None, within_s: float) -> str:
    """Why a carrier did not do what it was asked for; "" if it did."""
    if token is None:
        flies = carrier.abilities is not None and carrier.abilities.flies
        return "it is not there" + ("" if flies else "; it is stopped when it is back")
    done = carrier.requests.answer(token, within_s)
    if done is None:
        carrier.requests.forget(token)
        return f"no answer within {STOP_S:g} s"
    return "" if done.ok else done.text or "it will not"


def _told(carrier: Carrier) -> dict[str, Any]:
    state = carrier.state
    return {
        "name": carrier.name,
        "kind": carrier.config.kind,
        "there": carrier.health.open and not carrier.health.last_error,
        "mode": None if state is None else state.mode,
        "armed": None if state is None else state.armed,
        "mission": carrier.mission,
    }
