"""Robots: our line protocol against the simulated dog, and a rosbridge; dead-man and e-stop."""

import base64
import hashlib
import json
import math
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.robots import RosbridgePlatformConfig
from drivers.base import BadDataError, DeviceLostError, DeviceUnavailableError
from drivers.clock import SystemClock
from drivers.platforms.orders import (
    Abilities,
    Drive,
    EmergencyStop,
    Hold,
    LoadMission,
    Platform,
    PlatformOrder,
    PlatformSample,
    Pose,
    ReleaseStop,
    Switch,
)
from drivers.platforms.robots import ros_messages
from drivers.platforms.robots.messages import read_message
from drivers.platforms.robots.rosbridge import Rosbridge
from drivers.platforms.robots.websocket import TextSocket
from drivers.samples import Ambient, Battery, Done, Identity, Odometry, VehicleState
from tests.cars import samples_until
from tests.robots import BridgedRobot, rosbridge, simulated_dog

TOKENS = iter(range(1, 1_000_000))


def obeyed(robot: Platform, order: PlatformOrder, within_s: float = 3.0) -> Done:
    """Its answer, with whatever else it tells passed over."""
    token = next(TOKENS)
    robot.ask(token, order)
    found = samples_until(robot, lambda them: any(_is_done(each, token) for each in them), within_s)
    return next(each for each in found if isinstance(each, Done) and each.token == token)


def _is_done(sample: PlatformSample, token: int) -> bool:
    return isinstance(sample, Done) and sample.token == token


def drive_for(robot: Platform, order: Drive, seconds: float) -> list[PlatformSample]:
    """Said again each fifth of a second, as the helm does."""
    found, next_s, end_s = [], 0.0, time.monotonic() + seconds
    while time.monotonic() < end_s:
        if time.monotonic() >= next_s:
            robot.ask(next(TOKENS), order)
            next_s = time.monotonic() + 0.2
        sample = robot.read()
        if sample is not None:
            found.append(sample)
    return found


def listen(robot: Platform, seconds: float) -> list[PlatformSample]:
    return samples_until(robot, lambda _them: False, seconds)


def test_a_robot_says_what_it_is_and_what_it_can_do(tmp_path: Path) -> None:
    with simulated_dog(tmp_path) as dog, closing(dog.open()) as robot:
        found = listen(robot, 1.5)
    kinds = {type(each) for each in found}
    assert kinds == {Abilities, Identity, VehicleState, Odometry, Battery, Ambient}
    able = next(each for each in found if isinstance(each, Abilities))
    assert {Drive, Hold, Pose, EmergencyStop, ReleaseStop, Switch} == able.orders
    who = next(each for each in found if isinstance(each, Identity))
    assert (who.model, who.serial, who.firmware) == ("Simulated Dog", "SIM-0001", "1.0.0")
    assert sum(isinstance(each, Odometry) for each in found) >= 10


def test_it_walks_where_it_is_told_and_says_how_far(tmp_path: Path) -> None:
    with simulated_dog(tmp_path) as dog, closing(dog.open(max_speed_mps=1.0)) as robot:
        found = drive_for(robot, Drive(forward_mps=5.0, turn_dps=0.0), 2.0)
        obeyed(robot, Hold())
        truth = dog.truth()
        assert 1.2 < truth["y"] < 2.1, "no faster than the unit's file allows"
        assert abs(truth["x"]) < 0.01
        told = [each for each in found if isinstance(each, Odometry)]
        assert max(each.speed_mps or 0 for each in told) == pytest.approx(1.02, abs=0.1)
        assert (told[-1].way_m or 0) == pytest.approx(truth["y"] * 1.02, abs=0.3)
        drive_for(robot, Drive(turn_dps=45), 1.0)
        assert 20 < dog.truth()["heading"] < 60, "clockwise"


def test_it_stands_when_it_is_not_told_again(tmp_path: Path) -> None:
    with simulated_dog(tmp_path) as dog, closing(dog.open()) as robot:
        drive_for(robot, Drive(forward_mps=1.0), 1.0)
        said_s = dog.truth()["commanded"]
        listen(robot, 1.2)
        truth = dog.truth()
        assert truth["forward"] == 0.0
        assert truth["still"] - said_s < 0.95, "half a second, and slowing down"


