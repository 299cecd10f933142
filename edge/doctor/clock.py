"""The clock: whether it can be believed, and who sets it."""

from collections.abc import Iterator
from datetime import UTC, datetime

from config.language import tell
from drivers.clock import TIME_ERROR, Clock
from drivers.plugged.tree import attribute
from edge.doctor.case import Case
from edge.doctor.line import Line, fault, none, ok, warning
from edge.reporting.parts import Receiver
from edge.timebase import PLAUSIBLE_FROM

RTC = "class/rtc"
RTC_WITHIN_S = 120.0
GNSS_WITHIN_S = 2.0
NTP_CURE = tell(
    "give it a time server: sudo apt install chrony, and `chronyc sources` must show one with *; "
    "or a receiver that sees the sky"
)


def examine(case: Case) -> Iterator[Line]:
    now = case.host.clock.utc()
    if now < PLAUSIBLE_FROM:
        text = tell("it says {date}: it was never set", date=f"{now:%Y-%m-%d}")
        yield fault("clock_unset", "date", text, NTP_CURE)
    else:
        yield ok("date", f"{now:%Y-%m-%d %H:%M:%S} UTC")
    yield _steered(case)
    yield _rtc(case, now)
    yield _against_gnss(case)


def _steered(case: Case) -> Line:
    state = case.host.clock_state
    if state is not None and state < TIME_ERROR:
        return ok("NTP", tell("a time server steers the clock"))
    if case.unit is not None and case.unit.facts.get("time_quality") == "gnss":
        return ok("NTP", tell("no time server; the unit takes the time of its receiver"))
    text = tell("nothing steers the clock; it drifts by seconds a day")
    return warning("clock_unsteered", "NTP", text, NTP_CURE)


def _rtc(case: Case, now: datetime) -> Line:
    clocks = [entry for entry in case.host.tree.entries(RTC) if entry.name.startswith("rtc")]
    if not clocks:
        text = tell("no real-time clock: without network and sky it starts with a wrong date")
        return none("RTC", text)
    told = attribute(clocks[0] / "since_epoch")
    if told is None or not told.isdecimal():
        text = tell("the real-time clock does not answer")
        cure = tell("see to its battery, and to its line on the I2C bus")
        return warning("rtc_wrong", "RTC", text, cure)
    at = datetime.fromtimestamp(min(int(told), 2**33), UTC)
    off_s = abs((at - now).total_seconds())
    if off_s > RTC_WITHIN_S:
        text = tell(
            "the real-time clock says {date}, {span} off",
            date=f"{at:%Y-%m-%d %H:%M}",
            span=_span(off_s),
        )
        cure = tell(
            "sudo hwclock --systohc; if it comes back after a night without power, a new cell"
        )
        return warning("rtc_wrong", "RTC", text, cure)
    return ok("RTC", tell("within {off_s:.0f} s", off_s=off_s))


def _against_gnss(case: Case) -> Line:
    """By a receiver of the running unit: only it knows when the receiver's second began."""
    off_s = None if case.unit is None else case.unit.facts.get("clock_off_s")
    if off_s is None:
        return none("GNSS time", tell("no running unit tells it; see the group gnss"))
    return against_gnss("GNSS time", float(off_s))


def against_gnss(name: str, off_s: float) -> Line:
    """`off_s`: the system clock less the receiver's, which is late by some tenths of a second."""
    if abs(off_s) > GNSS_WITHIN_S:
        span = _span(abs(off_s))
        text = (
            tell("the clock is {span} ahead of GNSS time", span=span)
            if off_s > 0
            else tell("the clock is {span} behind GNSS time", span=span)
        )
        cure = tell("set it: sudo date -s, then sudo hwclock --systohc; then see why NTP does not")
        return fault("clock_wrong", name, text, cure)
    return ok(name, tell("within {off_s:.1f} s of the receiver's", off_s=max(abs(off_s), 0.1)))


def _span(seconds: float) -> str:
    if seconds >= 2 * 86_400 * 365:
        return tell("{count:.0f} years", count=seconds / 86_400 / 365)
    if seconds >= 2 * 86_400:
        return tell("{count:.0f} days", count=seconds / 86_400)
    for size_s, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size_s:
            return f"{seconds / size_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def clock_off_s(clock: Clock, receiver: Receiver) -> float | None:
    """The system clock less the receiver's, now; None where it tells none."""
    epoch = receiver.newest
    if epoch is None or epoch.utc is None or not epoch.has_fix:
        return None
    age_s = clock.mono_s() - epoch.mono_s
    return round((clock.utc() - epoch.utc).total_seconds() - age_s, 2)
