"""What messages of an autopilot become: batteries that lie, heights, clocks, words, recordings."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import DeviceUnavailableError
from drivers.platforms.mavlink.battery import Batteries
from drivers.platforms.mavlink.boot_clock import BootClock
from drivers.platforms.mavlink.codec import Heard
from drivers.platforms.mavlink.gimbal import euler_deg, gimbal, identity
from drivers.platforms.mavlink.log import pieces, stamped
from drivers.platforms.mavlink.plan import Item, Plan
from drivers.platforms.mavlink.position import Motion
from drivers.platforms.mavlink.telling import Telling
from drivers.platforms.mavlink.vehicle import Vehicle, carries_a_vehicle
from drivers.platforms.orders import LoadMission, Waypoint
from drivers.samples import Attitude, Battery, FixKind, GnssEpoch

COPTER, ROVER = Vehicle.of(2, 3), Vehicle.of(10, 3)
NONE16 = 0xFFFF


def heard(name: str, **fields: Any) -> Heard:
    return Heard(1, 1, 2, name, SimpleNamespace(**fields))


def status(percent: int = 80, cell_v: float = 3.95, **more: Any) -> Heard:
    fields = {
        "id": 0, "type": 1, "temperature": 2500, "current_battery": 1200, "current_consumed": 900,
        "battery_remaining": percent, "time_remaining": 600, "charge_state": 1,
        "voltages": [round(cell_v * 1000)] * 4 + [NONE16] * 6,
    }  # fmt: skip
    return heard("BATTERY_STATUS", **(fields | more))


def told(batteries: Batteries, *messages: Heard, seconds: float = 6.0) -> Battery:
    """Each again and again for some seconds; the last sample."""
    found = []
    for second in range(int(seconds) + 1):
        for message in messages:
            found += batteries.take(message, 100.0 + second)
    return found[-1]


# --- batteries ---


def test_a_battery_in_our_units() -> None:
    (battery,) = Batteries().take(status(), 5.0)
    assert battery.percent == 80
    assert battery.voltage_v == pytest.approx(15.8)
    assert (battery.current_a, battery.celsius, battery.remaining_s) == (12.0, 25.0, 600.0)
    assert (battery.charging, battery.cells_low, battery.doubt) == (False, False, "")


def test_what_is_not_known_is_none() -> None:
    (battery,) = Batteries().take(
        status(
            -1, temperature=0x7FFF, current_battery=-1, current_consumed=-1, time_remaining=0,
            charge_state=0, voltages=[NONE16] * 10,
        ),
        5.0,
    )  # fmt: skip
    assert battery == Battery(mono_s=5.0)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (status(80, 3.4), "cells of 3.40 V are about empty, but it says 80 %"),
        (status(5, 4.15), "cells of 4.15 V are about full, but it says 5 %"),
        (status(80, 4.9), "the power module is not calibrated"),
        (status(60, 2.9, type=2), "cells of 2.90 V are about empty"),
    ],
    ids=["empty cells", "full cells", "not calibrated", "iron phosphate"],
)
def test_an_autopilot_that_lies_about_its_battery_is_told_after_a_while(
    message: Heard, words: str
) -> None:
    batteries = Batteries()
    assert told(batteries, message, seconds=3).doubt == ""
    assert words in told(batteries, message).doubt


def test_a_sag_under_load_is_no_lie() -> None:
    batteries = Batteries()
    for second in range(30):
        (battery,) = batteries.take(status(60, 3.4 if second % 4 == 0 else 3.8), float(second))
        assert battery.doubt == ""


def test_a_percentage_that_never_falls_is_found_by_what_was_drawn() -> None:
    batteries = Batteries(capacity_mah=5000)
    for second in range(60):
        mah = 100 + 60 * second
        (battery,) = batteries.take(status(80, 3.9, current_consumed=mah), float(second))
    assert "% of a full battery was drawn" in battery.doubt
    honest = Batteries(capacity_mah=5000)
    for second in range(60):
        mah = 100 + 60 * second
        percent = round(80 - 100 * 60 * second / 5000)
        (battery,) = honest.take(status(percent, 3.9, current_consumed=mah), float(second))
        assert battery.doubt == ""


def test_a_percentage_that_rises_is_found_and_a_charger_is_not() -> None:
    batteries, charging = Batteries(), Batteries()
    batteries.take(status(40, 3.8), 90.0)
    charging.take(status(40, 3.8), 90.0)
    assert "it rose from 40 %" in told(batteries, status(70, 3.8)).doubt
    charged = told(charging, status(70, 3.8, charge_state=7))
    assert (charged.doubt, charged.charging) == ("", True)


def test_two_messages_that_contradict_each_other_are_found() -> None:
    system = heard("SYS_STATUS", battery_remaining=20, voltage_battery=15800, current_battery=100)
    assert "one message says 80 %, another 20 %" in told(Batteries(), status(), system).doubt


def test_only_the_short_status_of_an_older_autopilot() -> None:
    system = heard("SYS_STATUS", battery_remaining=55, voltage_battery=15200, current_battery=-1)
    (battery,) = Batteries().take(system, 9.0)
    assert (battery.percent, battery.voltage_v, battery.current_a) == (55, 15.2, None)
    lying = heard("SYS_STATUS", battery_remaining=55, voltage_battery=12800, current_battery=-1)
    assert "cells of 3.20 V" in told(Batteries(cells=4), lying).doubt


def test_a_whole_voltage_in_the_first_cell_is_no_cell() -> None:
    whole = status(80, voltages=[15_800] + [NONE16] * 9)
    assert told(Batteries(), whole).doubt == ""
    assert told(Batteries(cells=4), whole).cells_low is False


def test_empty_cells_and_its_own_warning_are_low() -> None:
    assert Batteries().take(status(80, 3.2), 0.0)[0].cells_low is True
    assert Batteries().take(status(20, 3.7, charge_state=3), 0.0)[0].cells_low is True


# --- clock ---


@given(st.lists(st.floats(0, 0.4), min_size=5, max_size=40))
def test_a_stamp_is_never_in_the_future_and_near_the_least_delay(delays: list[float]) -> None:
    boot = BootClock()
    for number, delay in enumerate(delays):
        true_s = 50.0 + number * 0.1
        stamp = boot.mono_s(1000 * number * 0.1, true_s + delay)
        assert stamp <= true_s + delay + 1e-6
        assert stamp >= true_s - 1e-6
    assert boot.reboots == 0


def test_a_clock_that_goes_back_is_a_restart() -> None:
    boot = BootClock()
    boot.mono_s(500_000, 10.0)
    assert boot.mono_s(1_000, 11.0) == pytest.approx(11.0)
    assert boot.reboots == 1


# --- where ---


def gps(**more: Any) -> Heard:
    fields = {
        "fix_type": 3, "lat": 366_512_000, "lon": 1_171_201_000, "alt": 40_000, "eph": 90,
        "epv": 140, "vel": 250, "cog": 9000, "satellites_visible": 12, "h_acc": 1500, "yaw": 0,
    }  # fmt: skip
    return heard("GPS_RAW_INT", **(fields | more))


def epoch(message: Heard) -> GnssEpoch:
    (found,) = Motion(BootClock()).take(message, 5.0, COPTER)
    assert isinstance(found, GnssEpoch)
    return found


@pytest.mark.parametrize(
    ("fix_type", "fix"),
    [(0, FixKind.NONE), (1, FixKind.NONE), (2, FixKind.FIX_2D), (3, FixKind.FIX_3D),
     (4, FixKind.DGPS), (5, FixKind.RTK_FLOAT), (6, FixKind.RTK_FIXED)],
)  # fmt: skip
def test_kinds_of_fix(fix_type: int, fix: FixKind) -> None:
    assert epoch(gps(fix_type=fix_type)).fix is fix
    assert (epoch(gps(fix_type=fix_type)).lat_deg is None) == (fix is FixKind.NONE)


def test_what_a_receiver_does_not_know_is_none() -> None:
    found = epoch(
        gps(eph=NONE16, epv=NONE16, vel=NONE16, cog=NONE16, satellites_visible=255, h_acc=0)
    )
    assert (found.hdop, found.vdop, found.speed_mps, found.course_deg) == (None,) * 4
    assert (found.satellites_used, found.error_m, found.heading_deg) == (None,) * 3


def test_null_island_is_no_place() -> None:
    assert epoch(gps(lat=0, lon=0)).fix is FixKind.NONE
    assert epoch(gps(lat=2_000_000_000)).fix is FixKind.NONE


def attitude(**more: float) -> Heard:
    fields = {"time_boot_ms": 1000, "roll": 0.0, "pitch": 0.0, "yaw": 0.0, "yawspeed": 0.0}
    return heard("ATTITUDE", **(fields | more))


def test_the_best_height_is_taken_and_a_stale_one_is_not() -> None:
    motion = Motion(BootClock())
    fused = {"time_boot_ms": 0, "lat": 0, "lon": 0, "alt": 0, "relative_alt": 30_000, "vx": 0,
             "vy": 0, "vz": 0, "hdg": NONE16}  # fmt: skip
    down = {"min_distance": 20, "max_distance": 4000, "current_distance": 1200, "orientation": 25}
    motion.take(heard("GLOBAL_POSITION_INT", **fused), 1.0, COPTER)
    motion.take(heard("DISTANCE_SENSOR", **down), 1.0, COPTER)
    (turned,) = motion.take(attitude(), 1.1, COPTER)
    assert isinstance(turned, Attitude)
    assert (turned.height_m, turned.height_error_m) == (12.0, 0.3)
    motion.take(heard("GLOBAL_POSITION_INT", **fused), 5.0, COPTER)
    motion.take(heard("DISTANCE_SENSOR", **(down | {"current_distance": 4000})), 5.0, COPTER)
    (turned,) = motion.take(attitude(), 5.1, COPTER)
    assert isinstance(turned, Attitude)
    assert (turned.height_m, turned.height_error_m) == (30.0, 10.0)


def test_an_attitude_that_is_no_number_is_none() -> None:
    (turned,) = Motion(BootClock()).take(attitude(pitch=math.nan), 1.0, COPTER)
    assert isinstance(turned, Attitude)
    assert (turned.pitch_deg, turned.roll_deg, turned.heading_deg) == (None, None, None)


@pytest.mark.parametrize("roll", [math.inf, math.nan])
def test_no_height_comes_of_a_slant_that_is_no_number(roll: float) -> None:
    motion = Motion(BootClock())
    down = {"min_distance": 20, "max_distance": 4000, "current_distance": 1200, "orientation": 25}
    motion.take(attitude(roll=roll), 1.0, COPTER)
    motion.take(heard("DISTANCE_SENSOR", **down), 1.0, COPTER)
    (turned,) = motion.take(attitude(), 1.1, COPTER)
    assert isinstance(turned, Attitude)
    assert turned.height_m is None


# --- words ---


def test_a_long_text_is_put_together_and_garbage_is_printable() -> None:
    telling = Telling()
    for chunk, text in enumerate(("Battery 1 is low, voltage 13.2, used 4100 mAh; l", "and now")):
        fields = SimpleNamespace(severity=2, text=text, id=9, chunk_seq=chunk)
        telling.hear(fields, 1.0)
    telling.hear(SimpleNamespace(severity=3, text=b"bad\x1b[31m\xff\0rest", id=0, chunk_seq=0), 2.0)
    assert telling.faults(3.0) == (
        "bad[31m�",
        "Battery 1 is low, voltage 13.2, used 4100 mAh; land now",
    )


@given(st.lists(st.tuples(st.integers(0, 7), st.binary(max_size=50), st.integers(0, 3),
                          st.integers(0, 3)), max_size=40))  # fmt: skip
def test_any_texts_are_few_and_printable(texts: list[tuple[int, bytes, int, int]]) -> None:
    telling = Telling()
    for severity, text, number, chunk in texts:
        fields = SimpleNamespace(severity=severity, text=text, id=number, chunk_seq=chunk)
        telling.hear(fields, 1.0)
    faults = telling.faults(1.5)
    assert len(faults) <= 8
    assert all(fault.isprintable() for fault in faults)


# --- gimbal, identity ---


@given(st.floats(-180, 180), st.floats(-85, 85))
def test_a_quaternion_is_turned_into_angles(yaw: float, pitch: float) -> None:
    y, p = math.radians(yaw) / 2, math.radians(pitch) / 2
    q = [math.cos(p) * math.cos(y), -math.sin(p) * math.sin(y),
         math.sin(p) * math.cos(y), math.cos(p) * math.sin(y)]  # fmt: skip
    roll, found_pitch, found_yaw = euler_deg(q)
    assert (roll, found_pitch) == pytest.approx((0, pitch), abs=1e-6)
    assert math.cos(math.radians(found_yaw - yaw)) == pytest.approx(1, abs=1e-9)


def test_a_mount_against_north_needs_a_heading() -> None:
    north = heard("GIMBAL_DEVICE_ATTITUDE_STATUS", flags=64, q=[1.0, 0.0, 0.0, 0.0])
    assert gimbal(north, 1.0, None).pan_deg is None  # type: ignore[union-attr]
    assert gimbal(north, 1.0, 90.0).pan_deg == pytest.approx(-90)  # type: ignore[union-attr]
    old = heard("MOUNT_ORIENTATION", roll=math.nan, pitch=-30.0, yaw=10.0)
    turned = gimbal(old, 1.0, None)
    assert turned is not None
    assert (turned.pan_deg, turned.tilt_deg, turned.roll_deg) == (10.0, -30.0, None)
    assert (
        gimbal(heard("GIMBAL_DEVICE_ATTITUDE_STATUS", flags=32, q=[0.0] * 4), 1.0, 0.0) is not None
    )


def test_who_it_is() -> None:
    fields = SimpleNamespace(
        flight_sw_version=0x04050700, board_version=50 << 16, uid=0, uid2=[0x35, 0, 0xAA, 0]
    )
    found = identity("drone", fields, COPTER)
    assert (found.firmware, found.serial, found.hardware) == ("4.5.7", "3500aa", "50")
    assert found.model == "ArduPilot copter"


def test_stations_cameras_and_gimbals_carry_nothing() -> None:
    assert carries_a_vehicle(2)
    assert carries_a_vehicle(10)
    assert not any(carries_a_vehicle(kind) for kind in (6, 18, 26, 27, 30, 31))


# --- plans ---


PLACES = st.tuples(st.floats(-80, 80), st.floats(-179, 179), st.floats(1, 100), st.booleans())


@given(
    st.lists(PLACES, min_size=1, max_size=20),
    st.sampled_from(["hold", "home", "land"]),
    st.sampled_from([COPTER, Vehicle.of(2, 12)]),
)
def test_a_plan_is_found_again_in_what_is_read_back(
    points: list[tuple[float, float, float, bool]], on_end: Any, vehicle: Vehicle
) -> None:
    wanted = LoadMission(
        points=tuple(
            Waypoint(lat_deg=lat, lon_deg=lon, height_m=height, speed_mps=5.0 if fast else None)
            for lat, lon, height, fast in points
        ),
        on_end=on_end,
    )
    plan = Plan.of(wanted, vehicle)
    assert len(plan.points) == len(points)
    found = Plan.found(plan.items, vehicle)
    assert (found.points, plan.matches(found.items)) == (plan.points, "")
    assert [plan.point_under_way(number) for number in plan.points] == list(range(len(points)))
    moved = [*plan.items[:-1], Item(command=16, x=plan.items[-1].x + 500)]
    assert plan.matches(moved) != ""


def test_a_rover_has_no_landing_and_stands_at_its_end() -> None:
    wanted = LoadMission(points=(Waypoint(lat_deg=1, lon_deg=2),), on_end="hold")
    assert [item.command for item in Plan.of(wanted, ROVER).items] == [16, 16]


# --- recordings ---


FRAME = bytes((0xFD, 1, 0, 0, 7, 1, 1, 0, 0, 0, 9, 0xAA, 0xBB))


def test_a_tlog_is_read_over_damage(tmp_path: Any) -> None:
    start = 1_780_000_000_000_000
    records = [stamped(start + 1_000_000 * n, FRAME) for n in range(5)]
    path = tmp_path / "flight.tlog"
    path.write_bytes(records[0] + records[1] + b"\x99" * 11 + b"".join(records[2:]))
    found = list(pieces(path, 57_600))
    assert [round(piece.at_s) for piece in found] == [0, 1, 2, 3, 4]
    assert all(FRAME in piece.data for piece in found)


def test_bare_bytes_come_at_the_speed_of_the_line(tmp_path: Any) -> None:
    path = tmp_path / "flight.bin"
    path.write_bytes(FRAME * 500)
    found = list(pieces(path, 57_600))
    assert b"".join(piece.data for piece in found) == FRAME * 500
    assert found[-1].at_s == pytest.approx(500 * len(FRAME) / 5760, abs=0.1)


def test_a_recording_that_is_not_there_is_told(tmp_path: Any) -> None:
    with pytest.raises(DeviceUnavailableError, match=r"a \.tlog, or MAVLink bytes"):
        pieces(tmp_path / "none.tlog", 57_600)


@given(st.binary(max_size=400))
def test_any_recording_is_played_to_its_end(tmp_path_factory: Any, data: bytes) -> None:
    path = tmp_path_factory.mktemp("log") / "x.tlog"
    path.write_bytes(stamped(1_780_000_000_000_000, FRAME) + data)
    times = [piece.at_s for piece in pieces(path, 57_600)]
    assert times == sorted(times)
