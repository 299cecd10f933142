"""The simulated board as a program of its own, behind a pseudo-terminal."""

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from drivers.base import DeviceUnavailableError
from firmware_bridge.runtime.frames import Frame, encode
from firmware_bridge.runtime.port import Port, open_port
from firmware_bridge.runtime.splitter import ConsoleText, Item, Splitter
from firmware_bridge.simulated.bench import Bench
from firmware_bridge.simulated.board import BOOT_S, SimulatedBoard
from firmware_bridge.simulated.line import Line, Noise
from firmware_bridge.simulated.planes import NoManagement, NoRunTime
from tests.boards import inside, order, simulated
from tests.unit_under_test import wait_for


def read_items(port: Port, until: type[Item], within_s: float = 5.0) -> list[Item]:
    splitter, items = Splitter(), []
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        items += splitter.feed(port.read(0.1))
        if any(isinstance(item, until) for item in items):
            return items
    return items


def test_a_board_boots_is_told_to_reset_and_goes(tmp_path: Path) -> None:
    with simulated(tmp_path) as (link, control), closing(open_port(str(link), 115_200)) as port:
        assert isinstance(read_items(port, ConsoleText)[0], ConsoleText)
        assert order(control, "reset") == "ok"
        assert "Booting patrol board" in str(read_items(port, ConsoleText))
        assert order(control, "sing").startswith("error there is no 'sing'; there is: help")
        assert order(control, "flip lots") == "error write: flip SHARE"
        assert order(control, "flip 7") == "error 7 is not within 0..1; write: flip SHARE"
        assert order(control, "power sideways") == "error write: power off|on"
    assert not link.exists()
    assert not control.exists()


def test_a_port_is_for_one_program_at_a_time(tmp_path: Path) -> None:
    bench = Bench(SimulatedBoard(NoRunTime(), NoManagement()), tmp_path / "board")
    with (
        closing(bench),
        closing(open_port(bench.name, 115_200)),
        pytest.raises(DeviceUnavailableError),
    ):
        open_port(bench.name, 115_200)


class Echo(NoManagement):
    def line(self, data: bytes) -> bytes:
        return data + b"!\r\n"


def test_a_management_plane_gets_its_lines_and_answers() -> None:
    board = SimulatedBoard(NoRunTime(), Echo())
    board.power_on(0.0)
    assert board.feed(b"\x06\x09AAAA\n", 0.0) == b""  # it is not up yet
    assert b"firmware 1.0.0" in board.tick(BOOT_S)
    assert board.feed(b"\x06\x09AA", 1.0) + board.feed(b"BB\r\n", 1.1) == b"\x06\x09AABB!\r\n"
    board.hang(3.0)
    assert board.feed(b"\x06\x09AAAA\n", 2.0) == b""
    assert board.feed(b"\x06\x09AAAA\n", 3.0) == b"\x06\x09AAAA!\r\n"
    board.power_off()
    assert board.feed(b"\x06\x09AAAA\n", 4.0) == board.tick(5.0) == b""


def test_a_line_keeps_to_its_speed() -> None:
    line = Line(115_200)
    line.put(b"x" * 1152, 10.0)
    assert len(line.take(10.05)) == 576
    line.put(b"y" * 1152, 10.06)  # behind what is still on its way
    assert line.take(10.1) == b"x" * 576
    assert line.take(10.2) == b"y" * 1152
    assert line.next_s() is None


def test_noise_hurts_the_share_that_was_asked_for() -> None:
    line = Line(noise=Noise(flipped=0.01, dropped=0.02), seed=3)
    line.put(bytes(100_000), 0.0)
    arrived = line.take(0.0)
    assert 97_700 < len(arrived) < 98_300
    assert 800 < len(arrived) - arrived.count(0) < 1200
    assert line.hurt == 100_000 - len(arrived) + len(arrived) - arrived.count(0)


def test_bytes_of_a_frame_are_no_management_line() -> None:
    board = SimulatedBoard(NoRunTime(), Echo())
    board.power_on(0.0)
    board.tick(BOOT_S)
    assert board.feed(encode(Frame(6, 9, b"\x06\x09\n")), 1.0) == b""


def test_it_obeys_lines_on_stdin_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge.cli.main", "simulate", "board", "--duration", "2"]
    result = subprocess.run(
        [*command, "--link", str(tmp_path / "board")],
        input="press sos\ncelsius searchlight 70\nprotocol 9\nstate",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert result.stdout.splitlines()[:2] == ["ok", "ok"]
    assert result.stdout.splitlines()[2] == "error there is no version 9; write: protocol 1..7"


def test_it_obeys_at_a_time(tmp_path: Path) -> None:
    orders = ("--at", "0.6:press sos", "--at", "0.4:celsius board 95")
    with simulated(tmp_path, *orders) as (_, control):

        def kinds() -> list[int]:
            return [each["kind"] for each in inside(control)["events"]]

        assert wait_for(lambda: kinds() == [4, 2], 10), kinds()
        order(control, "celsius board 60")
        assert inside(control)["faults"] == 0


def test_a_wrong_time_is_refused_in_words() -> None:
    command = [sys.executable, "-m", "edge.cli.main", "simulate", "board", "--at", "reset"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 2
    assert "reset is not S:ORDER, such as 20:reset" in result.stderr
