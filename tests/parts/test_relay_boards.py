"""Relay boards and a camera's mount: pymodbus' own server, and bytes on a serial cable."""

import asyncio
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.actuators import GpioVia, ModbusVia, PelcoVia, SerialRelayVia
from drivers.actuators.actuator import ActuatorReport, Output
from drivers.actuators.gpio import GpioSwitch
from drivers.actuators.lines import SharedLines
from drivers.actuators.modbus import ModbusSwitch
from drivers.actuators.mounted import MountedActuator
from drivers.actuators.pelco import (
    ANSWERS,
    PelcoMount,
    answer,
    frame,
    pan_deg,
    pan_value,
    tilt_deg,
    tilt_value,
)
from drivers.actuators.serial_relay import SerialRelaySwitch, kmtronic, lcus, numato_answer
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.clock import SystemClock
from drivers.platforms.orders import Aim
from drivers.samples import Done
from drivers.stream import SerialStream
from tests.fakes import ManualClock
from tests.serial_cable import serial_cable

ON, OFF = Output(level=1.0), Output(level=0.0)


@contextmanager
def running(serve: Callable[[], Any]) -> Iterator[Any]:
    """A server of asyncio, in a thread of its own."""
    loop, servers, ready = asyncio.new_event_loop(), list[Any](), threading.Event()

    async def start() -> None:
        servers.append(serve())
        await servers[0].serve_forever(background=True)
        ready.set()

    def run() -> None:
        loop.run_until_complete(start())
        loop.run_forever()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(10)
        yield servers[0]
    finally:
        asyncio.run_coroutine_threadsafe(servers[0].shutdown(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def relays() -> Any:
    """Eight relays of device 3, as pymodbus' server has them."""
    simulator = pytest.importorskip("pymodbus.simulator")
    kinds = simulator.DataType

    def block(kind: Any) -> list[Any]:
        return [simulator.SimData(0, count=8, values=0, datatype=kind)]

    bits, words = block(kinds.BITS), block(kinds.REGISTERS)
    return simulator.SimDevice(3, simdata=(bits, bits, words, words))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_coils_of_a_board_on_the_network() -> None:
    server = pytest.importorskip("pymodbus.server")
    port = free_port()
    lines = SharedLines()
    via = {"kind": "modbus", "host": "127.0.0.1", "net_port": port, "device": 3}
    with running(lambda: server.ModbusTcpServer(relays(), address=("127.0.0.1", port))):
        switches = [ModbusSwitch.open(ModbusVia(**via, coil=coil), lines) for coil in range(8)]
        switches[0].set(True)
        switches[4].set(True)
        switches[0].set(False)

        assert [switch.get() for switch in switches] == [False] * 4 + [True] + [False] * 3
        strange = ModbusSwitch.open(ModbusVia(**via, coil=9999), lines)
        with pytest.raises(DeviceLostError, match="refused by the board"):
            strange.set(True)
    with pytest.raises(DeviceLostError):  # the board is gone
        told_again(switches[4])
    for switch in (*switches, strange):
        switch.close()


def test_coils_of_a_board_on_a_serial_line() -> None:
    server = pytest.importorskip("pymodbus.server")
    with serial_cable() as (ours, theirs):
        make = lambda: server.ModbusSerialServer(relays(), port=theirs, baudrate=9600)  # noqa: E731
        with running(make):
            lines = SharedLines()
            seventh, other = (
                ModbusSwitch.open(ModbusVia(kind="modbus", port=ours, device=3, coil=coil), lines)
                for coil in (7, 2)
            )
            seventh.set(True)
            assert (seventh.get(), other.get()) == (True, False)
            seventh.set(False)
            assert (seventh.get(), other.get()) == (False, False)
            seventh.close()
            other.close()


def test_a_modbus_board_that_is_not_there_is_told_with_the_cure() -> None:
    pytest.importorskip("pymodbus")
    lines = SharedLines()
    via = ModbusVia(kind="modbus", host="127.0.0.1", net_port=free_port(), coil=0)
    with pytest.raises(DeviceUnavailableError, match="check its cable"):
        ModbusSwitch.open(via, lines)
    with serial_cable() as (ours, _):
        dumb = ModbusSwitch.open(ModbusVia(kind="modbus", port=ours, coil=0), lines)
        began = time.monotonic()
        with pytest.raises(DeviceLostError, match="A and B"):
            dumb.set(True)
        assert time.monotonic() - began < 2.0
        dumb.close()


def test_a_line_of_this_computer_that_is_not_there_is_told_with_the_cure() -> None:
    pytest.importorskip("gpiod")
    with pytest.raises(DeviceUnavailableError, match="gpiodetect"):
        GpioSwitch.open(GpioVia(kind="gpio", chip="/dev/no-such-chip", line=4))
    with pytest.raises(DeviceUnavailableError, match="cannot be an output"):
        GpioSwitch.open(GpioVia(kind="gpio", chip="/dev/null", line=4))


def told_again(switch: ModbusSwitch | SerialRelaySwitch) -> None:
    """A loss may be seen only when the buffers are full."""
    for _ in range(3):
        switch.set(True)


def heard(stream: SerialStream, want: int) -> bytes:
    found, ends_s = b"", time.monotonic() + 3
    while len(found) < want and time.monotonic() < ends_s:
        found += stream.read(0.1)
    stream.close()
    return found


def test_frames_of_the_cheap_boards() -> None:
    # As printed on the makers' pages: LCUS-1 "A0 01 01 A2" and "A0 01 00 A1", KMtronic "FF 01 01".
    assert lcus(1, True) == bytes.fromhex("A00101A2")
    assert lcus(1, False) == bytes.fromhex("A00100A1")
    assert kmtronic(1, True) == bytes.fromhex("FF0101")
    with serial_cable() as (ours, theirs):
        lines, board = SharedLines(), SerialStream.open(theirs, 9600)
        via = {"kind": "serial_relay", "port": ours}
        one = SerialRelaySwitch.open(SerialRelayVia(**via, channel=1), lines)
        two = SerialRelaySwitch.open(SerialRelayVia(**via, channel=2), lines)
        one.set(True)
        two.set(False)
        assert heard(board, 8) == bytes.fromhex("A00101A2 A00200A2")
        assert one.get() is None
        one.close()
        two.close()


class Numato(threading.Thread):
    """A relay board that echoes, obeys and answers, with its prompt."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._port = SerialStream.open(path, 9600)
        self.relays = {"0": False, "1": False}
        self.stop = threading.Event()

    def run(self) -> None:
        waiting = b""
        while not self.stop.is_set():
            waiting += self._port.read(0.05)
            *lines, waiting = waiting.split(b"\r")
            for line in lines:
                self._port.send(line + self._obey(line.decode().split()[1:]) + b"\n\r>")
        self._port.close()

    def _obey(self, words: list[str]) -> bytes:
        what, which = words
        if what == "read":
            return b"\n\ron" if self.relays[which] else b"\n\roff"
        self.relays[which] = what == "on"
        return b""


def test_a_board_that_answers_is_believed() -> None:
    with serial_cable() as (ours, theirs):
        board = Numato(theirs)
        board.start()
        via = SerialRelayVia(kind="serial_relay", port=ours, protocol="numato", channel=2)
        switch = SerialRelaySwitch.open(via, SharedLines())
        try:
            switch.set(True)
            assert switch.get() is True
            board.relays["1"] = False
            assert switch.get() is False
        finally:
            switch.close()
            board.stop.set()
            board.join()


@given(st.binary(max_size=60))
def test_whatever_a_relay_board_says_is_an_answer_or_an_error(said: bytes) -> None:
    try:
        on = numato_answer(said)
    except DeviceLostError as error:
        assert "Numato" in str(error)  # noqa: PT017 - both ways are right
    else:
        assert re.search(rb"on\b" if on else rb"off\b", said)


# --- a camera's mount ------------------------------------------------------------------------


def test_frames_of_pelco_d() -> None:
    # "Set pan position" to 45 degrees at address 1: 4500 hundredths, and the sum of five bytes.
    assert frame(1, 0x4B, 4500) == bytes.fromhex("FF01004B1194F1")
    assert answer(b"\x00\xff" + frame(7, 0x59, 12345), 7, 0x59) == 12345
    assert answer(frame(7, 0x59, 12345), 8, 0x59) is None
    torn = bytearray(frame(7, 0x59, 12345))
    torn[4] ^= 1
    assert answer(bytes(torn), 7, 0x59) is None


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_angles_survive_the_wire(pan: float, tilt: float) -> None:
    def apart(one: float, other: float) -> float:
        return abs((one - other + 180.0) % 360.0 - 180.0)

    assert apart(pan_deg(pan_value(pan)), pan) <= 0.0051
    assert apart(tilt_deg(tilt_value(tilt)), tilt) <= 0.0051
    assert 0 <= pan_value(pan) < 36000
    assert 0 <= tilt_value(tilt) < 36000


@given(st.binary(max_size=64), st.integers(1, 254))
def test_whatever_a_mount_says_is_an_answer_or_none(said: bytes, address: int) -> None:
    value = answer(said, address, 0x59)
    assert value is None or frame(address, 0x59, value)[4:6] in said


class Mount(threading.Thread):
    """A mount that is where it was told to be, and says so."""

    def __init__(self, path: str, address: int) -> None:
        super().__init__()
        self._port = SerialStream.open(path, 2400)
        self._address = address
        self.values = {0x4B: 0, 0x4D: 0, 0x4F: 0}
        self.presets: list[int] = []
        self.stopped = 0
        self.stop = threading.Event()

    def run(self) -> None:
        waiting = b""
        asked = dict(zip((0x51, 0x53, 0x55), self.values, strict=True))
        while not self.stop.is_set():
            waiting += self._port.read(0.02)
            while len(waiting) >= 7:
                one, waiting = waiting[:7], waiting[7:]
                command, value = one[3], one[4] << 8 | one[5]
                if command in self.values:
                    self.values[command] = value
                elif command == 0x07:
                    self.presets.append(value)
                elif command == 0x00:
                    self.stopped += 1
                elif command in asked:
                    told = self.values[asked[command]]
                    self._port.send(frame(self._address, ANSWERS[command], told))
        self._port.close()


def test_a_mount_goes_where_it_is_told_and_says_where_it_is() -> None:
    with serial_cable() as (ours, theirs):
        mount = Mount(theirs, 5)
        mount.start()
        via = PelcoVia(kind="pelco_d", port=ours, address=5)
        driver = MountedActuator(PelcoMount.open(via, SharedLines()), SystemClock())
        try:
            driver.ask(1, Aim(pan_deg=-45.5, tilt_deg=-10.0, zoom=0.5))
            assert driver.read() == Done(token=1, ok=True)
            report = driver.read()
            driver.ask(2, Aim(preset="7"))
            driver.ask(3, Aim(preset="gate"))
            answers = [driver.read(), driver.read()]
            driver.ask(4, ON)
            refused = driver.read()
        finally:
            driver.close()
            time.sleep(0.1)
            mount.stop.set()
            mount.join()

    assert isinstance(report, ActuatorReport)
    assert report.measured
    assert (report.pan_deg, report.tilt_deg) == (-45.5, -10.0)
    assert report.zoom == pytest.approx(0.5, abs=1e-4)
    assert mount.presets == [7]
    assert mount.stopped == 1, "and it stands when nobody is there to stop it"
    assert [one.ok for one in answers if isinstance(one, Done)] == [True, False]
    assert refused == Done(token=4, ok=False, text="it can only be turned")


def test_a_mount_that_cannot_be_asked_is_where_it_was_told_to_be() -> None:
    with serial_cable() as (ours, _):
        via = PelcoVia(kind="pelco_d", port=ours)
        driver = MountedActuator(PelcoMount.open(via, SharedLines()), SystemClock())
        driver.ask(1, Aim(pan_deg=30.0, tilt_deg=5.0))
        driver.read()
        report = driver.read()
        driver.close()

    assert isinstance(report, ActuatorReport)
    assert (report.pan_deg, report.tilt_deg, report.measured) == (30.0, 5.0, False)


def report_of(driver: MountedActuator, clock: ManualClock) -> ActuatorReport:
    """The next, a second later."""
    clock.advance(1.0)
    report = driver.read()
    assert isinstance(report, ActuatorReport)
    return report


def test_a_mount_that_was_without_power_is_asked_again() -> None:
    with serial_cable() as (ours, theirs):
        clock = ManualClock()
        via = PelcoVia(kind="pelco_d", port=ours, address=5)
        driver = MountedActuator(PelcoMount.open(via, SharedLines()), clock)
        reports = [report_of(driver, clock) for _ in range(5)]
        unanswered = driver.counters()["unanswered"]
        mount = Mount(theirs, 5)
        mount.start()
        try:
            clock.advance(10.0)
            reports.append(report_of(driver, clock))
        finally:
            driver.close()
            mount.stop.set()
            mount.join()

    assert [one.measured for one in reports] == [False] * 5 + [True]
    assert unanswered == 3, "and once each, not with every report"


def test_a_pulled_cable_is_a_loss() -> None:
    master, slave = os.openpty()
    via = SerialRelayVia(kind="serial_relay", port=os.ttyname(slave), channel=1)
    switch = SerialRelaySwitch.open(via, SharedLines())
    os.close(slave)
    os.close(master)
    with pytest.raises(DeviceLostError, match="is its plug in"):
        told_again(switch)
    switch.close()
