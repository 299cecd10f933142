"""The MAVLink driver against the simulated autopilot: what it hears, asks, refuses and survives."""

import math

import pytest

pytest.importorskip("pymavlink")

from drivers.base import DeviceLostError
from drivers.platforms.mavlink import doing
from drivers.platforms.mavlink.numbers import (
    MAV_CMD_COMPONENT_ARM_DISARM,
    MAV_CMD_DO_SET_MODE,
    MAV_CMD_MISSION_START,
    MAV_CMD_NAV_RETURN_TO_LAUNCH,
    MAV_CMD_SET_MESSAGE_INTERVAL,
)
from drivers.platforms.mavlink.steering import NOT_ARMED, STRANGERS
from drivers.platforms.mavlink.talk import RESULTS, SILENT
from drivers.platforms.orders import (
    Abilities,
    Aim,
    Drive,
    EmergencyStop,
    GoHome,
    Hold,
    LoadMission,
    Pose,
    StartMission,
    Waypoint,
)
from drivers.samples import (
    Attitude,
    Battery,
    FixKind,
    Gimbal,
    GnssEpoch,
    Identity,
    Odometry,
    VehicleState,
)
from drivers.simulated.mavlink.autopilot import SimulatedAutopilot
from drivers.simulated.mavlink.flight import moved
from tests.mavlink_line import Line

HOME = SimulatedAutopilot().home


def points(count: int, height_m: float | None = 30, **more: float) -> tuple[Waypoint, ...]:
    spots = [moved(HOME, 40.0 * n, 30.0 * (n % 2)) for n in range(1, count + 1)]
    return tuple(
        Waypoint(lat_deg=spot.lat_deg, lon_deg=spot.lon_deg, height_m=height_m, **more)
        for spot in spots
    )


def flying(**line: object) -> Line:
    """In the air, met and set up."""
    made = Line(**line)  # type: ignore[arg-type]
    made.autopilot.take_off(30)
    made.run(3)
    return made


# --- what it tells ---


def test_an_autopilot_that_says_nothing_by_itself_is_asked_for_all_of_it() -> None:
    line = flying()
    line.run(5)
    rates = {kind: len(line.of(kind)) / 8 for kind in (Attitude, GnssEpoch, Odometry, Battery)}
    assert rates[Attitude] > 8
    assert rates[GnssEpoch] > 4
    assert rates[Odometry] > 4
    assert rates[Battery] > 0.8
    assert line.last(Identity).model == "ArduPilot copter"
    assert line.last(Identity).firmware == "4.5.7"
    assert line.last(Identity).serial.startswith("35003300")
    assert {Hold, GoHome, LoadMission, StartMission, Drive, Aim} <= line.last(Abilities).orders
    assert line.last(Abilities).flies


def test_positions_heights_and_errors_are_in_our_units() -> None:
    line = flying()
    epoch, attitude = line.last(GnssEpoch), line.last(Attitude)
    assert epoch.fix is FixKind.RTK_FIXED
    assert (epoch.lat_deg, epoch.lon_deg) == pytest.approx((HOME.lat_deg, HOME.lon_deg), abs=1e-6)
    assert (epoch.hdop, epoch.vdop, epoch.satellites_used) == (0.8, 1.2, 17)
    assert epoch.error_m == pytest.approx(0.9)
    assert epoch.utc is not None
    assert epoch.utc.year == 2026
    assert epoch.course_deg is None, "it stands"
    assert attitude.height_m == pytest.approx(30, abs=0.1)
    assert attitude.height_error_m == 10.0, "the barometer knows nothing of the ground below"
    assert abs(line.clock.mono_s() - attitude.mono_s) < 0.2


def test_without_a_receiver_the_autopilots_estimate_is_told_as_one() -> None:
    line = flying()
    line.autopilot.gps_fix = 0
    line.run(1)
    assert line.last(GnssEpoch).fix is FixKind.NONE
    assert line.last(GnssEpoch).lat_deg is None
    assert any("GNSS receiver" in fault for fault in line.last(VehicleState).faults)


def test_faults_in_its_own_words_go_when_they_are_not_repeated() -> None:
    line = flying()
    line.autopilot.texts += [(2, "Potential Thrust Loss (3)"), (6, "EKF3 IMU0 is using GPS")]
    line.run(1.5)
    assert line.last(VehicleState).faults == ("Potential Thrust Loss (3)",)
    line.run(32)
    assert line.last(VehicleState).faults == ()


