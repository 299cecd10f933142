"""A simulated car on a CAN bus behind a simulated USB adapter with Lawicel's protocol (slcan).

The adapter's text: `S6` 500 kbit/s, `O` open, `C` close, `tIIILDD..` a frame (CAN232 manual).
"""

from collections.abc import Sequence

from drivers.simulated.car import FRAME_EVERY_S, SimulatedCar
from drivers.simulated.elm327 import frames_of
from drivers.simulated.verbs import Verb, WrongOrderError, switched

ASKED_BY_ALL, ASKED_ALONE, ANSWERS = 0x7DF, 0x7E0, 0x7E8
OK, REFUSED = b"\r", b"\a"
_BITRATES = {"S4": 125_000, "S5": 250_000, "S6": 500_000, "S8": 1_000_000}


class SimulatedSlcan:
    """Feed it what was written to its port; `tick` gives what the car says by itself."""

    def __init__(self, car: SimulatedCar, bitrate: int = 500_000) -> None:
        self.car = car
        self.bitrate = bitrate  # of the car; an adapter at another one hears nothing
        self.silent = self.garbage = self.bus_off = False
        self._set_to: int | None = None
        self._open = False
        self._pending = b""
        self._to_come: list[bytes] = []  # frames that wait for flow control
        self._due_s = 0.0

    def feed(self, data: bytes, now_s: float) -> bytes:
        *lines, self._pending = (self._pending + data).split(b"\r")
        return b"".join(self._obey(line.decode("ascii", "replace"), now_s) for line in lines)

    def _obey(self, line: str, now_s: float) -> bytes:
        match line[:1]:
            case "S":
                self._set_to = _BITRATES.get(line)
            case "O" | "L":
                self._open = True
            case "C":
                self._open = False
            case "t" if self._open:
                return self._sent(line, now_s)
            case "":
                return b""
            case _:
                return REFUSED
        return OK

    @property
    def _connected(self) -> bool:
        right = self._set_to == self.bitrate
        return self._open and right and not self.silent and not self.bus_off

    def _sent(self, line: str, now_s: float) -> bytes:
        if not self._connected:
            return REFUSED
        try:
            frame_id, data = int(line[1:4], 16), bytes.fromhex(line[5 : 5 + 2 * int(line[4])])
        except (ValueError, IndexError):
            return REFUSED
        told = b"z\r"
        if frame_id == ASKED_ALONE and data[:1] == b"\x30":
            told += b"".join(_text(ANSWERS, frame) for frame in self._to_come)
            self._to_come = []
        elif frame_id == ASKED_BY_ALL and 1 <= data[0] <= 7:
            self.car.move(now_s)
            payload = self.car.answer(data[1 : 1 + data[0]])
            if payload is not None and payload[0] != 0x7F:
                first, *self._to_come = frames_of(payload)
                told += _text(ANSWERS, first)
        return told

    def tick(self, now_s: float) -> bytes:
        if now_s < self._due_s:
            return b""
        self._due_s = now_s + FRAME_EVERY_S
        self.car.move(now_s)
        if not self._connected or self.car.asleep(now_s):
            return b""
        if self.garbage:
            return b"t7E8803410D\xff\rtXYZ8\rt1\r"
        return b"".join(_text(frame_id, data) for frame_id, data in self.car.frames())

    def verbs(self) -> dict[str, Verb]:
        return {
            "silent": Verb("silent on|off", "pull the plug from the car", self._silence),
            "bus_off": Verb("bus_off on|off", "its controller leaves the bus", self._leave),
            "garbage": Verb("garbage on|off", "damaged lines", self._garbage),
            "bitrate": Verb("bitrate BITS/S", "of the car; the adapter keeps its own", self._rate),
        }

    def _silence(self, words: Sequence[str], _now_s: float) -> None:
        self.silent = switched(words)

    def _leave(self, words: Sequence[str], _now_s: float) -> None:
        self.bus_off = switched(words)

    def _garbage(self, words: Sequence[str], _now_s: float) -> None:
        self.garbage = switched(words)

    def _rate(self, words: Sequence[str], _now_s: float) -> None:
        if int(words[0]) not in _BITRATES.values():
            raise WrongOrderError(f"there is {sorted(_BITRATES.values())}")
        self.bitrate = int(words[0])


def _text(frame_id: int, data: bytes) -> bytes:
    return f"t{frame_id:03X}{len(data)}{data.hex().upper()}\r".encode()
