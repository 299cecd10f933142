"""`patrol-edge simulate autopilot`, opened like a real one: UDP, TCP, a pseudo-terminal, a log."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pymavlink")

from config.platforms import MavlinkPlatformConfig
from drivers.base import DeviceLostError, DeviceUnavailableError, EndOfRecordingError
from drivers.clock import SystemClock
from drivers.factory import open_platform
from drivers.platforms.mavlink.battery import Batteries
from drivers.platforms.mavlink.boot_clock import BootClock
from drivers.platforms.mavlink.codec import Codec
from drivers.platforms.mavlink.log import pieces
from drivers.platforms.mavlink.position import Motion
from drivers.platforms.mavlink.state import Condition
from drivers.platforms.mavlink.vehicle import Vehicle
from drivers.platforms.orders import Abilities, GoHome
from drivers.samples import Done, GnssEpoch, VehicleState
from edge.cli.main import main
from tests.simulators import end
from tests.unit_under_test import wait_for

FLIGHT = Path(__file__).parents[1] / "data" / "mavlink" / "flight.tlog"


@contextmanager
def simulated(*words: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "edge.cli.main", "simulate", "autopilot", *words],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            assert "an autopilot:" in process.stderr.readline()
            yield process
        finally:
            end(process)


def free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def opened(**config: Any) -> Any:
    section = MavlinkPlatformConfig.model_validate({"kind": "mavlink"} | config)
    return open_platform("drone", section, SystemClock())


def meet(driver: Any) -> None:
    """It is there, obeys, and tells."""
    seen: set[type] = set()

    def read() -> bool:
        sample = driver.read()
        seen.add(type(sample))
        return {Abilities, GnssEpoch, VehicleState} <= seen

    assert wait_for(read, 15)
    driver.ask(1, GoHome())
    assert wait_for(lambda: driver.read() == Done(token=1, ok=True), 10)


def samples(driver: Any) -> Iterator[Any]:
    with suppress(EndOfRecordingError):
        while True:
            yield driver.read()


@pytest.mark.parametrize("way", ["udp", "tcp", "pty"])
def test_it_is_met_over_every_kind_of_line(way: str, tmp_path: Path) -> None:
    udp, tcp = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    link = tmp_path / "autopilot"
    words = {"udp": ("--udp", f"127.0.0.1:{udp}"), "tcp": ("--tcp", str(tcp)),
             "pty": ("--link", str(link))}[way]  # fmt: skip
    section = {"udp": {"bind": "127.0.0.1", "net_port": udp}, "pty": {"port": str(link)},
               "tcp": {"host": "127.0.0.1", "net_port": tcp}}[way]  # fmt: skip
    with simulated(*words, "--takeoff", "20"):
        driver = opened(**section)
        try:
            meet(driver)
        finally:
            driver.close()


def test_a_plug_that_is_pulled_is_a_device_that_is_lost(tmp_path: Path) -> None:
    link = tmp_path / "autopilot"
    with simulated("--link", str(link), "--takeoff", "20"):
        driver = opened(port=str(link), silent_after_s=2.0)
        meet(driver)
    with pytest.raises(DeviceLostError):
        wait_for(lambda: driver.read() and False, 10)
    driver.close()


def test_the_pilots_hands_are_lines(tmp_path: Path) -> None:
    with simulated("--link", str(tmp_path / "a")) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for line in ("takeoff 30", "nonsense", "lie percent 80"):
            process.stdin.write(line + "\n")
            process.stdin.flush()
        told = [process.stderr.readline() for _ in range(3)]
    assert told[0] == "ok: takeoff 30\n"
    assert told[1].startswith("takeoff METRES | arm")
    assert told[2] == "ok: lie percent 80\n"


def test_a_flight_is_recorded_and_played(tmp_path: Path) -> None:
    log = tmp_path / "flight.tlog"
    assert (
        main(["simulate", "autopilot", "--log", str(log), "--takeoff", "20", "--duration", "2"])
        == 0
    )
    driver = opened(path=str(log))
    found = list(samples(driver))
    driver.close()
    assert sum(isinstance(sample, GnssEpoch) for sample in found) > 5
    (abilities,) = [sample for sample in found if isinstance(sample, Abilities)]
    assert abilities.orders == frozenset(), "nobody hears what is sent into a recording"


def test_the_recorded_flight_of_the_tests_is_told_as_it_was() -> None:
    """tests/data/mavlink/MANIFEST.md says where it is from."""
    codec, condition, vehicle = Codec(1, 191), Condition(asks=False), Vehicle.of(2, 3)
    motion, batteries = Motion(BootClock()), Batteries()
    states, epochs, charges = [], [], []
    for piece in pieces(FLIGHT, 57_600):
        for message in codec.feed(piece.data):
            condition.take(message, piece.at_s)
            epochs += motion.take(message, piece.at_s, vehicle)
            charges += batteries.take(message, piece.at_s)
            states.append(condition.state(piece.at_s, vehicle, motion.doubts, mixed=False))
    assert dict(codec.counters) == {"messages": 707}
    assert {state.mission_item for state in states} - {None} == {0, 1, 2, 3}
    assert states[-1].remote_id is True
    assert [charge.percent for charge in charges] == sorted(
        (c.percent for c in charges), reverse=True
    )
    assert all(charge.doubt == "" for charge in charges)
    far = max(each.lat_deg for each in epochs if isinstance(each, GnssEpoch) and each.lat_deg)
    assert far == pytest.approx(36.6512 + 25 / 111_319, abs=3e-5)


def test_a_wrong_address_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "autopilot", "--udp", "14550"]) == 2
    assert "127.0.0.1:14550" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("section", "words"),
    [({"port": "/dev/serial/by-id/none"}, "is not there"), ({"host": "127.0.0.1"}, "connect"),
     ({"path": "/nowhere.tlog"}, "cannot read"), ({"bind": "203.0.113.1"}, "cannot listen")],
    ids=["serial", "tcp", "log", "udp"],
)  # fmt: skip
def test_a_line_that_cannot_be_opened_says_why(section: dict[str, Any], words: str) -> None:
    section |= {"net_port": free_port(socket.SOCK_STREAM)}
    with pytest.raises(DeviceUnavailableError, match=words):
        opened(**section)


def test_the_file_says_one_way_to_it() -> None:
    for section in ({}, {"bind": "0.0.0.0", "host": "10.0.0.1"}):
        with pytest.raises(ValueError, match="give one"):
            opened(**section)
    with pytest.raises(ValueError, match="home_when_low needs a charge"):
        opened(bind="127.0.0.1", home_when_low=True)