def test_remote_identification_that_falls_silent_is_off() -> None:
    line = flying()
    assert line.last(VehicleState).remote_id is None
    line.autopilot.remote_id = True
    line.run(2)
    assert line.last(VehicleState).remote_id is True
    line.autopilot.remote_id = None
    line.run(7)
    assert line.last(VehicleState).remote_id is False
    assert any("remote identification" in fault for fault in line.last(VehicleState).faults)


# --- missions ---


@pytest.mark.parametrize("stack", ["ardupilot", "px4"])
def test_a_mission_is_loaded_read_back_flown_and_followed(stack: str) -> None:
    line = flying(autopilot=SimulatedAutopilot(stack=stack))
    assert line.ask(LoadMission(points=points(4, speed_mps=6.0), on_end="home")).ok
    line.run(2)
    assert (line.last(VehicleState).mission, line.last(VehicleState).mission_items) == ("loaded", 4)
    assert line.ask(StartMission()).ok
    line.samples.clear()
    line.run(70)
    items = [state.mission_item for state in line.of(VehicleState)]
    assert sorted(set(items)) == [0, 1, 2, 3]
    assert items == sorted(items)
    assert line.last(VehicleState).mission == "done"
    assert math.dist((line.autopilot.body.spot.lat_deg,), (HOME.lat_deg,)) < 1e-4, "it came home"


def test_a_mission_is_held_and_gone_on_with() -> None:
    line = flying()
    line.ask(LoadMission(points=points(3)))
    line.ask(StartMission())
    line.run(6)
    assert line.ask(Hold()).ok
    line.run(2)
    state = line.last(VehicleState)
    assert (state.mode, state.mission) == ("BRAKE", "paused")
    assert line.ask(StartMission()).ok
    line.run(2)
    assert line.last(VehicleState).mission == "active"


@pytest.mark.parametrize("lost", [0.1, 0.2])
def test_a_mission_gets_through_a_line_that_loses_messages(lost: float) -> None:
    line = flying()
    line.autopilot.faults.lost = lost
    done = line.ask(LoadMission(points=points(20)), within_s=300)
    assert done.ok, done.text
    assert [item.z for item in line.autopilot.missions.items[1:21]] == [30.0] * 20
    assert line.driver.counters()["lost_messages"] > 0


def test_a_mission_that_comes_back_as_another_one_is_not_loaded() -> None:
    line = flying()
    line.autopilot.missions.damages = True
    done = line.ask(LoadMission(points=points(3)))
    assert not done.ok
    assert "came back as another one" in done.text


def test_a_mission_that_it_has_no_room_for_is_refused_in_words() -> None:
    line = flying()
    done = line.ask(LoadMission(points=points(700, speed_mps=5.0)), within_s=400)
    assert (done.ok, done.text) == (False, "it has no room for so many points")


def test_a_mission_that_somebody_else_loads_is_noticed() -> None:
    line = flying()
    line.ask(LoadMission(points=points(4)))
    line.run(1)
    del line.autopilot.missions.items[3:]
    line.run(9)
    assert line.last(VehicleState).mission_items == 2


def test_what_flies_needs_a_height() -> None:
    line = flying()
    done = line.ask(LoadMission(points=points(2, height_m=None)))
    assert not done.ok
    assert "height_m" in done.text


# --- nothing takes off from afar ---


@pytest.mark.parametrize("order", [StartMission(), Drive(forward_mps=1)])
def test_nothing_is_armed_and_nothing_takes_off(order: object) -> None:
    line = Line()
    line.run(3)
    line.ask(LoadMission(points=points(2)))
    assert line.ask(order).text == NOT_ARMED  # type: ignore[arg-type]
    line.autopilot.armed = True
    line.run(2)
    assert line.ask(order).text == doing.ON_THE_GROUND  # type: ignore[arg-type]
    taken = line.autopilot.commands.taken
    assert not {MAV_CMD_COMPONENT_ARM_DISARM, MAV_CMD_MISSION_START, MAV_CMD_DO_SET_MODE} & {*taken}


