"""Receivers that can be set up, on a pseudo-terminal: u-blox M8 and M10, PMTK, PAIR, PQTM.

They read and write UBX by a codec of their own, so that what is sent to them by way of pyubx2, and
what pyubx2 makes of their answers, is checked by somebody else. A line at another speed than the
receiver's carries garbage, as a real one does. Keys: u-blox M10 interface description, chapter 5.
"""

import copy
import functools
import operator
import os
import pty
import select
import struct
import termios
import threading
import time
import tty
from dataclasses import dataclass, field
from datetime import UTC, datetime

from drivers.clock import SystemClock
from drivers.gnss.route import demo_route
from drivers.gnss.simulator import GnssSimulator, SimulatorPlan, at_wrong_speed

SPEEDS = {
    getattr(termios, f"B{baud}"): baud
    for baud in (4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600)
}
KINDS = ("GGA", "RMC", "GSA", "GSV", "VTG", "GLL", "GST", "ZDA")
UBX_IDS = {0: "GGA", 1: "GLL", 2: "GSA", 3: "GSV", 4: "RMC", 5: "VTG", 7: "GST", 8: "ZDA"}
RATE_MEAS, RATE_NAV, BAUDRATE = 0x30210001, 0x30210002, 0x40520001
FIRST_KEYS = {"GGA": 0xBA, "GLL": 0xC9, "GSA": 0xBF, "GSV": 0xC4, "RMC": 0xAB, "VTG": 0xB0,
              "GST": 0xD3, "ZDA": 0xD8, "GNS": 0xB5}  # fmt: skip
SIGNAL_KEYS = {0x1031001F: "gps", 0x10310020: "sbas", 0x10310021: "galileo", 0x10310022: "beidou",
               0x10310024: "qzss", 0x10310025: "glonass"}  # fmt: skip
NMEA_OUT_KEYS = (0x10740002, 0x10780002)
M8_BLOCKS = ("gps", "sbas", "galileo", "beidou", "imes", "qzss", "glonass")
SIX = ("gps", "glonass", "galileo", "beidou", "qzss", "navic")
PMTK_ORDER = ("GLL", "RMC", "VTG", "GGA", "GSA", "GSV", "GRS", "GST")
PAIR_ORDER = ("GGA", "GLL", "GSA", "GSV", "RMC", "VTG", "ZDA", "GRS", "GST")


HASTE = 4.0


class HastyClock(SystemClock):
    """Goes that much faster, for the receivers here and for what sets them up."""

    def mono_s(self) -> float:
        return time.monotonic() * HASTE


@dataclass
class Memory:
    """What a receiver is set to."""

    rate_ms: int = 1000
    baud: int = 9600
    messages: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS[:6], 1))
    constellations: set[str] = field(default_factory=lambda: {"gps", "glonass"})


