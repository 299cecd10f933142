"""An output of what carries the unit, as an actuator: asked through the carrier's own thread."""

from collections import deque

from drivers.actuators.actuator import ActuatorReport, ActuatorRequest, Output
from drivers.base import ACTIVE_READ_S, DeviceLostError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.platforms.orders import Aim, PlatformOrder, Switch
from drivers.samples import Done
from edge.body.carrier import Carrier

REPORT_EVERY_S = 0.5
ANSWER_S = 1.0  # a carrier that takes longer has not done it


class CarrierOutput:
    """One channel, as an Actuator (drivers/actuators/actuator.py).

    A carrier does not say how its outputs stand: the report is what it has confirmed.
    """

    def __init__(self, carrier: Carrier, channel: str, clock: Clock) -> None:
        """Raises DeviceUnavailableError while the carrier is away."""
        if not carrier.requests.open:
            raise DeviceUnavailableError(f"{carrier.name}, which drives it, is not there")
        self._carrier = carrier
        self._channel = channel
        self._clock = clock
        self._waiting: deque[tuple[int, int, float, ActuatorRequest]] = deque()
        self._now = ActuatorReport(mono_s=clock.mono_s())
        self._reported_s = float("-inf")
        self._aims = False
        self._counters = {"asked": 0}

    def ask(self, token: int, request: ActuatorRequest) -> None:
        """Raises DeviceLostError."""
        order = self._order(request)
        theirs = None if order is None else self._carrier.requests.begin(order)
        if theirs is None:
            raise DeviceLostError(f"{self._carrier.name} is not there, or cannot do this")
        self._counters["asked"] += 1
        self._waiting.append((token, theirs, self._clock.mono_s(), request))

    def read(self) -> ActuatorReport | Done | None:
        """Raises DeviceLostError when the carrier has gone."""
        if self._waiting:
            return self._answer(*self._waiting[0])
        if not self._carrier.requests.open:
            raise DeviceLostError(f"{self._carrier.name} has gone")
        now_s = self._clock.mono_s()
        if now_s - self._reported_s >= REPORT_EVERY_S:
            self._reported_s = now_s
            return self._report(now_s)
        self._carrier.requests.answer(0, ACTIVE_READ_S)  # nothing: it only waits
        return None

    def close(self) -> None:
        if not self._aims:
            self._carrier.requests.post(Switch(channel=self._channel, level=0.0))

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    def _order(self, request: ActuatorRequest) -> PlatformOrder | None:
        match request:
            case Output():
                return Switch(channel=self._channel, level=request.level, pattern=request.pattern)
            case Aim():
                self._aims = True
                return request
            case _:
                return None

    def _answer(
        self, token: int, theirs: int, asked_s: float, request: ActuatorRequest
    ) -> Done | None:
        done = self._carrier.requests.answer(theirs, ACTIVE_READ_S)
        if done is None and self._clock.mono_s() - asked_s < ANSWER_S:
            return None
        self._waiting.popleft()
        if done is None:
            self._carrier.requests.forget(theirs)
            return Done(token=token, ok=False, text=f"{self._carrier.name} does not answer")
        if done.ok and isinstance(request, Output):
            self._now = ActuatorReport(mono_s=asked_s, level=request.level, pattern=request.pattern)
        self._reported_s = float("-inf")
        return Done(token=token, ok=done.ok, text=done.text)

    def _report(self, now_s: float) -> ActuatorReport:
        now, gimbal = self._now, self._carrier.gimbals.get(self._channel)
        return ActuatorReport(
            mono_s=now_s,
            level=now.level,
            pattern=now.pattern,
            pan_deg=None if gimbal is None else gimbal.pan_deg,
            tilt_deg=None if gimbal is None else gimbal.tilt_deg,
            zoom=None if gimbal is None else gimbal.zoom,
            measured=gimbal is not None,
        )
