"""A simulated car: drives, is switched off, answers OBD-II questions, says things on its bus.

Its raw frames are those of docs/car.md, where the table for the unit's file stands.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drivers.simulated.verbs import Verb, WrongOrderError, switched

VIN = b"LSVPATROL00001234"
FRAME_EVERY_S = 0.1
TOP_MPS = 14.0
LAP_S = 60.0  # from standing over driving to standing
STANDS_SHARE = 0.2  # of each lap
SWITCHES, WHEELS, ODOMETER = 0x100, 0x200, 0x201  # ids of its raw frames
ASLEEP_AFTER_S = 2.0  # its control units, after the ignition


@dataclass(slots=True)
class SimulatedCar:
    """Everything about it is a plain value, to be set from outside. Time moves with `move`."""

    ignition: bool = True
    light_bar: bool = False
    siren: bool = False
    doors_open: bool = False
    reverse: bool = False
    fixed_speed_mps: float | None = None  # None: it drives by itself
    speed_mps: float = 0.0
    way_m: float = 123_456_700.0
    fuel_percent: float = 66.0
    voltage_v: float | None = None  # None: 14.1 with the engine on, 12.5 without
    trouble_codes: int = 0
    started_s: float | None = None
    moved_s: float | None = None
    off_s: float | None = None  # when the ignition went off

    def move(self, now_s: float) -> None:
        """Up to now."""
        if self.started_s is None or self.moved_s is None:
            self.started_s = self.moved_s = now_s
        if self.ignition:
            self.off_s = None
        elif self.off_s is None:
            self.off_s = now_s
        self.speed_mps = self._speed(now_s - self.started_s) if self.ignition else 0.0
        self.way_m += self.speed_mps * (now_s - self.moved_s)
        self.moved_s = now_s

    def _speed(self, driven_s: float) -> float:
        if self.fixed_speed_mps is not None:
            return self.fixed_speed_mps
        share = driven_s % LAP_S / LAP_S
        if share < STANDS_SHARE:
            return 0.0
        return TOP_MPS * math.sin(math.pi * (share - STANDS_SHARE) / (1 - STANDS_SHARE))

    @property
    def volts(self) -> float:
        return self.voltage_v if self.voltage_v is not None else 14.1 if self.ignition else 12.5

    def asleep(self, now_s: float) -> bool:
        return self.off_s is not None and now_s - self.off_s >= ASLEEP_AFTER_S

    # --- OBD-II ---

    def answer(self, request: bytes) -> bytes | None:
        """To one question; None: it does not answer it, or at all."""
        if not self.ignition or len(request) < 2:
            return None
        match request[0]:
            case 0x01:
                value = self._current_data(request[1])
                return None if value is None else bytes((0x41, request[1])) + value
            case 0x09 if request[1] == 0x02:
                return b"\x49\x02\x01" + VIN
        return bytes((0x7F, request[0], 0x11))

    def _current_data(self, pid: int) -> bytes | None:
        rpm = 800 + 150 * self.speed_mps
        values = {
            0x01: bytes((0x80 * bool(self.trouble_codes) | self.trouble_codes, 7, 0x65, 4)),
            0x0C: round(rpm * 4).to_bytes(2, "big"),
            0x0D: bytes((round(self.speed_mps * 3.6),)),
            0x1F: round(((self.moved_s or 0) - (self.started_s or 0)) % 65_536).to_bytes(2, "big"),
            0x2F: bytes((round(self.fuel_percent * 2.55),)),
            0x42: round(self.volts * 1000).to_bytes(2, "big"),
            0xA6: round(self.way_m / 100).to_bytes(4, "big"),
        }
        if pid % 0x20 or pid > 0xA0:
            return values.get(pid)
        bits = sum(1 << (31 - known + pid + 1) for known in values if 0 < known - pid <= 32)
        later = any(known > pid + 32 for known in values)
        return (bits | later).to_bytes(4, "big")

    # --- raw frames ---

    def frames(self) -> list[tuple[int, bytes]]:
        """Id and data of what its control units say by themselves."""
        bits = self.ignition | self.light_bar << 1 | self.siren << 2 | self.reverse << 3
        wheel = round(self.speed_mps * 100).to_bytes(2, "big")
        return [
            (SWITCHES, bytes((bits, 0x0F if self.doors_open else 0)) + bytes(6)),
            (WHEELS, wheel * 4),
            (ODOMETER, round(self.way_m / 100).to_bytes(4, "little") + bytes(4)),
        ]

    # --- what can be done to it ---

    def verbs(self) -> dict[str, Verb]:
        def switch(name: str) -> Callable[[Sequence[str], float], None]:
            return lambda words, _now_s: setattr(self, name, switched(words))

        def number(name: str, low: float, high: float) -> Callable[[Sequence[str], float], None]:
            def act(words: Sequence[str], _now_s: float) -> None:
                if words[0] == "auto":
                    setattr(self, name, None)
                    return
                value = float(words[0])
                if not low <= value <= high:
                    raise WrongOrderError(f"{words[0]} is not within {low:g}..{high:g}")
                setattr(self, name, value)

            return act

        return {
            "ignition": Verb("ignition on|off", "turn the key", switch("ignition")),
            "light_bar": Verb("light_bar on|off", "its switch", switch("light_bar")),
            "siren": Verb("siren on|off", "its switch", switch("siren")),
            "doors": Verb("doors on|off", "open a door", switch("doors_open")),
            "reverse": Verb("reverse on|off", "the gear", switch("reverse")),
            "speed": Verb(
                "speed M/S|auto", "drive so fast, or by itself", number("fixed_speed_mps", 0, 70)
            ),
            "fuel": Verb("fuel PERCENT", "fill or drain the tank", self._fill),
            "voltage": Verb("voltage V|auto", "of its battery", number("voltage_v", 0, 30)),
            "lamp": Verb("lamp N", "light its warning lamp, with so many codes", self._lamp),
        }

    def _fill(self, words: Sequence[str], _now_s: float) -> None:
        self.fuel_percent = min(max(float(words[0]), 0.0), 100.0)

    def _lamp(self, words: Sequence[str], _now_s: float) -> None:
        self.trouble_codes = min(max(int(words[0]), 0), 127)
