"""Which parts of the unit's body are there: told when one is lost and when it is back.

A part is lost when it has failed, or said nothing, for `modules.lost_after_s`: shorter gaps are
none of a hub's business. What was lost is remembered on the disk, so that a part which comes back
after a restart is told as back.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog

from config.modules import ModulesConfig
from drivers.clock import Clock
from drivers.samples import Identity
from edge.running.driver_loop import DriverHealth
from edge.running.worker import Beat
from edge.seeing.witness import Witness
from edge.tasks.memory import Memory
from telemetry.contract.body import Module
from telemetry.contract.events import ModuleEvent
from telemetry.contract.wire_types import short, text

FILE = "modules.json"
LOOK_EVERY_S = 0.1
FIRST_WITHIN_S = 30.0  # after the start: then it is told as lost, though nobody has seen it
ASK_SOON_S, ASK_AGAIN_S = 3.0, 60.0
SAMPLES_IN_A_GAP = 3.0  # one that speaks seldom is silent when so many of its samples are missing
SELDOM = ("actuator",)  # they speak when something changes; open is there

Devices = Callable[[], Iterable[DriverHealth]]
Facts = Callable[[str, str], Identity | None]  # kind and name of a part


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A part that is lost, as it is remembered."""

    kind: str
    name: str
    since: datetime


@dataclass(slots=True)
class _Part:
    """What was seen of one part. The roll call's own thread."""

    seen: bool = False  # since the start
    rested_s: float = float("-inf")  # by intent, until then
    last_well_s: float = 0.0
    gap_s: float = 0.0  # between two of its samples, usually
    samples: int = 0
    counted_s: float = 0.0
    ask_at_s: float = 0.0  # then what it is, while it is there; 0: it has just come


