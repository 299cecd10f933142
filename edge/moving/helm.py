"""Who takes an order to move: the carrier that can, unless it was stopped for good."""

from collections.abc import Callable, Mapping
from typing import Any

from drivers.platforms.orders import EmergencyStop, GoHome, Hold, PlatformOrder, ReleaseStop
from edge.body.carrier import Carrier
from telemetry.commands.handling import OrderFailedError, OrderRefusedError

ASK_S = 2.0  # for what a carrier answers at once: three tries over a radio link
WORDS: dict[str, str] = {
    "LoadMission": "fly or drive missions",
    "StartMission": "fly or drive missions",
    "Hold": "hold its place",
    "GoHome": "return by itself",
    "Drive": "be driven from afar",
    "Pose": "stand, sit or lie",
    "EmergencyStop": "be stopped from afar",
}
STOPPED = "an emergency stop is on; release it on the spot: patrol-edge move release"


class Helm:
    """Any thread."""

    def __init__(
        self,
        carriers: Mapping[str, Carrier],
        stopped: Callable[[], bool],
        forbids: Callable[[Carrier, type], str],
    ) -> None:
        """`stopped`: whether an emergency stop of ours is on; `forbids`: why an order is not
        passed on now, "" if it may be."""
        self._carriers = carriers
        self._forbids = forbids
        self._stopped = stopped

    def taker(self, order: type) -> Carrier:
        """The carrier that takes this order now. Raises OrderRefusedError, which says why none."""
        able = [each for each in self._carriers.values() if each.knows(order)]
        if not able:
            what = WORDS.get(order.__name__, order.__name__)
            raise OrderRefusedError("unsupported", f"nothing that carries this unit can {what}")
        there = _meant(able, order)
        if not there.can(order):
            raise OrderRefusedError("wrong_state", f"{there.name} is not there: {_why(there)}")
        self._keep_stopped(there, order)
        why = self._forbids(there, order)
        if why:
            raise OrderRefusedError("interlock", why)
        return there

    def _keep_stopped(self, carrier: Carrier, order: type) -> None:
        """What is stopped stays where it is; but what flies cannot stay for ever."""
        by_itself = carrier.state is not None and bool(carrier.state.estop)
        if not (self._stopped() or by_itself) or order in (Hold, EmergencyStop, ReleaseStop):
            return
        if order is GoHome and carrier.abilities is not None and carrier.abilities.flies:
            return
        raise OrderRefusedError("interlock", STOPPED)

    def check_stop(self) -> None:
        """Raises OrderRefusedError where nothing can be stopped for good."""
        if not self.stoppable():
            self.taker(EmergencyStop)  # says why

    def stoppable(self) -> list[Carrier]:
        """Those that can be stopped for good, there or not; one that was never heard may be."""
        return [
            each
            for each in self._carriers.values()
            if each.config.commands
            and (each.abilities is None or EmergencyStop in each.abilities.orders)
        ]

    def all_that_can(self, order: type) -> list[Carrier]:
        return [each for each in self._carriers.values() if each.can(order)]

    def unable(self) -> frozenset[str]:
        """Orders that nothing here can carry out, by the names of the vocabulary."""
        known = {
            order.__name__
            for each in self._carriers.values()
            if each.config.commands and each.abilities is not None
            for order in each.abilities.orders
        }
        return frozenset(WORDS) - known


def ask(carrier: Carrier, order: PlatformOrder, within_s: float = ASK_S, **more: Any) -> None:
    """Have it done. Raises OrderFailedError with the carrier's own words."""
    done = carrier.requests.ask(order, within_s, **more)
    if not done.ok:
        raise OrderFailedError("carrier_refused", f"{carrier.name}: {done.text or 'it will not'}")


def _meant(able: list[Carrier], order: type) -> Carrier:
    """Of several carriers the first of the unit's file, there or not: nobody drives the drone
    because the dog is away. Who flies a mission is the one to hold, or to call home."""
    if order in (Hold, GoHome):
        there = [each for each in able if each.can(order)]
        flying = [each for each in there if each.state and each.state.mission == "active"]
        return (flying or there or able)[0]
    return able[0]


def _why(carrier: Carrier) -> str:
    return carrier.health.last_error or "nothing has been heard of it yet"
