"""What the unit itself watches of its carrier: the fence, the height, the charge of the battery.

Each breach is told once and ordered against once: if a pilot then flies on, the pilot has the last
word. An order that the carrier refuses is given again while the breach lasts.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from config.fence import FenceConfig
from drivers.clock import Clock
from drivers.platforms.orders import (
    Drive,
    GoHome,
    Hold,
    PlatformOrder,
    PlatformSample,
    StartMission,
    Waypoint,
)
from drivers.samples import Attitude, Battery, GnssEpoch, VehicleState
from edge.body.carrier import Carrier
from edge.moving.fence import Fence
from edge.moving.tales import Tales
from telemetry.commands.handling import OrderRefusedError

INSIDE_S = 3.0  # back inside for so long ends a breach
AGAIN_S = 2.0  # an order that was refused
ANSWER_S = 1.5
RECOVERED_PERCENT = 5.0  # so much above the limit is no longer low

Limit = Literal["fence", "height", "battery", "own fence"]
TOLD: dict[Limit, str] = {
    "fence": "fence_breached",
    "height": "fence_breached",
    "battery": "battery_low",
    "own fence": "fence_breached",
}


@dataclass(slots=True)
class Breach:
    """One limit that is not kept to."""

    limit: Limit
    words: str
    order: type | None  # what it is told against it
    since_mono_s: float
    again_mono_s: float = float("-inf")
    good_since_mono_s: float | None = None
    told: bool = False
    obeyed: bool = False
    answered_s: float | None = None  # from the breach to the carrier's yes
    refusal: str = ""


@dataclass(slots=True)
class _Watch:
    """One carrier."""

    carrier: Carrier
    fence: Fence | None
    config: FenceConfig | None
    percents: dict[str, Battery] = field(default_factory=dict)
    breaches: dict[Limit, Breach] = field(default_factory=dict)


class Limits:
    """`hear` in the carrier's thread, `act` in the guard's."""

    def __init__(
        self,
        carriers: dict[str, Carrier],
        tales: Tales,
        clock: Clock,
        wake: Callable[[], None],
        before: Callable[[str], None],
    ) -> None:
        """`before`: called before an order of ours, so that nobody else's goes against it."""
        self._tales = tales
        self._before = before
        self._clock = clock
        self._wake = wake
        self._due: deque[tuple[_Watch, Breach]] = deque()
        self._watches = {
            name: _Watch(each, None if fence is None else Fence.of(fence), fence)
            for name, each in carriers.items()
            for fence in (each.config.fence,)
        }

    def allowed(self, carrier: Carrier, points: tuple[Waypoint, ...]) -> None:
        """Raises OrderRefusedError for a mission that would leave the fence."""
        fence = self._watches[carrier.name].fence
        why = "" if fence is None else fence.forbids(points)
        if why:
            raise OrderRefusedError("interlock", f"the unit's fence: {why}")

    def forbids(self, carrier: Carrier, order: type) -> str:
        """Why it may not be driven on: it is outside already. "" if it may."""
        if order not in (Drive, StartMission):
            return ""
        breaches = list(self._watches[carrier.name].breaches.values())
        outside = [each.words for each in breaches if each.limit != "battery"]
        return f"the unit's fence: it is {outside[0]}; bring it home first" if outside else ""

    def breaches(self) -> list[tuple[str, Breach]]:
        """By the carrier's name; for the health report."""
        return [
            (name, breach)
            for name, watch in self._watches.items()
            for breach in list(watch.breaches.values())
        ]

    # --- the carrier's thread ---

    def hear(self, name: str, sample: PlatformSample) -> None:
        watch = self._watches[name]
        now_s = self._clock.mono_s()
        match sample:
            case GnssEpoch() if watch.fence and sample.lat_deg is not None:
                why = watch.fence.left(sample.lat_deg, sample.lon_deg or 0.0)
                self._judge(watch, "fence", why, now_s)
            case Attitude() if watch.fence and sample.height_m is not None:
                self._judge(watch, "height", watch.fence.too_high(sample.height_m), now_s)
            case Battery():
                watch.percents[sample.name] = sample
                self._judge(watch, "battery", self._low(watch), now_s)
            case VehicleState() if sample.armed is False:
                watch.breaches.clear()  # it stands: nothing has to be ordered any more
            case VehicleState() if sample.fence_breached is not None:
                why = "outside of its autopilot's own fence" if sample.fence_breached else ""
                self._judge(watch, "own fence", why, now_s)
            case _:
                return

    def _low(self, watch: _Watch) -> str:
        limit = watch.carrier.config.home_percent
        if limit is None:
            return ""
        if "battery" in watch.breaches:
            limit += RECOVERED_PERCENT
        for each in watch.percents.values():
            if each.percent is not None and each.percent < limit:
                return f"its battery is down to {each.percent:.0f} %"
            if each.cells_low:
                return "its battery says that it is about to be empty"
        return ""

    def _judge(self, watch: _Watch, limit: Limit, why: str, now_s: float) -> None:
        breach = watch.breaches.get(limit)
        if not why:
            if breach is not None:
                self._end(watch, breach, now_s)
            return
        if self._stands(watch):
            return
        if breach is None:
            order = self._against(watch, limit)
            breach = watch.breaches[limit] = Breach(limit, why, order, now_s)
        breach.words, breach.good_since_mono_s = why, None
        if not breach.told or (breach.refusal and now_s >= breach.again_mono_s):
            breach.again_mono_s = now_s + AGAIN_S
            breach.told = True
            self._due.append((watch, breach))
            self._wake()

    def _stands(self, watch: _Watch) -> bool:
        """Its motors are off, or it is stopped for good; what flies never is."""
        state, abilities = watch.carrier.state, watch.carrier.abilities
        if state is None:
            return False
        flies = abilities is not None and abilities.flies
        return state.armed is False or (state.estop is True and not flies)

    def _end(self, watch: _Watch, breach: Breach, now_s: float) -> None:
        """Only after a while: at the border it goes in and out."""
        if breach.good_since_mono_s is None:
            breach.good_since_mono_s = now_s
        if now_s - breach.good_since_mono_s >= INSIDE_S:
            watch.breaches.pop(breach.limit, None)

    def _against(self, watch: _Watch, limit: Limit) -> type | None:
        config = watch.carrier.config
        if limit == "own fence":
            return None  # the autopilot does what was set for that
        if limit == "battery":
            return GoHome if config.home_when_low else None
        action = watch.config.on_breach if watch.config else "tell"
        return {"home": GoHome, "hold": Hold, "tell": None}[action]

    # --- the guard's thread ---

    def act(self) -> None:
        """Give the orders that are due, and tell of them. At most ANSWER_S for each."""
        while self._due:
            watch, breach = self._due.popleft()
            if not breach.refusal:
                self._tell(watch, TOLD[breach.limit], breach.words)
            if breach.order is not None and not breach.obeyed:
                self._order(watch, breach, breach.order)

    def _order(self, watch: _Watch, breach: Breach, wanted: type) -> None:
        carrier = watch.carrier
        kind = wanted if carrier.can(wanted) else Hold
        if not carrier.can(kind):
            breach.refusal = "it takes no orders"
            return
        self._before(breach.words)
        order: PlatformOrder = GoHome() if kind is GoHome else Hold()
        done = carrier.requests.ask(order, ANSWER_S)
        breach.obeyed, breach.refusal = done.ok, "" if done.ok else done.text or "it will not"
        if done.ok:
            breach.answered_s = self._clock.mono_s() - breach.since_mono_s
            what = "returning" if kind is GoHome else "holding"
            self._tell(watch, what, f"ordered by the unit: {breach.words}")

    def _tell(self, watch: _Watch, what: str, words: str) -> None:
        self._tales.add(self._clock.mono_s(), what, watch.carrier.name, words)
