"""What a fleet run measures: counts, and waiting times without keeping each of them."""

import math
import resource
from collections import Counter
from dataclasses import dataclass, field

STEP = 1.05  # one bucket is 5 % wider than the last: that is how exact a quantile is
SHORTEST_S = 1e-5


class Waits:
    """Durations, in buckets that grow by 5 %."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.count = 0

    def add(self, seconds: float) -> None:
        self._buckets[round(math.log(max(seconds, SHORTEST_S) / SHORTEST_S, STEP))] += 1
        self.count += 1

    def quantile_ms(self, share: float) -> float | None:
        """So large is a share of them at most; None where there are none."""
        if not self.count:
            return None
        left = math.ceil(share * self.count)
        for bucket in sorted(self._buckets):
            left -= self._buckets[bucket]
            if left <= 0:
                return SHORTEST_S * STEP**bucket * 1e3
        raise AssertionError("the counts do not add up")


@dataclass(slots=True)
class Figures:
    """Of all units together, since the start."""

    made: int = 0  # messages with a sequence
    sent: int = 0  # publishes, of them and of status messages, without repetitions
    resent: int = 0
    broker_acked: int = 0
    hub_acked: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by the broker, by code
    dropped: int = 0  # too many waited
    bytes_sent: int = 0  # payloads
    connects: int = 0
    lost: int = 0  # connections that were not ended by us
    outages: int = 0  # connections cut on purpose
    failed: Counter[str] = field(default_factory=Counter)  # attempts to connect, by cause
    last_error: str | None = None
    commands: Counter[str] = field(default_factory=Counter)  # by name and how they ended
    bad_down: Counter[str] = field(default_factory=Counter)  # what could not be read, by cause
    late_s: float = 0.0  # the most that the simulation was behind its clock
    puback: Waits = field(default_factory=Waits)
    hub_ack: Waits = field(default_factory=Waits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One look at a run. Times in seconds, latencies in milliseconds."""

    units: int
    online: int
    seconds: float
    cpu_s: float  # of this process, all its threads
    waiting: int  # made, and not yet sent
    unacked: int  # sent, and not acknowledged by whoever has to
    figures: Figures

    def as_json(self) -> dict[str, object]:
        """For machines; a figure that is not known is null."""
        figures, sent = self.figures, self.figures.sent + self.figures.resent
        return {
            "units": self.units,
            "online": self.online,
            "seconds": round(self.seconds, 1),
            "made": figures.made,
            "sent": figures.sent,
            "resent": figures.resent,
            "per_s": round(sent / self.seconds, 1) if self.seconds > 0 else None,
            "bytes_per_message": round(figures.bytes_sent / sent) if figures.bytes_sent else None,
            "broker_acked": figures.broker_acked,
            "hub_acked": figures.hub_acked,
            "waiting": self.waiting,
            "unacked": self.unacked,
            "dropped": figures.dropped,
            "refused": dict(figures.refused),
            "connects": figures.connects,
            "connect_failures": dict(figures.failed),
            "connections_lost": figures.lost,
            "outages": figures.outages,
            "commands": dict(figures.commands),
            "bad_down": dict(figures.bad_down),
            "puback_p50_ms": _rounded(figures.puback.quantile_ms(0.50)),
            "puback_p99_ms": _rounded(figures.puback.quantile_ms(0.99)),
            "hub_ack_p50_ms": _rounded(figures.hub_ack.quantile_ms(0.50)),
            "hub_ack_p99_ms": _rounded(figures.hub_ack.quantile_ms(0.99)),
            "cpu_us_per_message": round(self.cpu_s / sent * 1e6) if sent else None,
            "behind_s": round(figures.late_s, 2),
            "last_error": figures.last_error,
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def cpu_s() -> float:
    """Of this process, all its threads, since it began."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
