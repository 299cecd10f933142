"""What a car is asked by OBD-II, and what its answers mean: bytes in, facts out.

SAE J1979 (ISO 15031-5), services 01 and 09; the same over CAN and through an ELM327.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from drivers.base import BadDataError

Fact: TypeAlias = float | str
Facts: TypeAlias = Mapping[str, Fact]

CURRENT_DATA, VEHICLE_INFORMATION = 0x01, 0x09
ANSWER = 0x40  # is added to the service
REFUSED = 0x7F
RESPONSE_PENDING = 0x78  # ISO 14229-1, table A.1: the answer comes later
VIN_CHARACTERS = 17
MODULE_VOLTAGE = 0x42


@dataclass(frozen=True, slots=True)
class Query:
    """One question, and how often it is worth asking."""

    service: int
    pid: int
    every_s: float

    @property
    def request(self) -> bytes:
        return bytes((self.service, self.pid))


@dataclass(frozen=True, slots=True)
class _Pid:
    fact: str
    size: int  # bytes
    read: Callable[[bytes], float]
    every_s: float


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


_PIDS: dict[int, _Pid] = {
    0x0D: _Pid("speed_mps", 1, lambda data: data[0] / 3.6, 0.2),
    0x0C: _Pid("engine_rpm", 2, lambda data: _number(data) / 4, 1.0),
    MODULE_VOLTAGE: _Pid("voltage_v", 2, lambda data: _number(data) / 1000, 5.0),
    0x01: _Pid("trouble_codes", 4, lambda data: data[0] & 0x7F if data[0] & 0x80 else 0, 30.0),
    0x2F: _Pid("fuel_percent", 1, lambda data: data[0] * 100 / 255, 30.0),
    0x5B: _Pid("charge_percent", 1, lambda data: data[0] * 100 / 255, 30.0),
    0x1F: _Pid("run_time_s", 2, lambda data: float(_number(data)), 30.0),
    0xA6: _Pid("odometer_m", 4, lambda data: _number(data) * 100.0, 30.0),
}
# Each of them answers which of the next 32 there are (J1979, 6.1.3).
_LISTS = (0x00, 0x20, 0x40, 0x60, 0x80, 0xA0)

ARE_YOU_THERE = Query(CURRENT_DATA, 0x00, 2.0)  # every car must answer it
VIN = Query(VEHICLE_INFORMATION, 0x02, 3600.0)
QUERIES = (*(Query(CURRENT_DATA, pid, known.every_s) for pid, known in _PIDS.items()), VIN)


class RefusedError(BadDataError):
    """The car does not do what it was asked for; `later`: it is still at it."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the car refuses it (code {code:#04x}, ISO 14229-1)")
        self.later = code == RESPONSE_PENDING


def read_answer(payload: bytes) -> Facts:
    """What one control unit answered.

    `supported.N` is the bitmap that lists the 32 questions after N. Raises BadDataError, and
    RefusedError for a negative answer.
    """
    match payload[:1]:
        case b"\x7f" if len(payload) >= 3:
            raise RefusedError(payload[2])
        case b"\x41":
            return _current_data(payload[1:])
        case b"\x49" if payload[1:2] == b"\x02":
            return {"vin": _vin(payload[2:])}
    raise BadDataError(f"no answer to what was asked: {payload[:8].hex()}")


def _current_data(data: bytes) -> Facts:
    """One or more of: number of the question, its bytes."""
    facts: dict[str, Fact] = {}
    while data and not _padding(data):
        pid = data[0]
        known = _PIDS.get(pid)
        size = known.size if known else 4
        value = data[1 : 1 + size]
        if (known is None and pid not in _LISTS) or len(value) < size:
            raise BadDataError(f"answer {pid:#04x} is unknown or too short: {data[:6].hex()}")
        if known is None:
            facts[f"supported.{pid}"] = float(_number(value))
        else:
            facts[known.fact] = known.read(value)
        data = data[1 + size :]
    if not facts:
        raise BadDataError("an answer without a value")
    return facts


def _padding(data: bytes) -> bool:
    """Filling of a frame, where a control unit counts it as payload: J1979 never has 00 twice."""
    return len(data) < 6 and len(set(data)) == 1 and data[0] in (0x00, 0x55, 0xAA, 0xCC, 0xFF)


def _vin(data: bytes) -> str:
    """After the number of items, where there is one; older cars fill up with 00 in front."""
    if data[:1] == b"\x01":
        data = data[1:]
    text = data.strip(b"\x00\x55\xaa\xcc\xff ").decode("ascii", "replace")
    if len(text) != VIN_CHARACTERS or not (text.isalnum() and text.isascii()):
        raise BadDataError("a vehicle identification number that is none")
    return text.upper()


def not_supported(facts: Facts) -> frozenset[int]:
    """The questions of QUERIES and the lists that a car, by these bitmaps, does not answer."""
    asked = {*_PIDS, *_LISTS}
    found: set[int] = set()
    for name, bits in facts.items():
        if not name.startswith("supported.") or isinstance(bits, str):
            continue
        first = int(name.removeprefix("supported.")) + 1
        found |= {
            pid
            for pid in asked
            if 0 <= pid - first < 32 and not int(bits) >> (31 - pid + first) & 1
        }
    for each in _LISTS[1:]:  # without a list nothing that it would list, nor the lists after it
        if each in found:
            found |= {pid for pid in asked if pid > each}
    return frozenset(found)


def lists_for_queries() -> tuple[Query, ...]:
    """What is asked first: which questions there are."""
    needed = sorted({(pid - 1) & 0xE0 for pid in _PIDS})
    return tuple(Query(CURRENT_DATA, pid, 3600.0) for pid in needed)
