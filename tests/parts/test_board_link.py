"""BoardLink against simulated boards in processes of their own."""

import os
import pty
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

import pytest

from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.gnss.outlets import PtyOutlet
from drivers.samples import Done, Identity
from firmware_bridge.runtime.greeting import BoardRefusedError
from firmware_bridge.runtime.orders import (
    BoardIncident,
    BoardSample,
    BoardState,
    SetChannel,
    SetChannels,
    TurnHead,
)
from tests.boards import asked, on, open_link, order, read_until, simulated
from tests.unit_under_test import wait_for


def state(sample: BoardSample | Done) -> BoardState | None:
    return sample if isinstance(sample, BoardState) else None


def incident(sample: BoardSample | Done) -> BoardIncident | None:
    return sample if isinstance(sample, BoardIncident) else None


def test_it_says_what_it_is_and_does_what_it_is_asked(tmp_path: Path) -> None:
    with simulated(tmp_path) as (port, control), closing(open_link(port)) as link:
        identity = link.read()
        assert isinstance(identity, Identity)
        assert (identity.model, identity.serial) == ("patrol-io", "SIM-0001")
        assert identity.calibrated == date(2026, 5, 4)
        assert asked(link, SetChannel(channel="siren", level=0.5, pattern="wail", for_s=9)).ok
        assert on(control) == {"siren"}
        now = read_until(link, state).channels["siren"]
        assert (now.on, now.level, now.pattern) == (True, 0.5, "wail")
        assert now.left_s is not None
        assert 8 < now.left_s <= 9
        both = (SetChannel(channel="beacon", level=1), SetChannel(channel="siren", level=0))
        assert asked(link, SetChannels(both)).ok
        assert on(control) == {"beacon"}
        assert asked(link, TurnHead(channel="head", pan_deg=-30, tilt_deg=12.5)).ok
        head = read_until(
            link, lambda each: (isinstance(each, BoardState) and each.channels["head"]) or None
        )
        assert head.kind == "pan_tilt"
    assert not port.exists()


def test_what_it_cannot_do_is_said_in_words(tmp_path: Path) -> None:
    with simulated(tmp_path) as (port, _), closing(open_link(port)) as link:
        told = asked(link, SetChannel(channel="horn", level=1)).text
        assert told.startswith("the board has no channel 'horn'; it has: searchlight, beacon")
        told = asked(link, SetChannel(channel="siren", level=1, pattern="purr")).text
        assert told == "siren has no pattern 'purr'; it has: steady, wail, yelp, hi_lo"
        told = asked(link, SetChannel(channel="head", level=1)).text
        assert told == "it cannot do that with this part"


def test_buttons_heat_and_supply_are_told(tmp_path: Path) -> None:
    with simulated(tmp_path) as (port, control), closing(open_link(port)) as link:
        order(control, "press sos")
        pressed = read_until(link, incident)
        assert (pressed.what, pressed.subject, pressed.input_kind) == ("pressed", "sos", "sos")
        assert abs(pressed.mono_s - time.monotonic()) < 0.5
        order(control, "celsius searchlight 85.5")
        order(control, "celsius board unknown")
        order(control, "volts 10.8")

        def hot(sample: BoardSample | Done) -> BoardState | None:
            found = state(sample)
            return found if found and found.celsius["searchlight"] == 85.5 else None

        told = read_until(link, hot)
        assert told.celsius["board"] is None
        assert told.inputs["sos"]
        order(control, "volts unknown")
        order(control, "fault overheat on")
        told = read_until(link, lambda each: ((one := state(each)) and one.faults and one) or None)
        assert told.faults == ("overheat",)
        assert read_until(link, incident).what == "fault"
        assert "a fault of the board" in asked(link, SetChannel(channel="siren", level=1)).text


def test_an_incident_comes_once_and_is_cleared_on_the_board(tmp_path: Path) -> None:
    with simulated(tmp_path) as (port, control):
        with closing(open_link(port)) as link:
            for word in ("press sos", "release sos", "press estop", "release estop"):
                order(control, word)
            found = [read_until(link, incident) for _ in range(4)]
            end_s = time.monotonic() + 0.5
            while time.monotonic() < end_s:
                sample = link.read()
                found += [sample] if isinstance(sample, BoardIncident) else []
            assert [(each.what, each.subject) for each in found] == [
                ("pressed", "sos"),
                ("released", "sos"),
                ("pressed", "estop"),
                ("released", "estop"),
            ]
        assert '"events": []' in order(control, "state")


def test_goodbye_turns_all_off_and_is_no_dead_man(tmp_path: Path) -> None:
    with simulated(tmp_path) as (port, control):
        with closing(open_link(port)) as link:
            assert asked(link, SetChannel(channel="siren", level=1)).ok
        assert wait_for(lambda: on(control) == set(), 5)
        assert '"events": []' in order(control, "state")


