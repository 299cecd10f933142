"""A car behind an ELM327 adapter, on a serial port or over TCP: text in, samples out."""

import time
from collections import deque
from typing import Protocol, Self

from config.cars import Elm327PlatformConfig
from config.language import said, tell
from drivers.base import ACTIVE_READ_S, DeviceLostError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.platforms.cars.car import Car
from drivers.platforms.cars.elm327_dialogue import BUS_ERRORS_OF_A_FAULT, Dialogue
from drivers.platforms.cars.elm327_replies import Prompts
from drivers.platforms.orders import PlatformOrder, PlatformSample
from drivers.samples import Done, Identity
from drivers.stream import SerialStream, TcpStream

# 38400 is the chip's own, 115200 and 9600 what boards with it are set to.
BAUDS = (38_400, 115_200, 9_600, 230_400, 57_600, 500_000)
BAUD_WAIT_S = 0.6
STANDING_BELOW_MPS = 1.0
LOW_FOR_S = 10.0  # an alternator that rests for a moment is no ignition switched off
VOLTAGE_FRESH_S = 12.0
NOT_TAKEN = "a car takes no orders from its passengers"


class Line(Protocol):
    """Bytes both ways: a serial port, a TCP connection."""

    def read(self, wait_s: float) -> bytes: ...
    def send(self, data: bytes) -> None: ...
    def close(self) -> None: ...


class Elm327:
    """One adapter. One thread."""

    def __init__(self, name: str, line: Line, config: Elm327PlatformConfig, clock: Clock) -> None:
        self._name = name
        self._line = line
        self._config = config
        self._clock = clock
        self._car = Car(name)
        self._dialogue = Dialogue(self._car, clock.mono_s())
        self._prompts = Prompts()
        self._waiting: deque[PlatformSample | Done] = deque()
        self._told = ""
        self._low_since_s: float | None = None
        self._standing = True  # as far as is known

    @classmethod
    def open(cls, name: str, config: Elm327PlatformConfig, clock: Clock) -> Self:
        """Raises DeviceUnavailableError, with the cure."""
        if config.host is not None:
            return cls(name, TcpStream.connect(config.host, config.net_port), config, clock)
        port = config.port or ""
        if config.baud != "auto":
            return cls(name, SerialStream.open(port, config.baud), config, clock)
        return cls(name, open_at_its_speed(port), config, clock)

    # --- what a driver does ---

    def read(self) -> PlatformSample | Done | None:
        if self._waiting:
            return self._waiting.popleft()
        now_s = self._clock.mono_s()
        command = self._dialogue.command(now_s)
        if self._dialogue.lost:
            raise DeviceLostError(
                tell(
                    "the OBD adapter {port} does not answer: is it in its socket, and is it an "
                    "ELM327?",
                    port=self._config.port or self._config.host,
                )
            )
        if command is not None:
            self._line.send(command.encode() + b"\r")
        for text in self._prompts.feed(self._line.read(ACTIVE_READ_S)):
            self._dialogue.heard(text, self._clock.mono_s())
        self._judge(self._clock.mono_s())
        self._waiting += self._identity()
        if self._dialogue.version:  # an adapter that has said nothing yet is told as silent
            self._waiting += self._car.due(self._clock.mono_s())
        return self._waiting.popleft() if self._waiting else None

    def ask(self, token: int, request: PlatformOrder) -> None:  # noqa: ARG002 - of any kind
        self._waiting.append(Done(token=token, ok=False, text=NOT_TAKEN))

    def close(self) -> None:
        self._line.close()

    def counters(self) -> dict[str, int]:
        drops = self._dialogue.counts + self._dialogue.payloads.reassembly.drops
        drops["implausible"] += self._car.implausible
        drops["overflow"] += self._prompts.overflows
        return dict(drops)

    # --- judging ---

    def _identity(self) -> list[Identity]:
        told = f"{self._dialogue.version} copy" if self._dialogue.copy else self._dialogue.version
        if not told or told == self._told:
            return []
        self._told = told
        model = "copy of an ELM327" if self._dialogue.copy else "ELM327"
        name = f"{self._name}.adapter"
        return [Identity(name=name, kind="adapter", model=model, firmware=self._dialogue.version)]

    def _judge(self, now_s: float) -> None:
        ignition = self._ignition(now_s)
        self._car.set_ignition(ignition)
        troubles = set()
        if self._dialogue.copy:
            troubles.add("elm_copy")
        if self._dialogue.bus_errors >= BUS_ERRORS_OF_A_FAULT:
            troubles.add("obd_bus_error")
        elif not self._dialogue.connected and ignition is None and self._dialogue.searched:
            troubles.add("obd_no_answer")
        self._car.trouble(troubles)

    def _ignition(self, now_s: float) -> bool | None:
        """A car that answers is on. One that does not is off if the adapter still answers, the
        alternator has not charged for a while, and it was not moving when it fell silent: a plug
        that came loose under way proves nothing."""
        if self._dialogue.connected:
            speed_mps = self._car.number("speed_mps", now_s)
            if speed_mps is not None:
                self._standing = speed_mps < STANDING_BELOW_MPS
            self._low_since_s = None
            return True
        voltage_v = self._car.number("voltage_v", now_s, VOLTAGE_FRESH_S)
        if voltage_v is None or voltage_v >= self._config.engine_off_below_v:
            self._low_since_s = None
            return None
        if self._low_since_s is None:
            self._low_since_s = now_s
        long_enough = now_s - self._low_since_s >= LOW_FOR_S
        return False if long_enough and self._standing else None


def open_at_its_speed(port: str) -> SerialStream:
    """The port at the speed at which an adapter answers; at the first of BAUDS where none does.

    Raises DeviceUnavailableError, and DeviceLostError where the plug is pulled meanwhile.
    """
    stream = SerialStream.open(port, BAUDS[0])
    try:
        for baud in BAUDS:
            stream.set_baud(baud)
            if _answers(stream):
                return stream
        stream.set_baud(BAUDS[0])
    except DeviceLostError as error:
        stream.close()
        raise DeviceUnavailableError(said(error)) from error
    return stream


def _answers(stream: SerialStream) -> bool:
    """Whether its prompt comes back. (An end of line alone would repeat the last command.)"""
    stream.send(b"ATI\r")
    end_s = time.monotonic() + BAUD_WAIT_S
    heard = b""
    while time.monotonic() < end_s:
        heard += stream.read(0.05)
        if b">" in heard and all(32 <= byte < 127 or byte in b"\r\n\0" for byte in heard):
            return True
    return False
