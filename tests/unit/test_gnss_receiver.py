"""NmeaReceiver: which sentences make one epoch, what is believed, and when it comes out."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.gnss.nmea_framing import frame
from drivers.gnss.receiver import NmeaReceiver
from drivers.gnss.sky import Constellation, Signal, Sky
from drivers.samples import FixKind, GnssEpoch

PLACE = "4807.038,N,01131.000,E"
LAT_DEG, LON_DEG = 48.1173, 11.516666667


def gga(time: str = "120000.00", quality: int = 1, used: str = "08", place: str = PLACE) -> str:
    return f"GNGGA,{time},{place},{quality},{used},0.9,545.4,M,46.9,M,,"


def rmc(
    time: str = "120000.00",
    status: str = "A",
    mode: str = "A",
    day: str = "221126",
    place: str = PLACE,
) -> str:
    return f"GNRMC,{time},{status},{place},10.0,77.5,{day},,,{mode},V"


def gll(time: str = "120000.00", status: str = "A", place: str = PLACE) -> str:
    return f"GNGLL,{place},{time},{status},A"


GSA = "GNGSA,A,3,10,28,09,13,,,,,,,,,3.4,1.7,3.0,1"
GSV = "GPGSV,1,1,04,01,18,023,40"
VTG = "GNVTG,77.5,T,,M,10.0,N,18.5,K,A"


def replayed(*bodies: str, max_speed_mps: float = 80.0) -> list[GnssEpoch]:
    receiver = NmeaReceiver(max_speed_mps=max_speed_mps, live=False)
    done = receiver.feed(b"".join(map(frame, bodies)), 0.0) + receiver.finish()
    return [timed.epoch for timed in done]


class Live:
    """A receiver that talks in bursts, on a clock that the test moves."""

    def __init__(self) -> None:
        self.receiver = NmeaReceiver(max_speed_mps=80.0, live=True)
        self.now_s = 100.0

    def hears(self, *bodies: str) -> list[GnssEpoch]:
        data = b"".join(map(frame, bodies))
        return [timed.epoch for timed in self.receiver.feed(data, self.now_s)]

    def waits(self, seconds: float) -> list[GnssEpoch]:
        self.now_s += seconds
        return [timed.epoch for timed in self.receiver.silence(self.now_s)]


# --- what belongs together -------------------------------------------------------------------


def test_all_sentences_of_one_instant_are_one_epoch() -> None:
    (epoch,) = replayed(
        gga(), rmc(), GSA, "GPGSV,3,1,11,01,18,023,40", "GBGSV,2,1,07,01,18,023,40", VTG, gll(),
        "GNGST,120000.00,3.0,,,,3.0,4.0,6.0", "GNZDA,120000.00,22,11,2026,00,00", "HEHDT,93.1,T",
    )  # fmt: skip
    assert epoch == GnssEpoch(
        mono_s=0.0,
        utc=datetime(2026, 11, 22, 12, tzinfo=UTC),
        fix=FixKind.FIX_3D,
        lat_deg=pytest.approx(LAT_DEG),
        lon_deg=pytest.approx(LON_DEG),
        alt_msl_m=545.4,
        speed_mps=pytest.approx(5.14444, abs=1e-4),
        course_deg=77.5,
        heading_deg=93.1,
        satellites_used=8,
        satellites_in_view=18,
        hdop=0.9,
        pdop=3.4,
        vdop=3.0,
        error_m=5.0,
        talkers=("GB", "GN", "GP", "HE"),
        sky=Sky(
            (
                Signal(Constellation.GPS, 1, "", 18, 23, 40.0),
                Signal(Constellation.BEIDOU, 1, "", 18, 23, 40.0),
            ),
            used=frozenset((Constellation.GPS, number) for number in (10, 28, 9, 13)),
        ),
    )


def test_an_attitude_told_all_the_time_does_not_hold_up_the_position() -> None:
    live, out = Live(), []
    for tick in range(100):  # PASHR 25 times a second, GGA and RMC once
        live.now_s = 100.0 + tick * 0.04
        second, part = divmod(tick, 25)
        pashr = f"PASHR,1200{second:02d}.{part * 4:02d},{tick}.5,T,0.1,0.2,,0.03,0.03,0.5,2,3"
        position = [gga(f"1200{second:02d}.00"), rmc(f"1200{second:02d}.00")] if not part else []
        out += [(live.now_s, epoch) for epoch in live.hears(*position, pashr)]
    assert len(out) == 4
    for second, (now_s, epoch) in enumerate(out):
        assert now_s - (100.0 + second) < 0.2
        assert epoch.heading_deg is not None
        assert abs(epoch.heading_deg - (25 * second + 2)) <= 3
        assert epoch.heading_error_deg == 0.5


def test_a_date_of_before_the_software_is_moved_and_says_so() -> None:
    live = Live()
    epochs = live.hears(rmc("120000.00", day="080407"), rmc("120001.00", day="080407"))
    assert [epoch.date_moved for epoch in epochs] == [True]
    epochs = live.hears(rmc("120002.00", day="221126")) + live.waits(1.0)
    assert epochs[-1].date_moved is False


@pytest.mark.parametrize("kind", [gga, rmc, gll], ids=["GGA only", "RMC only", "GLL only"])
def test_one_kind_alone_gives_an_epoch_each(kind: object) -> None:
    assert callable(kind)
    epochs = replayed(*(kind(f"12000{second}.00") for second in range(5)))
    assert [epoch.has_fix for epoch in epochs] == [True] * 5


def test_ten_epochs_a_second_are_ten() -> None:
    times = [f"120000.{tenth}0" for tenth in range(10)]
    epochs = replayed(*(body for time in times for body in (rmc(time), gga(time), VTG)))
    seconds = [epoch.utc.microsecond / 1e5 for epoch in epochs if epoch.utc]
    assert seconds == list(range(10))


def test_times_that_differ_by_rounding_are_one_epoch_at_the_time_of_the_position() -> None:
    epochs = replayed(gll("200619.295"), gga("200619.30"), rmc("200619.30"), gll("200620.303"))
    assert [epoch.utc and epoch.utc.isoformat() for epoch in epochs] == [
        "2026-11-22T20:06:19.300000+00:00",
        "2026-11-22T20:06:20.303000+00:00",
    ]


def test_a_zda_that_runs_ahead_gives_the_date_but_not_the_time() -> None:
    zda = "GPZDA,235959.00,22,11,2026,00,00"
    first, second = replayed(gga("235957.00"), zda, gga("235958.00"))
    assert first.utc == datetime(2026, 11, 22, 23, 59, 57, tzinfo=UTC)
    assert second.utc == datetime(2026, 11, 22, 23, 59, 58, tzinfo=UTC)


def test_a_sentence_after_its_epoch_is_out_makes_no_second_one() -> None:
    epochs = replayed(gga("120000"), rmc("120001"), gll("120000"), gga("120001"))
    assert len(epochs) == 2


def test_a_sentence_said_twice_makes_no_second_epoch() -> None:
    assert len(replayed(gga(), gga(), rmc(), gga())) == 1


# --- what is believed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bodies",
    [
        (gga(quality=0),),
        (gga(quality=0), rmc()),
        (gga(), rmc(status="V", mode="N")),
        (gga(), gll(status="V")),
        (rmc(mode="N"),),
        (gga(quality=8), rmc(mode="S")),
        (gga(quality=7),),
        (gga(used="00"),),
        ("GNGGA,120000.00,,,,,0,00,99.99,,,,,,", "GNRMC,120000.00,V,,,,,,,221126,,,N,V"),
        ("GNGGA,,,,,,0,,,,M,,M,,",),
        ("GNGNS,120000.00,,,,,NN,00,99.99,,,,,V",),
        ("GNGGA,120000.00,,,,,1,05,1.0,,M,,M,,",),
    ],
)
def test_no_fix_gives_no_position(bodies: tuple[str, ...]) -> None:
    (epoch,) = replayed(*bodies)
    assert epoch.fix is FixKind.NONE
    assert (epoch.lat_deg, epoch.lon_deg, epoch.speed_mps) == (None, None, None)


@pytest.mark.parametrize(
    ("bodies", "fix"),
    [
        ((gga(), "GNGSA,A,2,10,28,09,,,,,,,,,,3.4,1.7,3.0"), FixKind.FIX_2D),
        ((gga(), GSA), FixKind.FIX_3D),
        ((gga(),), FixKind.FIX_3D),
        ((rmc(),), FixKind.FIX_2D),
        ((gga(quality=2), rmc(mode="D")), FixKind.DGPS),
        ((gga(quality=4), GSA), FixKind.RTK_FIXED),
        ((gga(quality=5),), FixKind.RTK_FLOAT),
        ((gga(quality=6), rmc(mode="E")), FixKind.ESTIMATED),
        ((gga(quality=2, used="00"), rmc()), FixKind.DGPS),
        ((gga(used="00"), GSA), FixKind.FIX_3D),
        ((f"GNGNS,120000.00,{PLACE},NRN,17,0.8,168.9,39.5,,,V",), FixKind.RTK_FIXED),
    ],
)
def test_the_kind_of_fix(bodies: tuple[str, ...], fix: FixKind) -> None:
    (epoch,) = replayed(*bodies)
    assert epoch.fix is fix
    assert epoch.lat_deg == pytest.approx(LAT_DEG)


def test_a_fix_that_comes_while_the_time_is_learned_is_not_held_against_the_silence_before() -> (
    None
):
    empty = ("GPGLL,,,,,,V,N", "GPRMC,,V,,,,,,,221126,,,N", "GPGGA,,,,,,0,00,,,M,,M,,")
    first, second = replayed(*empty, rmc("200004"), gga("200004"), gll("200004"))
    assert (first.fix, second.fix) == (FixKind.NONE, FixKind.FIX_3D)


def test_the_date_comes_late_and_midnight_goes_by() -> None:
    epochs = replayed(gga("235958"), gga("235959"), rmc("235959"), gga("000000"), gga("000001"))
    assert [epoch.utc and epoch.utc.day for epoch in epochs] == [None, 22, 23, 23]


def test_a_jump_is_refused_and_a_new_place_believed_after_three() -> None:
    there = "4907.038,N,01131.000,E"  # 111 km north
    epochs = replayed(
        gga("120000"), gga("120001"), gga("120002", place=there), gga("120003"),
        *(gga(f"12000{n}", place=there) for n in range(4, 9)),
    )  # fmt: skip
    assert [epoch.has_fix for epoch in epochs] == [
        *(True, True, False, True),
        *(False, False, True, True, True),
    ]
    assert all((epoch.lat_deg is None) == (not epoch.has_fix) for epoch in epochs)


def test_after_an_outage_a_unit_may_be_elsewhere() -> None:
    there = "4808.038,N,01131.000,E"  # 1.85 km north, 60 s later: 31 m/s
    assert [e.has_fix for e in replayed(gga("120000"), gga("120100", place=there))] == [True, True]


def test_a_field_that_cannot_be_costs_the_field_and_is_counted() -> None:
    receiver = NmeaReceiver(max_speed_mps=80.0, live=True)
    zda = "GPZDA,120000,01,01,99999999999,00,00"
    receiver.feed(frame(gga().replace("0.9", "nan")) + frame(zda) + frame("HEHDT,-1,T"), 0.0)
    (timed,) = receiver.silence(1.0)
    assert timed.epoch.lat_deg == pytest.approx(LAT_DEG)
    assert timed.epoch.hdop is None
    assert receiver.counters()["bad_field"] == 3


def test_times_that_go_round_do_not_carry_the_date_out_of_all_calendars() -> None:
    times = ["000000", "180000", "120000", "060000"]
    first = rmc("230000", day="060180", status="V")
    epochs = replayed(first, *(rmc(times[n % 4], "V", day="") for n in range(120)))
    assert epochs[0].utc is not None
    assert epochs[-1].utc is None


def test_counts_by_cause() -> None:
    receiver = NmeaReceiver(max_speed_mps=80.0, live=False)
    good = b"".join(map(frame, [gga(), "GPTXT,hello", "PUBX,00,1", gga(place="9960.0,N,0.0,E")]))
    receiver.feed(good + frame(rmc()).replace(b"4807", b"4907") + b"\xb5\x62\x01", 0.0)
    receiver.finish()
    assert receiver.counters() == {
        "sentences": 4,
        "epochs": 1,
        "fixes": 1,
        "bad_field": 1,
        "bad_checksum": 1,
        "other_bytes": 3,
    }
    assert receiver.kinds == {"GGA": 2, "TXT": 1, "PUBX": 1}


# --- the week roll-over ----------------------------------------------------------------------


def test_live_a_date_1024_weeks_ago_is_moved_up() -> None:
    live = Live()
    live.hears(rmc(day="080407"))  # 22 November 2026 minus 7168 days
    (epoch,) = live.waits(0.5)
    assert epoch.utc == datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_live_a_date_before_the_software_s_without_a_fix_is_no_date() -> None:
    live = Live()
    live.hears(rmc(status="V", mode="N", day="060180"))
    (epoch,) = live.waits(0.5)
    assert (epoch.utc, epoch.fix) == (None, FixKind.NONE)


def test_a_recording_keeps_its_date() -> None:
    (epoch,) = replayed(rmc(day="080407"))
    assert epoch.utc == datetime(2007, 4, 8, 12, tzinfo=UTC)


# --- when an epoch comes out ---------------------------------------------------------------


def test_live_a_silence_ends_an_epoch() -> None:
    live = Live()
    assert live.hears(rmc(), gga(), GSA) == []
    assert live.waits(0.05) == []
    (epoch,) = live.waits(0.06)
    assert epoch.mono_s == 100.0
    assert live.waits(5.0) == []


def test_live_the_last_sentence_is_learned_and_then_ends_the_epoch_at_once() -> None:
    live = Live()
    at_once = []
    for second in range(8):
        time = f"12000{second}"
        at_once.append(len(live.hears(rmc(time), gga(time), GSA, GSA, GSV)))
        live.waits(0.5)
    assert at_once == [0, 0, 0, 1, 1, 1, 1, 1]
    assert live.receiver.counters()["epochs"] == 8


def test_live_a_receiver_that_begins_to_say_more_is_learned_anew() -> None:
    live = Live()
    epochs: list[GnssEpoch] = []
    for second in range(40):
        time = f"1200{second:02d}"
        more = (gll(time), VTG) if second > 8 else ()
        epochs += live.hears(rmc(time), gga(time), *more)
        epochs += live.waits(0.5)
    times = [epoch.utc for epoch in epochs]
    assert len(times) == len(set(times)) == 40
    assert live.receiver.counters()["late"] <= 2
    assert live.hears(rmc("120040"), gga("120040"), gll("120040"), VTG) != []


def test_live_what_comes_once_a_second_is_not_lost_among_ten_positions() -> None:
    live = Live()
    epochs: list[GnssEpoch] = []
    for n in range(100):
        time = f"1200{n // 10:02d}.{n % 10}0"
        epochs += live.hears(gga(time), *([rmc(time)] if n % 10 == 0 else []))
        epochs += live.waits(0.04)
    assert len(epochs) >= 99
    assert live.receiver.counters()["late"] == 1
    assert sum(epoch.speed_mps is not None for epoch in epochs) == 9
    assert epochs[-1].utc is not None


def test_live_without_pauses_each_epoch_ends_where_the_next_begins() -> None:
    live = Live()
    times = [f"1200{n // 10:02d}.{n % 10}0" for n in range(50)]
    epochs = [epoch for time in times for epoch in live.hears(gga(time), VTG, rmc(time), GSV)]
    assert len(epochs) >= 49
    assert len({epoch.utc for epoch in epochs}) == len(epochs)


def test_live_a_clock_that_stands_without_a_fix_gives_an_epoch_per_burst() -> None:
    live = Live()
    epochs: list[GnssEpoch] = []
    for _ in range(10):
        nothing = (gga("000000", quality=0), rmc("000000", status="V", mode="N"))
        epochs += [*live.hears(*nothing), *live.waits(1.0)]
    assert [epoch.fix for epoch in epochs] == [FixKind.NONE] * 10


# --- anything goes in ------------------------------------------------------------------------

OTHERS = [
    "GNGNS,120000.00,4807.038,N,01131.000,E,AA,17,0.8,168.9,39.5,,,V",
    "GPGST,120000.00,3.0,,,,3.0,4.0,6.0",
    "GPZDA,120000.00,22,11,2026,00,00",
    "HEHDT,274.1,T",
    "GNTHS,274.1,A",
]
SENTENCES = [gga(), rmc(), gll(), GSA, GSV, VTG, gga("120001", 0), rmc("120002", "V"), *OTHERS]
ODD = [
    "",
    "0",
    "9",
    "-1",
    "N",
    "S",
    "A",
    "V",
    "1e9",
    "99",
    "360.0",
    "359.999999",
    "-0",
    "+1",
    "1_0",
]
ODD += ["nan", "inf", "-inf", "1e400", "0x1F", "9" * 40, "9" * 400, "0" * 300 + "1", "-" * 50, "."]
ODD += ["99999999999", "0." + "9" * 30, "235960.9999999999999999", "8959.99999999999999999999"]


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Sentences with right checksums and any fields, damaged ones, and noise."""
    parts = []
    for _ in range(draw(st.integers(1, 25))):
        body = draw(st.sampled_from(SENTENCES))
        fields = body.split(",")
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(1, len(fields) - 1))
            fields[at] = draw(st.sampled_from(ODD))
        data = frame(",".join(fields))
        if draw(st.booleans()):
            at = draw(st.integers(0, len(data) - 1))
            data = data[:at] + draw(st.binary(max_size=3)) + data[at:]
        parts.append(data)
    return b"".join(parts)


