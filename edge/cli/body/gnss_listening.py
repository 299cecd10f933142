"""What a receiver was heard to say: the newest of it, rates, and what is odd. For gnss monitor."""

from collections import Counter, deque
from dataclasses import dataclass, field

from drivers.base import BadDataError, DriverError
from drivers.clock import Clock
from drivers.gnss.driver import GnssDriver
from drivers.gnss.sky import Sky
from drivers.samples import GnssEpoch
from edge.positioning.receiver_watch import ReceiverWatch
from edge.reporting.finding import Finding
from edge.reporting.gnss_findings import fix_quality_findings, signal_findings, time_findings
from edge.timebase import Timebase

RATE_OVER_S = 10.0
RAW_KEPT = 12
MOST_KINDS = 40  # noise must not fill the memory with names


@dataclass(slots=True)
class Listening:
    """Of one receiver; told by the thread that reads it."""

    name: str
    clock: Clock
    timebase: Timebase = field(init=False)
    watch: ReceiverWatch = field(default_factory=ReceiverWatch)
    newest: GnssEpoch | None = None
    heading: GnssEpoch | None = None  # the newest epoch that tells one
    epochs: int = 0
    sentences: int = 0
    raw: deque[str] = field(default_factory=lambda: deque(maxlen=RAW_KEPT))
    trouble: str = ""  # why nothing comes, or what is wrong with what comes
    speed: str = ""  # of a serial port
    drops: dict[str, int] = field(default_factory=dict)
    _kinds: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=5000))
    _times: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    _began_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._began_s = self.clock.mono_s()
        self.timebase = Timebase(self.clock, [self.name])

    def hear(self, body: str) -> None:
        """One sentence."""
        self.sentences += 1
        self.raw.append(f"${body}")
        address = body.partition(",")[0]
        self._kinds.append((self.clock.mono_s(), address[:12]))
        self.trouble = ""

    def read(self, driver: GnssDriver) -> GnssEpoch | None:
        """The next epoch, if one came. Raises DriverError where the device has gone."""
        try:
            epoch = driver.read()
        except BadDataError as error:
            self.trouble = str(error)
            epoch = None
        except DriverError as error:
            self.trouble = str(error)
            raise
        baud = getattr(driver, "baud", None)
        self.speed = f"{baud} baud" if baud else ""
        self.drops = {
            cause: count
            for cause, count in driver.counters().items()
            if cause not in ("sentences", "epochs", "fixes", "speeds_tried")
        }
        if epoch is not None:
            self._note(epoch)
        return epoch

    def _note(self, epoch: GnssEpoch) -> None:
        self.epochs += 1
        self.newest = epoch
        self.watch.note(epoch)
        self.timebase.note_gnss(self.name, epoch)
        self._times.append(self.clock.mono_s())
        if epoch.heading_deg is not None:
            self.heading = epoch

    @property
    def sky(self) -> Sky | None:
        return self.watch.sky

    def rates_hz(self) -> dict[str, float]:
        """How often each sentence came lately: GNGGA, GPGSV, PUBX."""
        now_s = self.clock.mono_s()
        over_s = max(1.0, min(RATE_OVER_S, now_s - self._began_s))
        counts = Counter(kind for heard_s, kind in self._kinds if now_s - heard_s <= over_s)
        return {kind: n / over_s for kind, n in counts.most_common(MOST_KINDS)}

    def epoch_rate_hz(self) -> float:
        """How often a position, or the lack of one, came lately."""
        lately = [at for at in self._times if self.clock.mono_s() - at <= RATE_OVER_S]
        if len(lately) < 2:
            return 0.0
        return (len(lately) - 1) / (lately[-1] - lately[0]) if lately[-1] > lately[0] else 0.0

    def hints(self) -> list[Finding]:
        """What would be a fault on a unit."""
        return [
            *signal_findings(self.name, self.watch),
            *fix_quality_findings(self.name, self.watch),
            *time_findings(self.timebase.doubts()),
        ]