def test_postures_lights_and_what_it_cannot(tmp_path: Path) -> None:
    with simulated_dog(tmp_path) as dog, closing(dog.open()) as robot:
        assert obeyed(robot, Pose("lie")).ok
        refused = obeyed(robot, Drive(forward_mps=0.5))
        assert (refused.ok, refused.text) == (False, "it does not stand")
        assert obeyed(robot, Pose("stand")).ok
        assert obeyed(robot, Switch(channel="lamp", level=0.5)).ok
        unknown = obeyed(robot, LoadMission(points=()))
        assert (unknown.ok, unknown.text) == (False, "it does not know LoadMission")
        dog.tell("refuse on")
        assert obeyed(robot, Pose("sit")).text == "it refuses"
        assert obeyed(robot, EmergencyStop()).ok, "a stop is never refused"


def test_an_emergency_stop_wins_and_stays_until_it_is_released(tmp_path: Path) -> None:
    with simulated_dog(tmp_path) as dog, closing(dog.open()) as robot:
        drive_for(robot, Drive(forward_mps=1.0), 1.0)
        assert dog.truth()["forward"] > 0.9
        robot.ask(next(TOKENS), Drive(forward_mps=1.0))
        robot.ask(next(TOKENS), EmergencyStop())
        robot.ask(next(TOKENS), Drive(forward_mps=1.0))
        drive_for(robot, Drive(forward_mps=1.0), 0.5)
        truth = dog.truth()
        assert (truth["forward"], truth["estop"]) == (0.0, 1.0)
        assert obeyed(robot, Drive(forward_mps=1.0)).text == "an emergency stop is on"
        states = [each for each in listen(robot, 1.0) if isinstance(each, VehicleState)]
        assert states[-1].estop is True
        assert obeyed(robot, ReleaseStop()).ok
        listen(robot, 0.7)
        drive_for(robot, Drive(forward_mps=1.0), 0.8)
        assert dog.truth()["forward"] > 0.9
        dog.tell("button on")  # on the robot itself
        drive_for(robot, Drive(forward_mps=1.0), 0.8)
        assert dog.truth()["forward"] == 0.0


def test_what_befalls_it_is_told_in_its_own_words(tmp_path: Path) -> None:
    with simulated_dog(tmp_path) as dog, closing(dog.open()) as robot:
        dog.tell("fall on")
        dog.tell("heat on")
        dog.tell("battery 12")
        found = samples_until(
            robot,
            lambda them: any(isinstance(e, VehicleState) and len(e.faults) == 2 for e in them),
            8.0,
        )
        state = [each for each in found if isinstance(each, VehicleState)][-1]
        assert state.mode == "fallen"
        assert state.faults[0] == "it has fallen over"
        assert state.faults[1].startswith("motor at ")
        charge = [each.percent for each in found if isinstance(each, Battery)][-1]
        assert charge == pytest.approx(12, abs=0.5)
        assert obeyed(robot, Drive(forward_mps=0.5)).text == "it has fallen over"


def test_an_adapter_that_hangs_is_lost_and_its_legs_stop_first(tmp_path: Path) -> None:
    with simulated_dog(tmp_path) as dog, closing(dog.open(silent_after_s=1.0)) as robot:
        drive_for(robot, Drive(forward_mps=1.0), 0.8)
        dog.tell("freeze on")
        with pytest.raises(DeviceLostError, match="says nothing"):
            drive_for(robot, Drive(forward_mps=1.0), 3.0)
        assert dog.truth()["forward"] == 0.0
        dog.tell("freeze off")
        with closing(dog.open()) as again:
            assert any(isinstance(each, Odometry) for each in listen(again, 1.0))


def test_a_newer_unit_takes_over_and_the_old_one_is_lost(tmp_path: Path) -> None:
    with simulated_dog(tmp_path) as dog, closing(dog.open()) as old:
        drive_for(old, Drive(forward_mps=1.0), 0.8)
        with closing(dog.open()) as new:
            with pytest.raises(DeviceLostError):
                listen(old, 2.0)
            time.sleep(0.5)
            assert dog.truth()["forward"] == 0.0
            assert obeyed(new, Drive(forward_mps=0.5)).ok