@settings(max_examples=150)
@given(streams(), st.booleans(), st.lists(st.floats(0, 1), max_size=5))
def test_nothing_makes_it_fail_or_tell_a_place_that_cannot_be(
    data: bytes, live: bool, pauses: list[float]
) -> None:
    receiver = NmeaReceiver(max_speed_mps=80.0, live=live)
    done, now_s, step = [], 0.0, len(data) // (len(pauses) + 1) + 1
    for at, pause_s in zip(range(0, len(data), step), [*pauses, 0.0], strict=False):
        done += receiver.feed(data[at : at + step], now_s)
        now_s += pause_s
        done += receiver.silence(now_s)
    for timed in done + receiver.finish():
        epoch = timed.epoch
        assert (epoch.lat_deg is None) == (epoch.lon_deg is None) == (not epoch.has_fix)
        if epoch.lat_deg is not None and epoch.lon_deg is not None:
            assert abs(epoch.lat_deg) <= 90
            assert abs(epoch.lon_deg) <= 180
            assert (epoch.lat_deg, epoch.lon_deg) != (0, 0)
        check_ranges(epoch)


RANGES = {
    "alt_msl_m": (-20_000, 20_000),
    "speed_mps": (0, 2800),
    "course_deg": (0, 360),
    "heading_deg": (0, 360),
    "satellites_used": (0, 128 * 12),
    "satellites_in_view": (0, 128 * 999),
    "hdop": (0, 99),
    "pdop": (0, 99),
    "vdop": (0, 99),
    "error_m": (0, 2e6),
}


def check_ranges(epoch: GnssEpoch) -> None:
    for name, (low, high) in RANGES.items():
        value = getattr(epoch, name)
        assert value is None or low <= value <= high, name  # which nan never is


@pytest.mark.parametrize("body", [gga(), rmc(), gll(), GSA, GSV, VTG, *OTHERS])
@pytest.mark.parametrize("live", [True, False])
def test_each_field_of_each_sentence_may_be_odd(body: str, live: bool) -> None:
    fields = body.split(",")
    for at in range(1, len(fields)):
        for odd in ODD:
            receiver = NmeaReceiver(max_speed_mps=80.0, live=live)
            spoilt = frame(",".join([*fields[:at], odd, *fields[at + 1 :]]))
            done = receiver.feed(frame(gga()) + spoilt, 0.0) + receiver.silence(1.0)
            for timed in done + receiver.finish():
                check_ranges(timed.epoch)
            assert receiver.sentences == 2
