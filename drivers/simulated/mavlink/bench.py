"""The simulated autopilot as a process: its line, its clock, and the hands of a pilot on stdin."""

import os
import select
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from drivers.gnss.outlets import PtyOutlet
from drivers.platforms.mavlink.log import stamped
from drivers.simulated.mavlink.autopilot import SimulatedAutopilot
from drivers.stream import listening_tcp

STEP_S = 0.02
CHUNK_BYTES = 65_536


class Wire(Protocol):
    """Frames in both directions."""

    datagrams: bool

    @property
    def name(self) -> str:
        """What the other side opens."""

    def read(self) -> bytes:
        """What has come. Does not wait."""

    def write(self, frames: list[bytes]) -> None:
        """What nobody takes is lost."""

    def close(self) -> None:
        """Never raises."""


class UdpWire:
    """Sends to one address, as a telemetry radio's box does, and hears what comes back."""

    datagrams = True

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._to = (host, port)

    @property
    def name(self) -> str:
        return f"udp://{self._to[0]}:{self._to[1]}"

    def read(self) -> bytes:
        with suppress(OSError):
            return self._socket.recv(CHUNK_BYTES)
        return b""

    def write(self, frames: list[bytes]) -> None:
        for frame in frames:
            with suppress(OSError):
                self._socket.sendto(frame, self._to)

    def close(self) -> None:
        self._socket.close()