def test_another_version_is_refused_and_says_what_to_update(tmp_path: Path) -> None:
    with simulated_dog(tmp_path) as dog:
        dog.tell("protocol 2")
        with pytest.raises(DeviceUnavailableError, match=r"version 2 .* this unit 1: update this"):
            dog.open()
        dog.tell("protocol 0")
        with pytest.raises(DeviceUnavailableError, match="update the robot's adapter"):
            dog.open()


def test_garbage_is_counted_and_costs_nothing(tmp_path: Path) -> None:
    with simulated_dog(tmp_path) as dog, closing(dog.open()) as robot:
        dog.tell("garbage on")
        listen(robot, 0.8)
        dog.tell("garbage off")
        assert any(isinstance(each, Odometry) for each in listen(robot, 0.5))
        assert robot.counters()["bad_message"] > 5


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)
KEYS = ["forward_mps", "percent", "faults", "id", "ok", "can", "name", "mode"]
TYPES = ["hello", "state", "odometry", "attitude", "battery", "temperature", "done", "new"]


@settings(deadline=None)  # other tests run beside it
@given(
    st.binary(max_size=200)
    | st.builds(
        lambda kind, body: json.dumps({**body, "type": kind}).encode(),
        st.sampled_from(TYPES),
        st.dictionaries(st.sampled_from(KEYS), json_values, max_size=3),
    )
)
def test_any_line_is_a_message_or_refused(line: bytes) -> None:
    with suppress(BadDataError):
        message = read_message(line)
        for value in message.model_dump().values():
            assert not isinstance(value, float) or math.isfinite(value)


# --- rosbridge -----------------------------------------------------------------------------------

websockets = pytest.importorskip("websockets", reason="the test's server needs websockets")
pytest.importorskip("websocket", reason="websocket-client is not installed")


def bridged(robot: BridgedRobot, **changes: object) -> Rosbridge:
    config = {"kind": "rosbridge", "net_port": robot.port} | changes
    return Rosbridge.open("dog", RosbridgePlatformConfig.model_validate(config), SystemClock())


def test_ros_tells_speed_battery_and_what_is_wrong() -> None:
    with rosbridge() as robot, closing(bridged(robot)) as driver:
        found = listen(driver, 1.5)
        assert robot.topics == {
            "/odom": "nav_msgs/msg/Odometry",
            "/battery_state": "sensor_msgs/msg/BatteryState",
            "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
        }
        assert robot.advertised == {"/cmd_vel": "geometry_msgs/msg/Twist"}
    moved = next(each for each in found if isinstance(each, Odometry))
    assert (moved.speed_mps, moved.yaw_rate_dps) == (0.5, pytest.approx(-5.73, abs=0.01))
    charge = next(each for each in found if isinstance(each, Battery))
    assert (charge.percent, charge.current_a, charge.charging) == (81.0, 4.0, False)
    assert charge.celsius is None, "NaN is: not measured"
    state = [each for each in found if isinstance(each, VehicleState)][-1]
    assert (state.estop, state.faults) == (None, ("leg: hot",))
    able = next(each for each in found if isinstance(each, Abilities))
    assert able.orders == {Drive, Hold}


def test_ros_1_and_stamped_speeds() -> None:
    with rosbridge() as robot, closing(bridged(robot, ros=1, stamped=True)) as driver:
        drive_for(driver, Drive(forward_mps=0.4, sideways_mps=0.1, turn_dps=90), 0.4)
        assert robot.advertised == {"/cmd_vel": "geometry_msgs/TwistStamped"}
        _, twist = robot.speeds[-1]
    assert twist["linear"] == {"x": 0.4, "y": -0.1, "z": 0.0}
    assert twist["angular"]["z"] == pytest.approx(math.radians(-60)), "cut to max_turn_dps"


def test_speeds_go_out_ten_times_a_second_and_end_with_a_stop() -> None:
    with rosbridge() as robot, closing(bridged(robot)) as driver:
        drive_for(driver, Drive(forward_mps=0.5), 1.0)
        listen(driver, 1.0)
        moving = [at_s for at_s, twist in robot.speeds if twist["linear"]["x"] == 0.5]
        still = [at_s for at_s, twist in robot.speeds if twist["linear"]["x"] == 0.0]
    assert len(moving) >= 9
    assert 0 < still[0] - moving[-1] < 0.5
    assert len(still) == 1