@dataclass(slots=True)
class RollCall:
    """`work` is one worker's; any thread may ask for the modules."""

    config: ModulesConfig
    devices: Devices
    facts: Facts
    witness: Witness
    clock: Clock
    memory: Memory[dict[str, Absence]]
    usual_s: Mapping[str, float] = field(default_factory=dict)  # between samples, where configured
    lost: dict[str, Absence] = field(default_factory=dict)  # by kind and name; replaced whole
    identities: dict[str, Identity] = field(default_factory=dict)  # likewise
    present: frozenset[str] = frozenset()
    well: frozenset[str] = frozenset()  # that spoke as they should at the newest look
    _parts: dict[str, _Part] = field(default_factory=dict)

    @staticmethod
    def memory_in(state_dir: Path) -> Memory[dict[str, Absence]]:
        return Memory(state_dir / FILE, dict[str, Absence])

    # --- its worker ---

    def work(self, beat: Beat, stop: threading.Event) -> None:
        self.recall()
        while not stop.wait(LOOK_EVERY_S):
            beat()
            self.look()

    def recall(self) -> None:
        """What was lost when the unit stopped; what its file no longer names is forgotten."""
        there = {_key(health) for health in self.devices()}
        remembered = self.memory.load() or {}
        self.lost = {key: absence for key, absence in remembered.items() if key in there}

    def look(self) -> None:
        now_s = self.clock.mono_s()
        well = set[str]()
        for health in self.devices():
            key = _key(health)
            gap_s = self.usual_s.get(key, 0.0)
            part = self._parts.setdefault(key, _Part(counted_s=now_s, gap_s=gap_s))
            if self._judge(key, health, part, now_s):
                well.add(key)
        self.well = frozenset(well)

    def _judge(self, key: str, health: DriverHealth, part: _Part, now_s: float) -> bool:
        """Whether it is well."""
        _count(part, health, now_s)
        if health.resting:
            part.rested_s = now_s
        if self._is_well(health, part, now_s):
            part.seen, part.last_well_s = True, now_s
            if now_s >= part.ask_at_s:
                soon = part.ask_at_s == 0.0  # it may not have said yet who it is
                part.ask_at_s = now_s + (ASK_SOON_S if soon else ASK_AGAIN_S)
                self._ask(key, health)
            if key in self.lost:  # its first word is enough: it cannot be lost again at once
                self._tell_back(key, health)
            self.present |= {key}
            return True
        if key not in self.lost and self._has_gone(health, part, now_s):
            part.ask_at_s = 0.0
            self._tell_lost(key, health)
        return False

    def _is_well(self, health: DriverHealth, part: _Part, now_s: float) -> bool:
        if health.ended or health.resting:
            return True  # a recording that has done its work; a camera while the unit sleeps
        if health.component in SELDOM:
            return health.open
        if health.last_error or not health.samples:
            return False
        return _silent_s(health, part, now_s) <= self._patience_s(part)

    def _patience_s(self, part: _Part) -> float:
        return max(self.config.lost_after_s, SAMPLES_IN_A_GAP * part.gap_s)

    def _has_gone(self, health: DriverHealth, part: _Part, now_s: float) -> bool:
        if not part.seen:
            begun = health.open or bool(health.last_error)
            return begun and health.silent_s(now_s) >= FIRST_WITHIN_S
        if health.component in SELDOM:
            return now_s - part.last_well_s >= self.config.lost_after_s
        patience_s = self.config.lost_after_s if health.last_error else self._patience_s(part)
        return _silent_s(health, part, now_s) >= patience_s

    def _ask(self, key: str, health: DriverHealth) -> None:
        told = self.facts(health.component, health.name)
        if told is not None:
            self.identities = self.identities | {key: told}

    # --- telling ---

    def _tell_lost(self, key: str, health: DriverHealth) -> None:
        last_s = health.last_sample_mono_s
        since = self.witness.at(health.started_mono_s if last_s is None else last_s)[0]
        absence = Absence(kind=health.component, name=health.name, since=since)
        self.lost = self.lost | {key: absence}
        self.present -= {key}
        why = health.last_error or "it says nothing"
        structlog.get_logger().warning("module_lost", module=health.name, kind=health.component)
        self._tell("lost", health, since, why)

    def _tell_back(self, key: str, health: DriverHealth) -> None:
        absence = self.lost[key]
        self.lost = {each: gone for each, gone in self.lost.items() if each != key}
        now = self.witness.now()
        away_s = max(0.0, (now - absence.since).total_seconds())
        structlog.get_logger().info("module_back", module=health.name, kind=health.component)
        self._tell("back", health, now, f"it was away for {away_s:.0f} s")

    def _tell(self, what: str, health: DriverHealth, since: datetime, why: str) -> None:
        """The hub first: killed in between, it hears the same twice, not never."""
        event = ModuleEvent(
            what="lost" if what == "lost" else "back",
            module=short(health.name),
            kind=health.component,
            since=since,
            text=text(why),
            pose=self.witness.pose_at(self.clock.mono_s())[0],
        )
        self.witness.tell(event, None)
        self.memory.save(self.lost)

    # --- what others ask ---

    def modules(self) -> tuple[Module, ...]:
        """For the inventory."""
        return tuple(self._module(health) for health in self.devices())

    def _module(self, health: DriverHealth) -> Module:
        key, kind = _key(health), health.component
        known = self.identities.get(key) or Identity(name=health.name, kind=kind)
        return Module(
            name=short(health.name),
            kind=kind,
            present=key in self.present,
            required=kind in self.config.required,
            model=_known(known.model),
            serial=_known(known.serial),
            firmware=_known(known.firmware),
            hardware=_known(known.hardware),
            calibrated=known.calibrated.isoformat() if known.calibrated else None,
        )

    @property
    def fault(self) -> str | None:
        """Why what is lost would be forgotten by a restart, or was."""
        return self.memory.fault or self.memory.lost


def _known(words: str) -> str | None:
    return short(words) if words.strip() else None


def _key(health: DriverHealth) -> str:
    return f"{health.component}.{health.name}"


def _silent_s(health: DriverHealth, part: _Part, now_s: float) -> float:
    """Without a sample that was due: not while it rests."""
    return min(health.silent_s(now_s), now_s - part.rested_s)


def _count(part: _Part, health: DriverHealth, now_s: float) -> None:
    """Learn how often it speaks, while it does."""
    came = health.samples - part.samples
    if came <= 0:
        return
    if part.samples:
        gap_s = (now_s - part.counted_s) / came
        part.gap_s = gap_s if part.gap_s == 0 else 0.9 * part.gap_s + 0.1 * min(gap_s, 60.0)
    part.samples, part.counted_s = health.samples, now_s