class SetUpReceiver:
    """One receiver; use it with `with`."""

    def __init__(
        self,
        family: str,
        *,
        baud: int = 9600,
        takes_baud: bool = True,
        carries_most: int = 921_600,
        has_flash: bool = True,
        lacks: tuple[int, ...] = (),
    ) -> None:
        """`carries_most`: a long cable; `lacks`: keys that it does not know."""
        self.family = family
        self.ram = Memory(baud=baud)
        self.kept = copy.deepcopy(self.ram)
        self.sent: list[bytes] = []  # UBX frames and sentences that it understood
        self._takes_baud, self._carries_most = takes_baud, carries_most
        self._has_flash, self._lacks = has_flash, lacks
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._stop = threading.Event()
        self._now_s = HastyClock().mono_s
        self._pending = b""
        self._number = 0
        self._thread = threading.Thread(target=self._live)
        talkers = ("GP", "GL")
        plan = SimulatorPlan(route=demo_route().route(), constellations=talkers, rate_hz=1)
        self._source = GnssSimulator(plan, datetime(2026, 11, 22, tzinfo=UTC))

    @property
    def port(self) -> str:
        return os.ttyname(self._slave)

    def __enter__(self) -> "SetUpReceiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)

    def lose_power(self) -> None:
        """What was not kept is gone."""
        self.ram = copy.deepcopy(self.kept)

    # --- the line ---

    def _live(self) -> None:
        due_s = self._now_s()
        while not self._stop.is_set():
            wait_s = max(0.0, min(0.02, (due_s - self._now_s()) / HASTE))
            if select.select([self._master], [], [], wait_s)[0]:
                self._take(os.read(self._master, 4096))
            if self._now_s() >= due_s:
                # By the clock, whatever else runs on this computer.
                due_s = max(due_s, self._now_s() - 1.0) + self.ram.rate_ms / 1000
                self._speak()

    def _speed(self) -> int:
        return SPEEDS.get(termios.tcgetattr(self._slave)[5], 0)

    def _carried(self, data: bytes) -> bytes:
        speed = self._speed()
        if speed == self.ram.baud <= self._carries_most:
            return data
        if speed == self.ram.baud:
            return bytes(byte ^ 0x55 for byte in data)  # too fast for this cable
        return at_wrong_speed(data, self.ram.baud, speed or 9600)

    def _send(self, data: bytes) -> None:
        try:
            os.write(self._master, self._carried(data))
        except BlockingIOError:
            termios.tcflush(self._slave, termios.TCIFLUSH)

    def _speak(self) -> None:
        self._number += 1
        for line in self._source.burst().splitlines(keepends=True):
            every = self.ram.messages.get(line[3:6].decode(), 0)
            if every and self._number % every == 0:
                self._send(line)

    def _take(self, data: bytes) -> None:
        if self._speed() != self.ram.baud or self.ram.baud > self._carries_most * 4:
            return
        self._pending += data
        while True:
            ubx, nmea = self._pending.find(b"\xb5\x62"), self._pending.find(b"$")
            if ubx >= 0 and (nmea < 0 or ubx < nmea):
                frame = self._pending[ubx:]
                if len(frame) < 8 or len(frame) < 8 + int.from_bytes(frame[4:6], "little"):
                    return
                size = 8 + int.from_bytes(frame[4:6], "little")
                self._pending = frame[size:]
                self._heed_ubx(frame[:size])
            elif nmea >= 0 and (end := self._pending.find(b"\n", nmea)) >= 0:
                line, self._pending = self._pending[nmea:end], self._pending[end + 1 :]
                self._heed_sentence(line.strip())
            else:
                return

    # --- UBX ---

    def _heed_ubx(self, frame: bytes) -> None:
        if not self.family.startswith("M") or checksum(frame[2:-2]) != frame[-2:]:
            return
        self.sent.append(frame)
        kind, payload = frame[2:4], frame[6:-2]
        if kind == b"\x0a\x04":
            self._send(ubx(kind, self._version()))
            return
        try:
            answer = self._set_ubx(kind, payload)
        except (KeyError, ValueError):
            self._send(ubx(b"\x05\x00", kind))
            return
        if answer is not None:
            self._send(ubx(kind, answer))
        self._send(ubx(b"\x05\x01", kind))

    def _version(self) -> bytes:
        told = {
            "M8": ("EXT CORE 3.01 (107888)", "00080000", "FWVER=SPG 3.01", "PROTVER=18.00"),
            "M10": ("ROM SPG 5.10 (7b202e)", "000A0000", "FWVER=SPG 5.10", "PROTVER=34.10"),
        }[self.family]
        more = ("MOD=MAX-M10S",) if self.family == "M10" else ("GPS;GLO;GAL;BDS",)
        texts = (told[0].encode().ljust(30, b"\0"), told[1].encode().ljust(10, b"\0"))
        return b"".join(texts) + b"".join(t.encode().ljust(30, b"\0") for t in (*told[2:], *more))

    def _set_ubx(self, kind: bytes, payload: bytes) -> bytes | None:
        handlers = {
            b"\x06\x8b": self._get_values, b"\x06\x8a": self._set_values,
        } if self.family == "M10" else {
            b"\x06\x08": self._rate, b"\x06\x01": self._message, b"\x06\x3e": self._gnss,
            b"\x06\x00": self._uart, b"\x06\x09": self._keep,
        }  # fmt: skip
        return handlers[kind](payload)

    def _get_values(self, payload: bytes) -> bytes:
        keys = struct.unpack(f"<{(len(payload) - 4) // 4}I", payload[4:])
        return b"\x01" + payload[1:4] + b"".join(
            struct.pack("<I", key) + self._value(key).to_bytes(width(key), "little")
            for key in keys
        )  # fmt: skip

    def _value(self, key: int) -> int:
        if key in self._lacks:
            raise KeyError(key)
        if key in SIGNAL_KEYS:
            return int(SIGNAL_KEYS[key] in self.ram.constellations)
        if key in NMEA_OUT_KEYS:
            return 1
        known = {RATE_MEAS: self.ram.rate_ms, RATE_NAV: 1, BAUDRATE: self.ram.baud}
        return known[key] if key in known else self.ram.messages.get(message_of(key), 0)

    def _set_values(self, payload: bytes) -> None:
        layers, at = payload[1], 4
        pairs = []
        while at < len(payload):
            (key,) = struct.unpack_from("<I", payload, at)
            pairs.append((key, int.from_bytes(payload[at + 4 : at + 4 + width(key)], "little")))
            at += 4 + width(key)
        if any(key in self._lacks for key, _ in pairs) or (layers & 4 and not self._has_flash):
            raise ValueError(layers)
        for memory in ([self.ram] if layers & 1 else []) + ([self.kept] if layers & 6 else []):
            for key, value in pairs:
                self._put(memory, key, value)

    def _put(self, memory: Memory, key: int, value: int) -> None:
        if key == RATE_MEAS:
            memory.rate_ms = value
        elif key == BAUDRATE:
            memory.baud = value if self._takes_baud else memory.baud
        elif key in SIGNAL_KEYS:
            change = memory.constellations.add if value else memory.constellations.discard
            change(SIGNAL_KEYS[key])
        elif key not in (RATE_NAV, *NMEA_OUT_KEYS):
            memory.messages[message_of(key)] = value

    def _rate(self, payload: bytes) -> bytes | None:
        if payload:
            self.ram.rate_ms = struct.unpack_from("<H", payload)[0]
            return None
        return struct.pack("<HHH", self.ram.rate_ms, 1, 1)

    def _message(self, payload: bytes) -> bytes | None:
        kind = UBX_IDS.get(payload[1], "GNS")
        if payload[0] != 0xF0:
            raise ValueError(payload[0])
        if len(payload) == 2:
            every = self.ram.messages.get(kind, 0)
            return payload + bytes([0, every, 0, every, 0, 0])
        self.ram.messages[kind] = payload[2]
        return None

    def _gnss(self, payload: bytes) -> bytes | None:
        if not payload:
            blocks = b"".join(
                struct.pack("<BBBBI", number, 8, 16, 0, 0x10000 | (name in self.ram.constellations))
                for number, name in enumerate(M8_BLOCKS)
            )
            return bytes([0, 32, 32, len(M8_BLOCKS)]) + blocks
        self.ram.constellations = {
            M8_BLOCKS[payload[at]] for at in range(4, len(payload), 8) if payload[at + 4] & 1
        }
        return None

    def _uart(self, payload: bytes) -> bytes | None:
        if len(payload) == 1:
            return struct.pack("<BBHIIHHHH", 1, 0, 0, 0x8D0, self.ram.baud, 7, 3, 0, 0)
        if self._takes_baud:
            self.ram.baud = struct.unpack_from("<I", payload, 8)[0]
        return None

    def _keep(self, payload: bytes) -> None:
        if len(payload) == 13:
            self.kept = copy.deepcopy(self.ram)

    # --- sentences ---

    def _heed_sentence(self, line: bytes) -> None:
        body, _, digits = line[1:].partition(b"*")
        if f"{functools.reduce(operator.xor, body, 0):02X}".encode() != digits.upper():
            return
        name, *fields = body.decode("ascii", "replace").split(",")
        if not name.startswith(self.family):
            return
        self.sent.append(line)
        answers = {"PMTK": self._pmtk, "PAIR": self._pair, "PQTM": self._pqtm}[self.family](
            name[4:], fields
        )
        for answer in answers:
            check = functools.reduce(operator.xor, answer.encode(), 0)
            self._send(f"${answer}*{check:02X}\r\n".encode())

    def _pmtk(self, number: str, fields: list[str]) -> list[str]:  # noqa: PLR0911 - a table
        ram = self.ram
        match number:
            case "605":
                return ["PMTK705,AXN_5.1.6,3333,Quectel-L76,1.0"]
            case "400":
                return [f"PMTK500,{ram.rate_ms},0,0,0.0,0.0"]
            case "414":
                values = [str(ram.messages.get(kind, 0)) for kind in PMTK_ORDER] + ["0"] * 9
                return [f"PMTK514,{','.join([*values, str(ram.messages.get('ZDA', 0)), '0'])}"]
            case "355":
                on = [str(int(name in ram.constellations)) for name in SIX[:3]]
                return [f"PMTK001,355,3,{','.join(on)},0,{int('beidou' in ram.constellations)}"]
            case "220":
                if not 100 <= int(fields[0]) <= 10_000:
                    return ["PMTK001,220,0"]
                ram.rate_ms = int(fields[0])
            case "314":
                ram.messages = {k: int(fields[n]) for n, k in enumerate(PMTK_ORDER)}
                ram.messages["ZDA"] = int(fields[17])
            case "353":
                names = (*SIX[:3], "full", "beidou")
                ram.constellations = {n for n, on in zip(names, fields, strict=False) if on == "1"}
            case "251":
                ram.baud = int(fields[0]) if self._takes_baud else ram.baud
                return []
            case _:
                return [f"PMTK001,{number},1"]
        return [f"PMTK001,{number},3"]

    def _pair(self, number: str, fields: list[str]) -> list[str]:
        ram = self.ram
        match number:
            case "020":
                return ["PAIR001,020,0", "PAIR020,LC76GABNR12A02S,LC76G"]
            case "051":
                return ["PAIR001,051,0", f"PAIR051,{ram.rate_ms}"]
            case "063":
                every = ram.messages.get(PAIR_ORDER[int(fields[0])], 0)
                return ["PAIR001,063,0", f"PAIR063,{fields[0]},{every}"]
            case "067":
                on = [str(int(name in ram.constellations)) for name in SIX]
                return ["PAIR001,067,0", f"PAIR067,{','.join(on)}"]
            case "050":
                ram.rate_ms = int(fields[0])
            case "062":
                ram.messages[PAIR_ORDER[int(fields[0])]] = int(fields[1])
            case "066":
                ram.constellations = {n for n, on in zip(SIX, fields, strict=False) if on == "1"}
                return ["PAIR001,066,1", "PAIR001,066,0"]
            case "513":
                self.kept = copy.deepcopy(ram)
        return [f"PAIR001,{number},0"]

    def _pqtm(self, name: str, fields: list[str]) -> list[str]:  # noqa: PLR0911 - a table
        told = f"PQTM{name}"
        waiting: Memory = self.__dict__.setdefault("_waiting", copy.deepcopy(self.ram))
        if name == "VERNO":
            return [f"{told},LG290P03AANR01A03S,2024/09/05,15:44:50"]
        if name == "SAVEPAR":
            self.kept = copy.deepcopy(waiting)
            return [f"{told},OK"]
        if name == "HOT":
            self.lose_power()
            return []
        reads = fields[0] == "R"
        if name == "CFGFIXRATE":
            waiting.rate_ms = waiting.rate_ms if reads else int(fields[1])
            return [f"{told},OK,{waiting.rate_ms}" if reads else f"{told},OK"]
        if name == "CFGCNST":
            on = [str(int(each in waiting.constellations)) for each in SIX]
            if not reads:
                told_on = zip(SIX, fields[1:], strict=True)
                waiting.constellations = {each for each, one in told_on if one == "1"}
            return [f"{told},OK,{','.join(on)}" if reads else f"{told},OK"]
        if name == "CFGMSGRATE":
            if not reads:
                waiting.messages[fields[1]] = int(fields[2])
            every = waiting.messages.get(fields[1], 0)
            return [f"{told},OK,{fields[1]},{every}" if reads else f"{told},OK"]
        return [f"{told},ERROR,1"]


def ubx(kind: bytes, payload: bytes) -> bytes:
    body = kind + len(payload).to_bytes(2, "little") + payload
    return b"\xb5\x62" + body + checksum(body)


def checksum(data: bytes) -> bytes:
    one = two = 0
    for byte in data:
        one = (one + byte) & 255
        two = (two + one) & 255
    return bytes((one, two))


def width(key: int) -> int:
    return {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}[key >> 28 & 7]


def message_of(key: int) -> str:
    number = key & 0xFFFF if key >> 16 == 0x2091 else -1
    return next(kind for kind, first in FIRST_KEYS.items() if number in (first + 1, first + 3))
