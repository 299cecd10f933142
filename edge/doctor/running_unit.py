"""The unit that runs on this computer, asked through its control socket.

A device has one owner. What the unit holds open is asked of the unit, not opened a second time: two
readers of one serial port get half of the bytes each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.language import said, tell, unpacked
from edge.doctor.line import Line, none, ok, state_of
from edge.doctor.wording import of_running_unit
from edge.local.asking import NoUnitError, ask
from telemetry.commands.handling import OrderRefusedError

CONTROL = "doctor.facts"
WITHIN_S = 5.0
# Codes of health by the beginning of their names: whose they are.
PREFIXES: Mapping[str, tuple[str, ...]] = {
    "gnss": ("gnss_", "recording_"),
    "camera": ("camera_", "recording_"),
    "microphone": ("microphone_", "sound_", "recording_"),
    "sensor": ("sensor_", "battery_", "part_"),
    "board": ("board_",),
    "platform": ("platform_", "carrier_", "vehicle_", "can_", "autopilot_", "robot_"),
    "actuator": ("actuator_", "speaker_"),
}


class UnitSilentError(Exception):
    """A unit runs, and does not answer. The text says why."""


def _silent(error: NoUnitError) -> UnitSilentError:
    return UnitSilentError(tell("{text}; {cure}", text=said(error), cure=error.cure))


@dataclass(slots=True)
class RunningUnit:
    """What it told when it was asked."""

    facts: Mapping[str, Any]
    state_dir: Path | None = None
    told: set[tuple[str, str]] = field(default_factory=set)  # code and component of its faults

    @classmethod
    def find(cls, state_dir: Path) -> "RunningUnit | None":
        """None where none runs. Raises UnitSilentError."""
        try:
            return cls(ask(state_dir, CONTROL, timeout_s=WITHIN_S), state_dir)
        except NoUnitError as error:
            if "no unit runs" in str(error):
                return None
            raise _silent(error) from error
        except OrderRefusedError as error:
            raise UnitSilentError(tell("it refuses to answer: {error}", error=error)) from error

    def device(self, kind: str, name: str) -> Iterator[Line]:
        """How it fares, in the unit's own words."""
        faults = [each for each in self._faults() if self._is_about(each, kind, name)]
        for each in faults:
            self.told.add((str(each["code"]), str(each["component"])))
            yield _line(each, name)
        if not faults:
            words = self._words(f"{kind}.{name}")
            if words is None and not self._has(kind, name):
                yield none(name, tell("the running unit leaves it alone now"))
            else:
                yield ok(name, of_running_unit(words or tell("no word of it yet")))

    def tells_of(self, code: str) -> bool:
        """Whether it has a fault of this code now."""
        return any(each["code"] == code for each in self._faults())

    def _has(self, kind: str, name: str) -> bool:
        devices = self.facts.get("devices")
        return devices is None or any(
            (each["kind"], each["name"]) == (kind, name) for each in devices
        )

    def _words(self, of: str) -> str | None:
        told = self.facts.get("words", {}).get(of)
        if told is None:
            return None
        return unpacked(str(told), self.facts.get("packed", {}).get(of))

    def do(self, name: str, **args: Any) -> Mapping[str, Any]:
        """Ask it for something on the spot. Raises OrderRefusedError, UnitSilentError."""
        if self.state_dir is None:
            raise UnitSilentError(tell("it cannot be asked for anything"))
        try:
            return ask(self.state_dir, name, args, timeout_s=WITHIN_S)
        except NoUnitError as error:
            raise _silent(error) from error

    def left(self) -> Iterator[Line]:
        """Its faults that no line has told."""
        for each in self._faults():
            if (str(each["code"]), str(each["component"])) not in self.told:
                yield _line(each, str(each["component"]))

    def take(self, *codes: str) -> Sequence[Line]:
        """Its faults with these codes, which another line tells."""
        found = [each for each in self._faults() if each["code"] in codes]
        self.told |= {(str(each["code"]), str(each["component"])) for each in found}
        return [_line(one, str(one["component"])) for one in found]

    def _faults(self) -> Sequence[Mapping[str, Any]]:
        return list(self.facts.get("faults", ()))

    @staticmethod
    def _is_about(each: Mapping[str, Any], kind: str, name: str) -> bool:
        component, code = str(each["component"]), str(each["code"])
        mine = component == name or component.startswith(f"{name}.")
        return mine and code.startswith(PREFIXES.get(kind, (f"{kind}_",)))


def _line(each: Mapping[str, Any], name: str) -> Line:
    """A fault of the unit, in words that can be said in another language where it packed them."""
    packed = each.get("packed") or {}
    return Line(
        name=name,
        state=state_of(each.get("severity")),
        code=str(each["code"]),
        text=unpacked(str(each["text"]), packed.get("text")),
        cure=unpacked(str(each["action"]), packed.get("action")),
    )