def test_a_stop_has_what_flies_hover_and_disarms_what_rolls() -> None:
    line = flying()
    assert line.ask(EmergencyStop()).ok
    assert line.autopilot.armed
    assert line.autopilot.mode == "BRAKE"

    rover = Line(SimulatedAutopilot("rover"))
    rover.autopilot.armed, rover.autopilot.mode = True, "AUTO"
    rover.run(3)
    assert rover.ask(EmergencyStop()).ok
    assert (rover.autopilot.armed, rover.autopilot.mode) == (False, "HOLD")


# --- commands ---


def test_commands_are_sent_again_and_their_progress_is_waited_for() -> None:
    line = flying()
    line.autopilot.commands.slow_s = 3.0
    began_s = line.clock.mono_s()
    assert line.ask(GoHome()).ok
    assert line.clock.mono_s() - began_s > 2.9
    assert line.autopilot.commands.taken.count(MAV_CMD_NAV_RETURN_TO_LAUNCH) == 1

    line.autopilot.commands.slow_s = 0.0
    line.autopilot.faults.lost = 0.5
    results = [line.ask(Hold()).ok for _ in range(10)]
    assert sum(results) >= 7


def test_a_deaf_autopilot_is_told_as_one() -> None:
    line = flying()
    line.autopilot.faults.lost = 0.0
    line.autopilot.hear = lambda data, *, whole=False: None  # type: ignore[method-assign]
    assert line.ask(GoHome()).text == SILENT


@pytest.mark.parametrize("result", [1, 2, 3, 4])
def test_a_refusal_is_told_in_a_technicians_words(result: int) -> None:
    line = flying()
    line.autopilot.commands.refuses[MAV_CMD_NAV_RETURN_TO_LAUNCH] = result
    done = line.ask(GoHome())
    assert (done.ok, done.text) == (False, RESULTS[result])


def test_hold_falls_back_where_the_best_mode_is_refused() -> None:
    boat = Line(SimulatedAutopilot("boat"))
    boat.run(3)
    assert boat.ask(Hold()).ok
    assert boat.autopilot.mode == "LOITER"
    boat.autopilot.gps_fix = 0
    assert boat.ask(Hold()).ok, "without a position it can at least stop its motor"
    assert boat.autopilot.mode == "HOLD"


def test_a_newer_order_overtakes_the_one_under_way() -> None:
    line = flying()
    line.autopilot.commands.slow_s = 2.0
    line.driver.ask(901, GoHome())
    assert line.ask(Hold()).ok
    assert line.autopilot.mode == "BRAKE"


def test_an_order_it_cannot_do_is_refused_at_once() -> None:
    line = flying()
    done = line.ask(Pose("sit"), within_s=0.2)
    assert (done.ok, done.text) == (False, "this ArduPilot copter cannot do that")


def test_a_carrier_without_commands_is_sent_nothing_at_all() -> None:
    line = Line(SimulatedAutopilot(talkative=True), {"commands": False})
    line.run(5)
    assert line.link.sent == []
    assert line.last(Abilities).orders == frozenset()
    assert line.of(GnssEpoch)


# --- driving, aiming ---


def test_driving_goes_on_while_it_is_said_again_and_stops_half_a_second_later() -> None:
    line = flying()
    line.autopilot.set_mode("LOITER")
    line.run(1.5)
    for _ in range(10):
        assert line.ask(Drive(forward_mps=2.0)).ok
        line.run(0.2)
    assert line.autopilot.mode == "GUIDED"
    assert line.autopilot.body.north_mps == pytest.approx(2.0, abs=0.2)
    line.run(0.6)
    line.run(1.0)
    assert line.autopilot.body.speed_mps < 0.1


def test_closing_the_driver_stops_what_it_drove() -> None:
    line = flying()
    line.ask(Drive(forward_mps=2.0))
    line.run(0.3)
    line.driver.close()
    line.autopilot.step(1.0)
    assert line.autopilot.body.speed_mps < 0.1


def test_a_gimbal_is_aimed_and_tells_where_it_looks() -> None:
    line = flying()
    assert line.ask(Aim(pan_deg=200.0, tilt_deg=-35.0)).ok
    line.run(0.5)
    turned = line.last(Gimbal)
    assert (turned.pan_deg, turned.tilt_deg) == pytest.approx((-160.0, -35.0), abs=0.01)
    assert line.ask(Aim(tilt_deg=-10.0)).ok
    line.run(0.5)
    assert line.last(Gimbal).pan_deg == pytest.approx(-160.0, abs=0.01)
    preset = line.ask(Aim(preset="gate"))
    assert (preset.ok, "no presets" in preset.text) == (False, True)


