"""What the world does to a simulated board, as verbs of its controls."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from drivers.simulated.verbs import Verb, WrongOrderError
from firmware_bridge.runtime.frames import VERSIONS
from firmware_bridge.runtime.vocabulary import Fault
from firmware_bridge.simulated.firmware import SimulatedFirmware

TOO_HOT_C, COOL_C = 90, 80


class Happenings:
    """Buttons, heat, supply, faults, and the firmware's age."""

    def __init__(self, firmware: SimulatedFirmware) -> None:
        self._firmware = firmware
        self.verbs = {
            "press": Verb("press INPUT", "and keep it pressed", self._press),
            "release": Verb("release INPUT", "let it go", self._release),
            "celsius": Verb("celsius SENSOR DEGREES|unknown", "what it measures", self._celsius),
            "volts": Verb("volts V|unknown", "of its supply", self._volts),
            "fault": Verb("fault NAME on|off", "overheat, undervoltage, ...", self._fault),
            "protocol": Verb("protocol 1..7", "speak that version", self._protocol),
            "state": Verb("state", "its outputs and counters, as JSON", self._state),
        }

    def _press(self, words: Sequence[str], now_s: float) -> None:
        self._firmware.press(self._input(words[0]), now_s, pressed=True)

    def _release(self, words: Sequence[str], now_s: float) -> None:
        self._firmware.press(self._input(words[0]), now_s, pressed=False)

    def _input(self, name: str) -> int:
        return _index(name, [each.name for each in self._firmware.equipment.inputs])

    def _celsius(self, words: Sequence[str], now_s: float) -> None:
        """What gets too hot turns its outputs off, until it has cooled down."""
        firmware = self._firmware
        number = _index(words[0], list(firmware.equipment.temperatures))
        tenths = None if words[1] == "unknown" else round(10 * float(words[1]))
        firmware.temperatures[number] = tenths
        hottest = max((each for each in firmware.temperatures if each is not None), default=0)
        if hottest >= 10 * TOO_HOT_C:
            firmware.set_faults(firmware.faults | Fault.OVERHEAT, now_s)
        elif hottest < 10 * COOL_C:
            firmware.set_faults(firmware.faults & ~Fault.OVERHEAT, now_s)

    def _volts(self, words: Sequence[str], _now_s: float) -> None:
        self._firmware.supply_mv = None if words[0] == "unknown" else round(1000 * float(words[0]))

    def _fault(self, words: Sequence[str], now_s: float) -> None:
        bit = Fault[words[0].upper()]
        on = {"on": True, "off": False}[words[1]]
        now = self._firmware.faults | bit if on else self._firmware.faults & ~bit
        self._firmware.set_faults(now, now_s)

    def _protocol(self, words: Sequence[str], _now_s: float) -> None:
        version = int(words[0])
        if version not in VERSIONS:
            raise WrongOrderError(f"there is no version {version}")
        self._firmware.protocol = version

    def _state(self, _words: Sequence[str], _now_s: float) -> str:
        it = self._firmware
        return json.dumps(
            {
                "outputs": it.outputs.snapshot(),
                "executed": it.outputs.executed,
                "session": it.session,
                "faults": int(it.faults),
                "events": [asdict(event) for event in it.events.held],
            }
        )


def _index(name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise WrongOrderError(f"there is no {name!r}, but: {', '.join(names)}")
    return names.index(name)