def test_an_emergency_stop_over_ros_stays_on_and_is_said_again() -> None:
    with rosbridge() as robot, closing(bridged(robot, estop="/e_stop")) as driver:
        drive_for(driver, Drive(forward_mps=0.5), 0.5)
        assert obeyed(driver, EmergencyStop()).ok
        assert obeyed(driver, Drive(forward_mps=0.5)).text == "an emergency stop is on"
        listen(driver, 1.0)
        assert len(robot.estops) >= 8
        assert all(robot.estops)
        assert robot.speeds[-1][1]["linear"]["x"] == 0.0
        assert obeyed(driver, ReleaseStop()).ok
        assert obeyed(driver, Drive(forward_mps=0.5)).ok
        listen(driver, 0.2)
        assert robot.estops[-1] is False


def test_without_a_topic_for_it_no_emergency_stop_is_offered() -> None:
    with rosbridge() as robot, closing(bridged(robot)) as driver:
        assert obeyed(driver, EmergencyStop()).text == "it does not know EmergencyStop"


def test_a_rosbridge_that_falls_silent_or_goes_away_is_lost() -> None:
    with rosbridge() as robot:
        with closing(bridged(robot, silent_after_s=0.5)) as driver:
            listen(driver, 0.3)
            robot.silent = True
            robot.to_say += [json.dumps({"op": "status", "level": "error", "msg": "no /odom"})]
            with pytest.raises(DeviceLostError, match="it says: no /odom"):
                listen(driver, 2.0)
        driver = bridged(robot)
    with closing(driver), pytest.raises(DeviceLostError):
        drive_for(driver, Drive(forward_mps=0.2), 3.0)
    with pytest.raises(DeviceUnavailableError, match="is it running"):
        bridged(robot)


def flooded(listener: socket.socket) -> None:
    """A server that speaks WebSocket, and then sends one message without an end."""
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        request = connection.recv(4096).decode()
        key = request.split("Sec-WebSocket-Key: ")[1].split("\r\n")[0]
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        answer = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n\r\n"
        )
        connection.sendall(answer.encode() + b"\x81\x7f" + (2**40).to_bytes(8, "big"))
        while True:
            connection.sendall(b" " * 65_536)


def received_until_lost(line: TextSocket) -> None:
    for _ in range(50):
        line.receive(0.5)


def test_a_message_without_an_end_is_not_gathered() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=flooded, args=(listener,))
        server.start()
        line = TextSocket.connect("127.0.0.1", listener.getsockname()[1])
        try:
            with pytest.raises(DeviceLostError, match="more than 1000000 bytes"):
                received_until_lost(line)
        finally:
            line.close()
            server.join(5)


@settings(deadline=None)  # other tests run beside it
@given(st.text(max_size=100) | json_values.map(json.dumps))
def test_whatever_a_rosbridge_says_is_read_or_refused(text: str) -> None:
    with suppress(BadDataError):
        ros_messages.read_publish(text)


@settings(deadline=None)  # other tests run beside it
@given(json_values)
@pytest.mark.parametrize("read", ["odometry", "battery", "diagnostics"])
def test_whatever_a_robot_publishes_is_a_sample_or_refused(read: str, inner: object) -> None:
    msg = {
        "percentage": inner,
        "voltage": inner,
        "status": [inner, {"level": inner, "name": "x", "message": inner}],
        "twist": {"twist": {"linear": {"x": inner}, "angular": {"z": inner}}},
    }
    call: Callable[..., object] = getattr(ros_messages, read)
    with suppress(BadDataError):
        call(msg) if read == "diagnostics" else call(msg, 1.0)


def test_garbage_over_ros_is_counted() -> None:
    with rosbridge() as robot, closing(bridged(robot)) as driver:
        robot.to_say += ["{", "[]", '{"op":"publish"}', '{"op":"publish","topic":"/odom","msg":{}}']
        found = listen(driver, 1.0)
        assert driver.counters()["bad_message"] == 4
    assert any(isinstance(each, Odometry) for each in found)
