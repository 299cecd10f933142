"""One actuator as it fares: what it was told, what it says, whether the two agree.

Any thread tells it; its own thread keeps the device open. A device that comes back is told again
what is wanted of it now, which is nothing where no wish stands any more.
"""

import threading
from collections.abc import Callable

from config.actuators import ActuatorConfig
from drivers.actuators.actuator import (
    Actuator,
    ActuatorReport,
    ActuatorRequest,
    Output,
    Silence,
)
from drivers.base import ActiveDriver, Driver
from drivers.clock import Clock
from drivers.samples import Done
from edge.acting.claims import Kind
from edge.running.asking import Asked, Requests
from edge.running.driver_loop import PLUGGED_RETRY_S, DriverHealth, run_driver
from edge.running.worker import Beat

OFF = Output(level=0.0)
LATE_S = 1.0
OBEYS_WITHIN_S = 1.0  # else it is a fault, and it is told again


class Outlet:
    """`changed` is called, in the device's thread, when what it reports is different."""

    def __init__(
        self, name: str, config: ActuatorConfig, clock: Clock, changed: Callable[[], None]
    ) -> None:
        self.name = name
        self.config = config
        self.health = DriverHealth(name, "actuator", started_mono_s=clock.mono_s())
        self.report: ActuatorReport | None = None
        self.disobeys: str | None = None
        self.requests: Requests[ActuatorRequest] = Requests()
        self._clock = clock
        self._changed = changed
        self._lock = threading.Lock()
        self._wanted: ActuatorRequest | None = None  # to be told again after an outage
        self._wanted_s = clock.mono_s()
        self._until_s = float("inf")
        self._token: int | None = None  # of the last request

    @property
    def kind(self) -> Kind:
        return self.config.kind

    @property
    def there(self) -> bool:
        return self.requests.open

    @property
    def on(self) -> bool:
        """As it says itself; a device that is away is off, by its driver's promise."""
        report = self.report
        if report is None or not self.there:
            return False
        return report.level > 0 or report.playing is not None

    # --- any thread ---

    def tell(self, request: ActuatorRequest, *, again: bool = True) -> None:
        """Ask for it. `again`: it is told again when the device comes back."""
        with self._lock:
            self._wanted = request if again else None
            self._wanted_s = self._clock.mono_s()
            if self._token is not None:
                self.requests.forget(self._token)
            self._token = self.requests.begin(request)

    def hold(self, until_s: float) -> None:
        """It goes off after this by itself, whatever becomes of who told it to go on."""
        self._until_s = until_s

    def off(self) -> None:
        self.tell(Silence() if self.kind == "speaker" else OFF, again=False)

    def answer(self, within_s: float) -> Done | None:
        """To what it was told last; None where it does not come in time."""
        token = self._token
        return None if token is None else self.requests.answer(token, within_s)

    # --- its own thread ---

    def work(self, open_device: Callable[[], Actuator], beat: Beat, stop: threading.Event) -> None:
        def opener() -> Driver[ActuatorReport]:
            return self.opened(open_device())

        run_driver(self.health, opener, self.note, stop, beat, self._clock, PLUGGED_RETRY_S)

    def opened(self, device: Actuator) -> Asked[ActuatorReport, ActuatorRequest]:
        """With what it shall do now."""
        driver = _Held(device, self.requests, self._off_in_time)
        self._tell_again()
        return driver

    def _tell_again(self) -> None:
        with self._lock:
            self.report, self._wanted_s = None, self._clock.mono_s()
            if self._wanted is not None:
                self.requests.post(self._wanted)

    def _off_in_time(self) -> None:
        """The dead-man of this thread: the desk should have taken the wish back long ago."""
        if self._clock.mono_s() > self._until_s + LATE_S:
            self._until_s = float("inf")
            self.off()

    def note(self, report: ActuatorReport) -> None:
        before, self.report = self.report, report
        self._compare(report)
        if before is None or _told(before) != _told(report):
            self._changed()

    def _compare(self, report: ActuatorReport) -> None:
        """A device that does something else than it shall is told again, once a second."""
        now_s = self._clock.mono_s()
        with self._lock:
            wanted = self._wanted if isinstance(self._wanted, Output) else OFF
            differs = _difference(wanted, report) if self._compares() else None
            if differs is None:
                self.disobeys = None
            elif now_s - self._wanted_s > OBEYS_WITHIN_S:
                self.disobeys, self._wanted_s = differs, now_s
                self.requests.post(wanted)

    def _compares(self) -> bool:
        """A sound ends by itself, and a mount takes its time."""
        return self.kind not in ("speaker", "pan_tilt")


def _difference(wanted: Output, report: ActuatorReport) -> str | None:
    """In words; None where it does what it shall, or cannot tell what it does."""
    if not report.measured:
        return None
    if (wanted.level > 0) != (report.level > 0):
        shall, does = ("on" if level > 0 else "off" for level in (wanted.level, report.level))
        return f"it shall be {shall}, and says that it is {does}"
    if wanted.level > 0 and wanted.pattern != report.pattern:
        return f"it shall be {wanted.pattern}, and says that it is {report.pattern}"
    return None


def _told(report: ActuatorReport) -> tuple[object, ...]:
    """What is worth a message at once; a degree more or less is not."""
    return report.level, report.pattern, report.playing, report.fault


class _Held(Asked[ActuatorReport, ActuatorRequest]):
    """Looks before each read whether its time is over."""

    def __init__(
        self,
        driver: ActiveDriver[ActuatorReport | Done, ActuatorRequest],
        requests: Requests[ActuatorRequest],
        off_in_time: Callable[[], None],
    ) -> None:
        super().__init__(driver, requests)
        self._off_in_time = off_in_time

    def read(self) -> ActuatorReport | None:
        self._off_in_time()
        return super().read()
