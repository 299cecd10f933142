"""The simulated autopilot and our recordings against programs that we did not write.

pymavlink's mavutil is what MAVProxy and many tools are built on; MAVSDK is an independent stack in
C++ (`pip install mavsdk`, 2026: not among our dependencies, so its test says so and skips).
"""

import asyncio
import importlib.util
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

mavutil = pytest.importorskip("pymavlink.mavutil")

from drivers.platforms.mavlink.codec import Codec  # noqa: E402 - after the library is known
from drivers.platforms.mavlink.log import pieces  # noqa: E402
from drivers.simulated.mavlink.autopilot import SimulatedAutopilot  # noqa: E402
from drivers.simulated.mavlink.bench import Pilot, UdpWire, record, serve  # noqa: E402

PLACES = [(36.6512 + 0.0003 * n, 117.1201) for n in range(1, 4)]


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def served(stack: str, port: int) -> Iterator[SimulatedAutopilot]:
    """A drone in the air that speaks to this port."""
    autopilot = SimulatedAutopilot(stack=stack, talkative=True, unix_s=time.time())
    autopilot.take_off(25)
    wire, stop = UdpWire("127.0.0.1", port), threading.Event()
    thread = threading.Thread(
        target=serve,
        args=(autopilot, wire, Pilot(autopilot), lambda _words: None, stop.is_set, None),
    )
    thread.start()
    try:
        yield autopilot
    finally:
        stop.set()
        thread.join()
        wire.close()


def ack(line: Any, command: int) -> int:
    while True:
        message = line.recv_match(type="COMMAND_ACK", blocking=True, timeout=5)
        assert message is not None, "no answer"
        if message.command == command:
            return int(message.result)


def test_mavutil_flies_the_simulated_autopilot() -> None:
    port = free_port()
    with served("ardupilot", port) as autopilot:
        line = mavutil.mavlink_connection(f"udpin:127.0.0.1:{port}", source_system=255)
        try:
            beat = line.wait_heartbeat(timeout=5)
            assert mavutil.mode_string_v10(beat) == "GUIDED"
            assert line.motors_armed()

            def item(number: int) -> Any:
                lat, lon = PLACES[max(0, number - 1)]
                return line.mav.mission_item_int_encode(
                    1, 1, number, 6 if number else 0, 16, 0, 1, 0, 0, 0, 0,
                    round(lat * 1e7), round(lon * 1e7), 25,
                )  # fmt: skip

            line.mav.mission_count_send(1, 1, 4, 0)
            while True:
                kinds = ["MISSION_REQUEST_INT", "MISSION_REQUEST", "MISSION_ACK"]
                asked = line.recv_match(type=kinds, blocking=True, timeout=5)
                assert asked is not None
                if asked.get_type() == "MISSION_ACK":
                    break
                line.mav.send(item(asked.seq))
            assert asked.type == 0
            line.set_mode("AUTO")
            assert ack(line, 176) == 0
            reached = line.recv_match(type="MISSION_ITEM_REACHED", blocking=True, timeout=20)
            assert reached is not None
            assert reached.seq == 1
            line.set_mode_rtl()
            assert ack(line, 20) == 0
            assert autopilot.mode == "RTL"
        finally:
            line.close()


def test_a_recording_is_read_alike_by_mavutil(tmp_path: Path) -> None:
    autopilot = SimulatedAutopilot(talkative=True)
    autopilot.take_off(25)
    path = tmp_path / "flight.tlog"
    count = record(autopilot, path, 20.0)

    theirs = mavutil.mavlink_connection(str(path))
    names = []
    while (message := theirs.recv_msg()) is not None:
        names.append(message.get_type())
    theirs.close()
    codec = Codec(1, 191)
    ours = [each.name for piece in pieces(path, 57_600) for each in codec.feed(piece.data)]
    assert ours == names
    assert len(ours) == count
    last = list(pieces(path, 57_600))[-1]
    assert last.at_s == pytest.approx(20.0, abs=0.5)


@pytest.mark.skipif(
    importlib.util.find_spec("mavsdk") is None, reason="mavsdk is not installed: pip install mavsdk"
)
def test_mavsdk_flies_the_simulated_autopilot() -> None:
    port = free_port()
    with served("px4", port) as autopilot:
        asyncio.run(asyncio.wait_for(_fly(port), 60))
        assert autopilot.mode == "RTL"


async def _fly(port: int) -> None:
    from mavsdk import System
    from mavsdk.mission import MissionItem, MissionPlan

    nan = float("nan")
    none = MissionItem.CameraAction.NONE
    items = [
        MissionItem(lat, lon, 25, 5, True, nan, nan, none, nan, nan, nan, nan, nan,
                    MissionItem.VehicleAction.NONE)
        for lat, lon in PLACES
    ]  # fmt: skip
    drone = System(port=free_port())
    await drone.connect(system_address=f"udpin://127.0.0.1:{port}")
    async for state in drone.core.connection_state():
        if state.is_connected:
            break
    async for position in drone.telemetry.position():
        assert position.relative_altitude_m == pytest.approx(25, abs=1)
        break
    await drone.mission.set_return_to_launch_after_mission(True)
    await drone.mission.upload_mission(MissionPlan(items))
    assert len((await drone.mission.download_mission()).mission_items) == 3
    await drone.mission.start_mission()
    async for progress in drone.mission.mission_progress():
        if progress.current >= 2:
            break
    await drone.mission.pause_mission()
    await drone.action.return_to_launch()