# --- who speaks ---


def test_a_second_autopilot_on_the_line_is_a_fault_and_takes_the_orders_away() -> None:
    line = flying()
    line.link.autopilots.append(SimulatedAutopilot(system=2, talkative=True))
    line.run(3)
    assert line.last(VehicleState).troubles == ("autopilots_mixed",)
    assert line.ask(GoHome()).text == STRANGERS
    assert {round(each.lat_deg, 3) for each in line.of(GnssEpoch)} == {36.651}
    assert line.driver.counters()["foreign_system"] > 5


def test_two_autopilots_with_one_number_are_noticed() -> None:
    line = flying()
    other = SimulatedAutopilot(system=1, talkative=True)
    other.time_s = 500.0
    line.link.autopilots.append(other)
    line.run(4)
    assert line.last(VehicleState).troubles == ("autopilots_mixed",)


def test_the_one_that_was_set_is_listened_to() -> None:
    line = Line(SimulatedAutopilot(system=7), {"system": 7})
    line.link.autopilots.append(SimulatedAutopilot(system=2, talkative=True))
    line.run(4)
    assert line.last(VehicleState).troubles == ()
    assert line.ask(GoHome()).ok
    assert MAV_CMD_SET_MESSAGE_INTERVAL in line.autopilot.commands.taken


def test_an_autopilot_that_was_started_anew_is_asked_again() -> None:
    line = flying()
    line.link.autopilots[0] = line.autopilot = SimulatedAutopilot()
    line.run(13)
    line.samples.clear()
    line.run(1)
    assert len(line.of(Attitude)) > 7


@pytest.mark.parametrize(
    ("bytes_heard", "words"),
    [
        (b"", "nothing came"),
        (b"\x00\x80\xf8\x7f" * 30, "the baud rate is wrong"),
    ],
    ids=["silence", "wrong baud"],
)
def test_silence_names_what_to_look_for(bytes_heard: bytes, words: str) -> None:
    line = Line()
    line.link.autopilots.clear()
    line.link.before.append(bytes_heard)
    with pytest.raises(DeviceLostError, match=words):
        line.run(10)


def test_a_ground_station_alone_is_no_autopilot() -> None:
    line = Line()
    station = SimulatedAutopilot(system=255)
    station._type, station._stack = 6, 8
    line.link.autopilots[:] = [station]
    with pytest.raises(DeviceLostError, match="system 255 speaks, but an autopilot does not"):
        line.run(10)


def test_an_autopilot_that_falls_silent_is_lost() -> None:
    line = flying()
    line.link.autopilots.clear()
    with pytest.raises(DeviceLostError, match="says nothing for 3 s"):
        line.run(10)


def test_signed_lines_need_the_same_key() -> None:
    from drivers.platforms.mavlink.signing import Signing
    from tests.fakes import ManualClock

    key, clock = bytes(range(32)), ManualClock()
    line = Line(SimulatedAutopilot(signing=Signing(key, clock)), key=key)
    line.autopilot.take_off(30)
    line.run(3)
    assert line.ask(GoHome()).ok

    stranger = Line(SimulatedAutopilot(), key=key)
    with pytest.raises(DeviceLostError, match="none is signed with our key"):
        stranger.run(10)


def test_mavlink_1_is_spoken_with_an_autopilot_that_speaks_nothing_else() -> None:
    line = Line()
    line.autopilot.version = 1
    line.autopilot.take_off(20)
    line.run(3)
    assert line.ask(LoadMission(points=points(3))).ok
    assert line.ask(GoHome()).ok
    assert {frame[0] for frame in line.link.sent[8:] if len(frame) > 21} == {0xFE}
    assert line.last(GnssEpoch).lat_deg == pytest.approx(HOME.lat_deg)


def test_sideways_motion_of_what_flies_is_no_speed_along_its_bow() -> None:
    line = flying()
    line.autopilot.body.heading_deg = 90.0
    line.autopilot.set_mode("GUIDED")
    line.autopilot.guidance.want(0.0, -5.0, 0.0)
    line.run(2)
    assert line.last(Odometry).speed_mps is None
    assert line.last(Odometry).heading_deg == pytest.approx(90.0)
