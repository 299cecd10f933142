"""A stranger's hub sends a drone on its mission: signed orders, a real broker, a whole unit."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pymavlink")

from drivers.simulated.mavlink.autopilot import SimulatedAutopilot
from drivers.simulated.mavlink.bench import Pilot, UdpWire, serve
from edge.cli.main import main
from telemetry.commands.keyring import KeyringFile, write_keyring
from telemetry.commands.keys import KeyEntry
from telemetry.contract.uuid7 import uuid7
from tests import stranger_signer
from tests.broker import Broker
from tests.e2e.plain_hub import PlainHub
from tests.e2e.test_commands import HUB, claims, end_of, say
from tests.e2e.unit_process import running_unit, write_unit_file
from tests.unit_under_test import wait_for

FENCE = {"crs": "wgs84", "centre": [117.1201, 36.6512], "radius_m": 120}
POINTS = [{"lat_deg": 36.6512 + 0.0002 * n, "lon_deg": 117.1201, "height_m": 25} for n in (1, 2, 3)]


@pytest.fixture
def drone() -> Iterator[tuple[SimulatedAutopilot, int]]:
    """In the air, over UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    autopilot, stop = SimulatedAutopilot(unix_s=time.time()), threading.Event()
    autopilot.take_off(25)
    wire = UdpWire("127.0.0.1", port)
    hands = (autopilot, wire, Pilot(autopilot), lambda _words: None, stop.is_set, None)
    thread = threading.Thread(target=serve, args=hands)
    thread.start()
    yield autopilot, port
    stop.set()
    thread.join()
    wire.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


def events(hub: PlainHub) -> list[str]:
    bodies = [each["data"] for each in hub.of("event") if each["type"] == "patrol.event.body.v1"]
    return [each["what"] for each in bodies]


def vehicle(hub: PlainHub) -> dict[str, Any]:
    states = [each["data"] for each in hub.of("state") if each["data"].get("vehicles")]
    return dict(states[-1]["vehicles"][0]) if states else {}


def test_a_mission_from_the_hub_to_the_autopilot_and_back(
    broker: Broker,
    drone: tuple[SimulatedAutopilot, int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    autopilot, port = drone
    (tmp_path / "state").mkdir(mode=0o700)
    entry = KeyEntry(
        kid="hub-1", public=stranger_signer.public_text(HUB), issuer="hub", roles=("commander",)
    )
    write_keyring(tmp_path / "state" / "keyring.json", KeyringFile(keys=(entry,)))
    platform = {"kind": "mavlink", "bind": "127.0.0.1", "net_port": port, "fence": FENCE}
    unit_file = write_unit_file(
        tmp_path, broker.url, perception={"enabled": False}, platforms={"drone": platform}
    )
    with PlainHub(broker.port) as hub, running_unit(unit_file, tmp_path / "log") as unit:
        able = {"mission.load", "move.hold", "move.home", "move.drive", "move.stop"}
        hub.wait_for(lambda h: h.of("state") and able <= capabilities(h), 30)
        assert "move.posture" not in capabilities(hub)
        mission = uuid7(datetime.now(UTC))

        def done(name: str, **args: Any) -> dict[str, Any]:
            return end_of(hub, say(hub, claims(name, **args)))

        far = [{"lat_deg": 36.66, "lon_deg": 117.1201, "height_m": 25}]
        assert done("mission.load", mission=mission, points=far)["code"] == "interlock"
        assert done("move.posture", posture="sit")["code"] == "unsupported"
        loaded = done("mission.load", mission=mission, points=POINTS, on_end="home")
        assert loaded["result"] == {"mission": mission, "carrier": "drone", "items": 3}
        assert done("mission.start", mission=mission)["status"] == "succeeded"
        hub.wait_for(lambda h: "mission_item" in events(h), 30)
        hub.wait_for(lambda h: vehicle(h).get("mission_state") == "active", 10)
        assert vehicle(hub)["mission"] == mission
        assert done("move.hold")["status"] == "succeeded"
        hub.wait_for(lambda h: "mission_paused" in events(h), 15)
        assert done("mission.start", mission=mission)["status"] == "succeeded"
        hub.wait_for(lambda h: "mission_done" in events(h), 40)

        assert done("move.stop", reason="a bird")["status"] == "succeeded"
        assert done("move.drive", forward_mps=1)["code"] == "interlock"
        assert autopilot.armed
        assert on_the_spot(tmp_path, capsys, "status").startswith("STOPPED by officer 7")
        assert "released" in on_the_spot(tmp_path, capsys, "release")
        assert on_the_spot(tmp_path, capsys, "hold") == "drone holds its place\n"
        braked = "drone (mavlink): BRAKE, motors on"  # its next heartbeat says so
        assert wait_for(lambda: braked in on_the_spot(tmp_path, capsys, "status"))
        assert done("move.home")["status"] == "succeeded"
        assert autopilot.mode == "RTL"
        hub.wait_for(lambda h: {"estop", "estop_released"} <= set(events(h)), 10)
        unit.terminate()
    assert "Traceback" not in (tmp_path / "log").read_text()


def on_the_spot(folder: Path, capsys: pytest.CaptureFixture[str], what: str) -> str:
    """What `patrol-edge move` says on the unit itself."""
    capsys.readouterr()
    assert main(["move", what, "--state-dir", str(folder / "state")]) == 0
    return capsys.readouterr().out


def capabilities(hub: PlainHub) -> set[str]:
    return set(hub.of("state")[-1]["data"]["capabilities"])