class TcpWire:
    """A server for one client at a time, as simulators of autopilots have it."""

    datagrams = False

    def __init__(self, port: int) -> None:
        """Raises DeviceUnavailableError."""
        self._server = listening_tcp("127.0.0.1", port)
        self._client: socket.socket | None = None

    @property
    def name(self) -> str:
        return f"tcp://127.0.0.1:{self._server.getsockname()[1]}"

    def _accept(self) -> None:
        with suppress(OSError):
            client, _ = self._server.accept()
            client.setblocking(False)
            if self._client is not None:
                self._client.close()
            self._client = client

    def read(self) -> bytes:
        self._accept()
        if self._client is None:
            return b""
        try:
            data = self._client.recv(CHUNK_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:  # it has gone; another may come
            self._client.close()
            self._client = None
        return data

    def write(self, frames: list[bytes]) -> None:
        with suppress(OSError):
            if self._client is not None:
                self._client.sendall(b"".join(frames))

    def close(self) -> None:
        self._server.close()
        if self._client is not None:
            self._client.close()


class PtyWire:
    """A pseudo-terminal."""

    datagrams = False

    def __init__(self, link: Path | None) -> None:
        """Raises DeviceUnavailableError."""
        self._outlet = PtyOutlet(link)
        self.name = self._outlet.name

    def read(self) -> bytes:
        return self._outlet.read()

    def write(self, frames: list[bytes]) -> None:
        if frames:
            self._outlet.write(b"".join(frames))

    def close(self) -> None:
        self._outlet.close()


class Pilot:
    """Whoever stands beside it with a radio, as lines of text."""

    HELP = (
        "takeoff METRES | arm | disarm | mode NAME | stick FORWARD RIGHT (m/s) | gps KIND(0-6) | "
        "battery PERCENT | drain TIMES | lie percent|volts VALUE|off | lose SHARE | "
        "damage SHARE | mute SECONDS | "
        "remote-id on|off | fence in|out | say WORDS | refuse COMMAND RESULT | slow SECONDS | quit"
    )

    def __init__(self, autopilot: SimulatedAutopilot) -> None:
        self._autopilot = autopilot
        self.quit = False
        self._acts: dict[str, Callable[[list[str]], None]] = {
            "takeoff": lambda words: autopilot.take_off(float(words[0])),
            "arm": lambda _words: setattr(autopilot, "armed", True),
            "disarm": lambda _words: setattr(autopilot, "armed", False),
            "mode": self._mode,
            "stick": self._stick,
            "gps": lambda words: setattr(autopilot, "gps_fix", int(words[0])),
            "battery": self._battery,
            "drain": lambda words: setattr(autopilot.battery, "drain", float(words[0])),
            "lie": self._lie,
            "lose": lambda words: setattr(autopilot.faults, "lost", float(words[0])),
            "damage": lambda words: setattr(autopilot.faults, "damaged", float(words[0])),
            "mute": self._mute,
            "remote-id": lambda words: setattr(autopilot, "remote_id", words[0] == "on"),
            "fence": lambda words: setattr(autopilot, "own_fence_breached", words[0] == "out"),
            "say": lambda words: autopilot.texts.append((2, " ".join(words))),
            "refuse": self._refuse,
            "slow": lambda words: setattr(autopilot.commands, "slow_s", float(words[0])),
            "quit": lambda _words: setattr(self, "quit", True),
        }

    def obey(self, line: str) -> str:
        """What came of it."""
        name, *words = line.split() or [""]
        act = self._acts.get(name)
        if act is None:
            return self.HELP
        try:
            act(words)
        except (IndexError, ValueError, KeyError):
            return self.HELP
        return f"ok: {line.strip()}"

    def _stick(self, words: list[str]) -> None:
        """Fly it by hand from now on, until its mode changes."""
        self._autopilot.set_mode("LOITER")
        self._autopilot.guidance.sticks = (float(words[0]), float(words[1]), 0.0)

    def _mode(self, words: list[str]) -> None:
        self._autopilot.vehicle.custom_mode(words[0])
        self._autopilot.set_mode(words[0])

    def _battery(self, words: list[str]) -> None:
        battery = self._autopilot.battery
        battery.used_mah = battery.capacity_mah * (1 - float(words[0]) / 100)

    def _lie(self, words: list[str]) -> None:
        battery = self._autopilot.battery
        value = None if words[1] == "off" else float(words[1])
        if words[0] == "percent":
            battery.told_percent = value
        elif words[0] == "volts":
            battery.told_volts = value
        else:
            raise KeyError(words[0])

    def _mute(self, words: list[str]) -> None:
        self._autopilot.faults.mute_until_s = self._autopilot.time_s + float(words[0])

    def _refuse(self, words: list[str]) -> None:
        self._autopilot.commands.refuses[int(words[0])] = int(words[1])


def serve(
    autopilot: SimulatedAutopilot,
    wire: Wire,
    pilot: Pilot,
    said: Callable[[str], None],
    ends: Callable[[], bool],
    stdin: int | None,
    script: Sequence[tuple[float, str]] = (),
) -> None:
    """Live, until `ends` says so, or the pilot quits. `script`: seconds, and what is done then."""
    later = sorted(script)
    last_s, half = time.monotonic(), b""
    while not ends() and not pilot.quit:
        while later and later[0][0] <= autopilot.time_s:
            said(pilot.obey(later.pop(0)[1]))
        if stdin is not None and select.select([stdin], [], [], 0)[0]:
            data = os.read(stdin, CHUNK_BYTES)
            stdin = stdin if data else None  # nobody is there any more
            *lines, half = (half + data).split(b"\n")
            for line in lines:
                said(pilot.obey(line.decode(errors="replace")))
        while data := wire.read():
            autopilot.hear(data, whole=wire.datagrams)
        now_s = time.monotonic()
        autopilot.step(now_s - last_s)
        last_s = now_s
        wire.write(autopilot.output())
        time.sleep(STEP_S)


def record(autopilot: SimulatedAutopilot, path: Path, seconds: float, step_s: float = 0.05) -> int:
    """A flight as a tlog, without waiting for it. The number of messages. Raises OSError."""
    count = 0
    with path.open("wb") as log:
        for _ in range(round(seconds / step_s)):
            autopilot.step(step_s)
            for frame in autopilot.output():
                log.write(stamped(autopilot.unix_us, frame))
                count += 1
    return count
