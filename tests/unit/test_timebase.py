"""UTC and its quality, from whichever source is best."""

import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from drivers.samples import FixKind, GnssEpoch
from edge.timebase import GNSS_TRUST_S, Timebase
from tests.fakes import ManualClock

TRUTH = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
BOOTED_1970 = datetime(1970, 1, 1, tzinfo=UTC)


def heard(mono_s: float, utc: datetime) -> GnssEpoch:
    return GnssEpoch(mono_s=mono_s, utc=utc, fix=FixKind.FIX_3D, lat_deg=1.0, lon_deg=2.0)


def test_a_steered_clock_is_believed() -> None:
    base = Timebase(ManualClock(TRUTH), ["main"], synchronised=True)
    assert base.now() == (TRUTH, "ntp")


def test_the_receiver_corrects_a_clock_that_was_never_set() -> None:
    clock = ManualClock(BOOTED_1970)
    base = Timebase(clock, ["main", "spare"], synchronised=False)
    assert base.now()[1] == "none"

    base.note_gnss("main", heard(clock.mono_s(), TRUTH))
    clock.advance(10.0)
    assert base.now() == (TRUTH + timedelta(seconds=10), "gnss")


def test_the_epoch_that_came_with_the_least_delay_counts() -> None:
    clock = ManualClock(BOOTED_1970)
    base = Timebase(clock, ["main", "spare"], synchronised=False)
    start = clock.mono_s()
    for second, delay_s in enumerate((0.4, 0.1, 0.3)):
        base.note_gnss("main", heard(start + second + delay_s, TRUTH + timedelta(seconds=second)))

    utc, quality = base.at(start + 2.0)
    assert quality == "gnss"
    assert abs((utc - (TRUTH + timedelta(seconds=2))).total_seconds()) == pytest.approx(0.1)


def test_a_receiver_without_a_fix_or_a_date_is_not_believed() -> None:
    clock = ManualClock(TRUTH)
    base = Timebase(clock, ["main", "spare"], synchronised=False)
    base.note_gnss(
        "main", GnssEpoch(mono_s=0.0, utc=BOOTED_1970, fix=FixKind.NONE, lat_deg=None, lon_deg=None)
    )
    assert base.now() == (TRUTH, "rtc")


def test_a_receiver_silent_for_hours_is_no_longer_believed() -> None:
    clock = ManualClock(BOOTED_1970)
    base = Timebase(clock, ["main", "spare"], synchronised=False)
    base.note_gnss("main", heard(clock.mono_s(), TRUTH))
    clock.advance(GNSS_TRUST_S + 1)
    assert base.now()[1] == "none"


def test_a_jump_of_the_system_clock_does_not_move_time_from_the_receiver() -> None:
    clock = ManualClock(TRUTH)
    base = Timebase(clock, ["main", "spare"], synchronised=False)
    base.note_gnss("main", heard(clock.mono_s(), TRUTH))
    clock.jump_utc(-3600.0)
    assert base.now() == (TRUTH, "gnss")


def test_time_from_the_receiver_is_right_after_a_suspension_at_once() -> None:
    clock, asleep_s = ManualClock(BOOTED_1970), 5.0
    base = Timebase(clock, ["main"], synchronised=False, asleep=lambda: asleep_s)
    base.note_gnss("main", heard(clock.mono_s(), TRUTH))
    asleep_s += 600
    clock.advance(1.0)  # of those 601 seconds the monotonic clock has counted one
    assert base.now() == (TRUTH + timedelta(seconds=601), "gnss")


def test_two_receivers_that_disagree_do_not_make_time_jump() -> None:
    clock = ManualClock(BOOTED_1970)
    base = Timebase(clock, ["main", "spare"], synchronised=False)
    for _ in range(20):
        clock.advance(1.0)
        truth = TRUTH + timedelta(seconds=clock.mono_s())
        base.note_gnss("main", heard(clock.mono_s(), truth))
        base.note_gnss("spare", heard(clock.mono_s(), truth - timedelta(seconds=30)))
        assert base.now() == (truth, "gnss")


def test_receivers_heard_from_their_own_threads_never_break_each_other() -> None:
    base = Timebase(ManualClock(TRUTH), ["main", "spare"], synchronised=False)
    errors: list[BaseException] = []

    def hear(name: str) -> None:
        try:
            for i in range(5000):
                base.note_gnss(name, heard(float(i), TRUTH + timedelta(seconds=i * (i % 7))))
                base.now()
        except RuntimeError as error:
            errors.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=hear, args=(name,)) for name in ("main", "spare")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(before)
    assert errors == []
