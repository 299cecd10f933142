"""Modes of operation: a named set of parameters that changes whole or not at all, at run time."""

import threading
from dataclasses import dataclass
from typing import Any, Protocol

from config.models import PositionConfig, Settings
from config.operations import BUILTIN_MODES, ModeConfig
from telemetry.commands.handling import OrderRefusedError

ROUTINE = "routine"

_OF_POSITION = ("patrol_every_s", "dispatched_every_s", "parked_every_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """Everything that a mode may change, as it is in force."""

    mode: str
    position: PositionConfig
    health_every_s: float
    max_fps: float
    update_every_s: float
    stealth: bool = False  # dark and silent

    def parameters(self) -> dict[str, Any]:
        """By the names that a mode's section has for them."""
        return {name: getattr(self.position, name) for name in _OF_POSITION} | {
            "mode": self.mode,
            "health_every_s": self.health_every_s,
            "max_fps": self.max_fps,
            "update_every_s": self.update_every_s,
            "stealth": self.stealth,
        }


class Component(Protocol):
    """What works by the parameters, and may refuse some."""

    def tune(self, tuned: Tuned) -> None:
        """Work by these from now. Raises OrderRefusedError, and then goes on as before."""


def known_modes(settings: Settings) -> dict[str, ModeConfig]:
    return BUILTIN_MODES | settings.modes


def tuned(settings: Settings, mode: str) -> Tuned:
    """The file's parameters with the mode's over them. Raises OrderRefusedError."""
    modes = known_modes(settings)
    if mode not in modes:
        raise OrderRefusedError(
            "invalid_arguments", f"there is no mode {mode}; there is: {', '.join(sorted(modes))}"
        )
    found = _laid_over(settings, mode, modes[mode])
    asked = modes[mode].model_fields_set & {"patrol_every_s", "parked_every_s"}
    if asked and found.position.parked_every_s < found.position.patrol_every_s:
        raise OrderRefusedError(
            "invalid_arguments",
            f"in {mode} a parked unit would report more often than one on patrol: correct "
            "parked_every_s in the unit's file",
        )
    return found


def _laid_over(settings: Settings, mode: str, over: ModeConfig) -> Tuned:
    wanted = over.model_dump(exclude_none=True)
    position = {name: wanted[name] for name in _OF_POSITION if name in wanted}
    return Tuned(
        mode=mode,
        position=settings.position.model_copy(update=position),
        health_every_s=wanted.get("health_every_s", settings.health.every_s),
        max_fps=wanted.get("max_fps", settings.perception.max_fps),
        update_every_s=wanted.get("update_every_s", settings.episodes.update_every_s),
        stealth=over.stealth,
    )


class Tuning:
    """The parameters in force. `now` may be read from any thread: it is replaced whole."""

    def __init__(self, settings: Settings, mode: str) -> None:
        """A mode that the file does not know any more is `routine`, and `fault` says so."""
        self.fault: str | None = None
        self._settings = settings
        self._components: list[Component] = []
        self._lock = threading.Lock()
        self._rate: tuple[float, float] | None = None  # every so often, until (monotonic)
        try:
            self.now = tuned(settings, mode)
        except OrderRefusedError as error:
            self.fault = str(error)
            self.now = _laid_over(settings, ROUTINE, ModeConfig())  # what always can be

    def add(self, component: Component) -> None:
        """Before the unit starts: it is told at once. Raises OrderRefusedError."""
        component.tune(self.now)
        self._components.append(component)

    def check(self, mode: str) -> Tuned:
        """Raises OrderRefusedError if the mode cannot be."""
        return tuned(self._settings, mode)

    def switch(self, mode: str) -> dict[str, Any]:
        """All parameters, or none. Returns what changed: name to [before, after].

        Raises OrderRefusedError if the mode is not valid or a component refuses it; those that had
        taken it already are back where they were.
        """
        with self._lock:
            before, wanted = self.now, self.check(mode)
            taken: list[Component] = []
            try:
                for component in self._components:
                    component.tune(wanted)
                    taken.append(component)
            except OrderRefusedError:
                for component in taken:
                    component.tune(before)
                raise
            self.now, self.fault = wanted, None
        return changes(before, wanted)

    def adopt(self, settings: Settings) -> None:
        """Another file is in force, with the same mode. Raises OrderRefusedError, and then goes on
        as before."""
        before, self._settings = self._settings, settings
        try:
            self.switch(self.now.mode)
        except OrderRefusedError:
            self._settings = before
            raise

    def set_rate(self, every_s: float, until_mono_s: float) -> None:
        """Tell the position so often for a while, whatever the mode and the duty."""
        self._rate = (every_s, until_mono_s)

    def rate(self, mono_s: float) -> float | None:
        """The interval that was asked for, while that lasts."""
        rate = self._rate
        return rate[0] if rate is not None and mono_s < rate[1] else None


def changes(before: Tuned, after: Tuned) -> dict[str, Any]:
    old, new = before.parameters(), after.parameters()
    return {name: [old[name], new[name]] for name in new if old[name] != new[name]}
