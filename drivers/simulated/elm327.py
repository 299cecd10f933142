"""A simulated ELM327 in a simulated car: commands in, text out, with all that can go wrong."""

from collections.abc import Sequence

from drivers.platforms.cars.obd import REFUSED
from drivers.simulated.car import SimulatedCar
from drivers.simulated.verbs import Verb, switched

PROMPT = "\r\r>"
GARBAGE = "7E8\xff03 4Z 0D\r<DATA ERROR"


class SimulatedElm327:
    """Feed it what was written to its port; it returns what it writes back."""

    def __init__(self, car: SimulatedCar, version: str = "1.4b") -> None:
        self.car = car
        self.version = version
        self.says = ""  # instead of each answer of the car: NO DATA, CAN ERROR, ...
        self.garbage = self.silent = False
        self._pending = b""
        self._echo = self._spaces = True
        self._searched = False

    def feed(self, data: bytes, now_s: float) -> bytes:
        *lines, self._pending = (self._pending + data).split(b"\r")
        if self.silent:
            return b""
        told = ""
        for line in lines:
            command = line.decode("ascii", "replace").replace(" ", "").upper()
            echo = f"{command}\r" if self._echo else ""
            told += echo + self._answer(command, now_s) + PROMPT
        return told.encode("latin-1", "replace")

    def tick(self, now_s: float) -> bytes:
        """It says nothing by itself."""
        self.car.move(now_s)
        return b""

    def _answer(self, command: str, now_s: float) -> str:
        if command in ("ATZ", "ATI"):
            if command == "ATZ":
                self._echo, self._spaces, self._searched = True, True, False
            return f"\r\rELM327 v{self.version}"
        match command[:4], command[4:]:
            case "ATE0" | "ATE1" as word, _:
                self._echo = word == "ATE1"
            case "ATS0" | "ATS1" as word, _:
                self._spaces = word == "ATS1"
            case "ATRV", _:
                return f"{self.car.volts:.1f}V"
            case "ATDP", "N":
                return "A6" if self._searched else "A0"
            case (("ATL0" | "ATH1" | "ATAT" | "ATSP"), _):
                pass
            case _:
                return self._asked(command, now_s)
        return "OK"

    def _asked(self, command: str, now_s: float) -> str:
        try:
            request = bytes.fromhex(command)
        except ValueError:
            return "?"
        if self.garbage or self.says or not request:
            return GARBAGE if self.garbage else self.says or "?"
        search = "" if self._searched else "SEARCHING...\r"
        self.car.move(now_s)
        if not self.car.ignition:
            self._searched = False
            return f"{search}UNABLE TO CONNECT" if search else "NO DATA"
        self._searched = True
        payload = self.car.answer(request)
        known = payload is not None and payload[0] != REFUSED
        lines = [self._line(frame) for frame in frames_of(payload or b"")] if known else ["NO DATA"]
        return search + "\r".join(lines)

    def _line(self, frame: bytes) -> str:
        data = frame.hex(" " if self._spaces else "\0").replace("\0", "").upper()
        return f"7E8{' ' if self._spaces else ''}{data}"

    def verbs(self) -> dict[str, Verb]:
        return {
            "say": Verb("say [WORDS]", "answer so to each question; none: as usual", self._say),
            "garbage": Verb("garbage on|off", "answer what is no answer", self._garbage),
            "silent": Verb("silent on|off", "say nothing at all", self._silence),
            "version": Verb("version TEXT", "say that it is this one, after a reset", self._name),
        }

    def _say(self, words: Sequence[str], _now_s: float) -> None:
        self.says = " ".join(words)

    def _garbage(self, words: Sequence[str], _now_s: float) -> None:
        self.garbage = switched(words)

    def _silence(self, words: Sequence[str], _now_s: float) -> None:
        self.silent = switched(words)

    def _name(self, words: Sequence[str], _now_s: float) -> None:
        self.version = words[0]


def frames_of(payload: bytes) -> list[bytes]:
    """As a control unit sends it (ISO 15765-2, 9.6): one frame, or a first and the others."""
    if len(payload) <= 7:
        return [(bytes((len(payload),)) + payload).ljust(8, b"\x00")]
    frames = [(0x1000 | len(payload)).to_bytes(2, "big") + payload[:6]]
    for index, place in enumerate(range(6, len(payload), 7), start=1):
        part = bytes((0x20 | index % 16,)) + payload[place : place + 7]
        frames.append(part.ljust(8, b"\x00"))
    return frames