def test_a_host_that_hangs_loses_its_outputs_and_hears_of_it(tmp_path: Path) -> None:
    with simulated(tmp_path) as (port, control), closing(open_link(port)) as link:
        assert asked(link, SetChannel(channel="searchlight", level=1)).ok
        assert wait_for(lambda: on(control) == set(), 5)  # nobody reads: no heartbeat
        assert read_until(link, incident).what == "dead_man"
        read_until(link, lambda each: ((one := state(each)) and not one.dead_man) or None)
        assert on(control) == set()
        assert asked(link, SetChannel(channel="searchlight", level=1)).ok


@pytest.mark.parametrize(
    ("befalls", "told"),
    [
        ("hang", "it hangs"),
        ("power off", "it hangs"),
        ("reset", "the board has started again"),
    ],
)
def test_a_board_that_hangs_or_starts_again_is_lost_and_told_apart(
    tmp_path: Path, befalls: str, told: str
) -> None:
    with simulated(tmp_path) as (port, control):
        with closing(open_link(port, silent_after_s=0.5)) as link:
            order(control, befalls)
            with pytest.raises(DeviceLostError, match=told):
                read_until(link, lambda _each: None)
        order(control, "reset")
        open_link(port).close()


def test_a_board_that_has_gone_is_lost_at_once_and_found_again(tmp_path: Path) -> None:
    with simulated(tmp_path) as (port, _):
        link = open_link(port)
    with closing(link), pytest.raises(DeviceLostError, match="has gone"):
        read_until(link, lambda _each: None)
    with simulated(tmp_path) as (port, _):
        open_link(port).close()


@pytest.mark.parametrize(
    ("version", "cure"),
    [(1, "patrol-edge firmware flash"), (3, "update the software of this unit")],
)
def test_another_version_is_refused_with_both_named_and_the_cure(
    tmp_path: Path, version: int, cure: str
) -> None:
    with (
        simulated(tmp_path, "--protocol", str(version)) as (port, _),
        pytest.raises(BoardRefusedError, match=cure) as caught,
    ):
        open_link(port)
    assert caught.value.code == "board_version"
    assert (
        f"firmware 1.0.0) speaks version {version} of the board link, this unit version 2"
        in str(caught.value)
    )


def test_another_board_than_the_file_says_is_refused(tmp_path: Path) -> None:
    with simulated(tmp_path, "--serial", "B") as (port, _):
        with pytest.raises(BoardRefusedError, match="serial B, the unit's file says A") as caught:
            open_link(port, serial="A")
        assert caught.value.code == "board_other"
        open_link(port, serial="B", model="patrol-io").close()


@contextmanager
def speaking(folder: Path, what: Callable[[], bytes]) -> Iterator[Path]:
    """Something that is no board, ten times a second."""
    outlet, stop = PtyOutlet(folder / "port"), threading.Event()

    def speak() -> None:
        while not stop.wait(0.05):
            outlet.write(what())

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        yield folder / "port"
    finally:
        stop.set()
        thread.join()
        outlet.close()


def _heartbeat() -> bytes:
    mavlink = pytest.importorskip("pymavlink.dialects.v20.common")
    packer = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    return bytes(packer.heartbeat_encode(2, 3, 81, 0, 3).pack(packer))


@pytest.mark.parametrize(
    ("what", "code", "told"),
    [
        (lambda: b"$GPTXT,01,01,02,ANTSTATUS=OK*3B\r\n", "board_stranger", "NMEA"),
        (lambda: bytes.fromhex("b5620501020006010f38"), "board_stranger", "UBX"),
        (_heartbeat, "board_stranger", "MAVLink"),
        (lambda: b"I (312) boot: waiting for download\r\n", "board_stranger", "text"),
        (lambda: bytes((0xF8, 0x80, 0x1C, 0xE6, 0xFE, 0x98)), "board_baud", "115200"),
        (lambda: b"", "board_silent", "no board answers"),
    ],
    ids=["nmea", "ubx", "mavlink", "text", "baud", "silent"],
)
def test_who_speaks_instead_is_said(
    tmp_path: Path, what: Callable[[], bytes], code: str, told: str
) -> None:
    with (
        speaking(tmp_path, what) as port,
        pytest.raises(BoardRefusedError, match=told) as caught,
    ):
        open_link(port)
    assert caught.value.code == code


def test_a_port_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DeviceUnavailableError, match="is not there"):
        open_link(tmp_path / "nothing")


def test_a_port_that_takes_nothing_is_lost(tmp_path: Path) -> None:
    master, slave = pty.openpty()  # nobody reads: its buffer fills
    try:
        with pytest.raises((DeviceLostError, BoardRefusedError)):
            open_link(Path(os.ttyname(slave)))
    finally:
        os.close(master)
        os.close(slave)
