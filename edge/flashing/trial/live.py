"""Changing over while the unit runs: what differs is exchanged, the rest is not touched.

Where receivers change, they are exchanged first, and have to speak before anything is written: a
unit that loses its position by a flash must have it back within seconds, not after a trial.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import structlog

from config.devices import CameraConfig, GnssConfig
from config.errors import ConfigError
from config.language import tell
from config.loading import Loaded, try_layers
from config.slots import Content, Lane, SlotsFile, slot_folder
from drivers.clock import Clock
from edge.flashing.trial.affected import Affected, affected
from edge.flashing.trial.standing import Slots
from edge.reporting.parts import Parts
from edge.running import log
from edge.running.exchange import Exchangeable
from telemetry.commands.handling import OrderRefusedError
from telemetry.contract.wire_types import text

SPEAKS_WITHIN_S = 5.0  # a receiver: its speed is found, and it speaks once a second
LOOK_EVERY_S = 0.1
CHANGED_LIVE: tuple[Lane, ...] = ("config", "overlay")  # the others are files that parts hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a switch would do. `loaded`: the configuration after it."""

    loaded: Loaded | None = None  # None: only a new start can tell
    affected: Affected = field(default_factory=Affected)

    @property
    def live(self) -> bool:
        return self.loaded is not None and self.affected.live


@dataclass(slots=True)
class Live:
    """Any thread; one at a time."""

    parts: Parts
    slots: Slots
    loaded: Loaded  # what is in force
    clock: Clock
    receivers: dict[str, Exchangeable[GnssConfig]] = field(default_factory=dict)
    cameras: dict[str, Exchangeable[CameraConfig]] = field(default_factory=dict)
    _before: tuple[str, Loaded] | None = None  # bundle on trial, and what was in force before it
    _pause: Event = field(default_factory=Event)  # never set: something to wait on

    @property
    def in_effect(self) -> Mapping[Lane, Content]:
        """What was flashed and is in force."""
        return self.loaded.flashed

    def planned(self, begun: SlotsFile) -> Change:
        """By what the slots would be. Raises OrderRefusedError for what cannot be loaded."""
        trial, start = begun.trial, self.slots.start
        if trial is None or start.unit_file is None or start.safe is not None:
            return Change()
        if trial.lane not in CHANGED_LIVE:
            return Change()
        home = slot_folder(self.slots.folder, trial.lane, trial.slot)
        try:
            loaded = self._tried(start.unit_file, trial.lane, home, begun)
        except ConfigError as error:
            raise OrderRefusedError("invalid_configuration", text(str(error))) from error
        return Change(loaded=loaded, affected=affected(self.parts.settings, loaded.settings))

    @staticmethod
    def _tried(unit_file: Path, lane: Lane, home: Path, begun: SlotsFile) -> Loaded:
        if lane == "overlay":
            return try_layers(unit_file, overlay=home)
        # One that was made for another base is at rest from then on.
        without: tuple[Lane, ...] = ("overlay",) if begun.lane("overlay").active is None else ()
        return try_layers(unit_file, base=home, without=without)

    def rehearse(self, change: Change) -> None:
        """Exchange the receivers that differ; back again, where the unit would be without any.

        Raises OrderRefusedError then.
        """
        names = change.affected.receivers
        if change.loaded is None or not names:
            return
        before = {name: self.parts.receivers[name].health.samples for name in names}
        well = self.parts.roll_call.well
        needed = [name for name in names if f"gnss.{name}" in well]
        others = [name for name in self.receivers if name not in names and f"gnss.{name}" in well]
        self._exchange_receivers(change.loaded, names)
        if not others and needed and not self._one_speaks(needed, before):
            self._exchange_receivers(self.loaded, names)
            why = self.parts.receivers[needed[0]].health.last_error or tell("it says nothing")
            told = tell("{name} with it: {why}", name=f"gnss.{needed[0]}", why=why)
            raise OrderRefusedError("unhealthy", text(told))

    def undo(self, change: Change) -> None:
        """What was rehearsed, where nothing comes of it."""
        self._exchange_receivers(self.loaded, change.affected.receivers)

    def apply(self, change: Change, bundle: str) -> bool:
        """All that differs, while the unit runs; its receivers are exchanged already. False: it
        cannot be, and only a new start can."""
        before = self.loaded
        if change.loaded is None or not self._apply(change.loaded, change.affected):
            return False
        self._before = (bundle, before)
        return True

    def back(self, bundle: str) -> bool:
        """To what was in force before this bundle. False: only a new start can do that."""
        if self._before is None or self._before[0] != bundle:
            return False
        before, self._before = self._before[1], None
        change = affected(self.parts.settings, before.settings)
        self._exchange_receivers(before, change.receivers)
        return self._apply(before, change)

    # --- one after the other ---

    def _apply(self, loaded: Loaded, change: Affected) -> bool:
        if "tuning" in change.ways:
            try:
                self.parts.office.tuning.adopt(loaded.settings)
            except OrderRefusedError:  # the mode it is in is not in this file
                return False
        if "logging" in change.ways:
            log.set_level(loaded.settings.logging)
        for name in change.cameras:
            self.cameras[name].exchange(loaded.settings.cameras[name])
        self.loaded = loaded
        self.parts.settings, self.parts.config_digest = loaded.settings, loaded.digest
        self.parts.publisher.tell_config(loaded.digest[:12])
        structlog.get_logger().info(
            "configuration_changed", config=loaded.digest[:12], ways=sorted(change.ways),
            receivers=change.receivers, cameras=change.cameras,
        )  # fmt: skip
        return True

    def _exchange_receivers(self, loaded: Loaded, names: tuple[str, ...]) -> None:
        for name in names:
            self.receivers[name].exchange(loaded.settings.gnss[name])

    def _one_speaks(self, names: list[str], before: dict[str, int]) -> bool:
        """Something new comes from one of them. What still lay in the old port does not count."""
        ends_s = self.clock.mono_s() + SPEAKS_WITHIN_S
        opened = {name: self.parts.receivers[name].health.opened for name in names}
        while self.clock.mono_s() < ends_s:
            self._pause.wait(LOOK_EVERY_S)
            for name in names:
                health = self.parts.receivers[name].health
                if health.opened == opened[name]:
                    before[name] = health.samples  # the old session
                elif health.samples > before[name]:
                    return True
        return False
