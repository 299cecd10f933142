"""The trial of what was flashed: watched in the running unit, kept or taken back."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from config.language import said, tell
from config.slots import Ended, SlotsError, SlotsStep, Trial, slot_folder
from drivers.clock import Clock, computer_boot_id, since_boot_s
from edge.booting.ledger import WELL_AFTER_S
from edge.flashing.trial.gate import PERCEPTION, Judge, Seen, in_words, lacking, need_of
from edge.flashing.trial.live import Live
from edge.flashing.trial.standing import Slots
from edge.flashing.trial.vitals import there, vitals
from edge.reporting.parts import Parts
from edge.running.worker import Beat
from telemetry.contract.wire_types import text

LOOK_EVERY_S = 0.5
HOLD_S = 5.0  # so long it has to be well without a break, to be kept
LEAST_S = 12.0  # to be judged, where earlier starts have used up the time


@dataclass(slots=True)
class TrialWatch:
    """`work` is one worker's; the unit can do without it, but a flash then never ends well."""

    parts: Parts
    slots: Slots
    live: Live
    clock: Clock
    see: Callable[[Parts], Seen] = vitals
    _began_mono_s: float = 0.0
    _judged: str | None = None  # bundle on trial
    _judge: Judge | None = None
    _noted_well: bool = False
    _busy: threading.Lock = field(default_factory=threading.Lock)

    def work(self, beat: Beat, stop: threading.Event) -> None:
        self._began_mono_s = self.clock.mono_s()
        while not stop.wait(LOOK_EVERY_S):
            beat()
            self.tend()

    @property
    def period_s(self) -> float:
        return self.parts.settings.flash.trial_s

    @property
    def lacks(self) -> tuple[str, ...]:
        """What the flash on trial has not yet, in words."""
        judge = self._judge
        return () if judge is None else judge.lacks

    def tend(self) -> None:
        """Look once."""
        now_mono_s = self.clock.mono_s()
        if not self._noted_well and now_mono_s - self._began_mono_s >= WELL_AFTER_S:
            self._noted_well = True
            self.slots.note_ledger(lambda ledger: ledger.well())
        trial = self.slots.read().trial
        if trial is None or self.slots.anew.asked:
            self._judged = self._judge = None
            return
        self._look(trial, now_mono_s)

    def _look(self, trial: Trial, now_mono_s: float) -> None:
        if self._judge is None or self._judged != trial.content.bundle:
            self._judged = trial.content.bundle
            self._judge = Judge(self._ends_mono_s(trial, now_mono_s), HOLD_S)
        configured = there(self.parts)
        need = need_of(trial, configured, perception=PERCEPTION in configured)
        lacks = (*self._not_in_effect(trial), *lacking(need, self.see(self.parts)))
        verdict = self._judge.look(lacks, now_mono_s)
        if verdict == "commit":
            self.commit()
        elif verdict == "roll_back":
            self.roll_back("unhealthy", in_words(self._judge.lacks))

    def _not_in_effect(self, trial: Trial) -> tuple[str, ...]:
        """What was left out when it was loaded proves nothing."""
        if trial.lane == "runtime":
            home = slot_folder(self.slots.folder, "runtime", trial.slot)
            runs = home.resolve() in Path(__file__).resolve().parents
        else:
            known = self.live.in_effect.get(trial.lane)
            runs = known is not None and known.bundle == trial.content.bundle
        told = tell("the {lane} that was flashed is not in effect", lane=trial.lane)
        return () if runs else (told,)

    def _ends_mono_s(self, trial: Trial, now_mono_s: float) -> float:
        """Earlier starts of the same trial count, as far as the launcher has seen them."""
        ledger, used_s = self.slots.ledger(), 0.0
        seen = ledger.trial if ledger.boot == computer_boot_id() else None
        if seen is not None and seen.bundle == trial.content.bundle:
            used_s = max(0.0, since_boot_s() - seen.seen_s)
        return now_mono_s + max(LEAST_S, self.period_s - used_s)

    # --- how it ends ---

    def commit(self) -> bool:
        """Whether it is kept now. A disk that refuses is tried again."""
        utc = self.clock.utc()
        return self._ended(lambda slots: slots.commit(utc), "flash_committed") is not None

    def roll_back(self, code: str, words: str) -> bool:
        """Whether it is taken back; the unit then starts anew with what it had before."""
        utc = self.clock.utc()
        ended = self._ended(
            lambda slots: slots.roll_back(code, text(words), utc), "flash_rolled_back"
        )
        if ended is not None and not self.live.back(ended.content.bundle):
            self.slots.anew.ask(f"{ended.content.name} was taken back")
        return ended is not None

    def _ended(self, step: SlotsStep, event: str) -> Ended | None:
        """The trial, once its end is on the disk; None: it goes on."""
        try:
            done = self.slots.change(step)
        except (SlotsError, OSError) as error:
            self.slots.fault = said(error)
            return None
        if done is None:
            return None
        self.slots.note_ledger(lambda ledger: ledger.saw_trial(None, 0.0))
        ended = done.ended[-1]
        facts = {"name": ended.content.name, "serial": ended.content.serial}
        structlog.get_logger().warning(event, lane=ended.lane, why=ended.text, **facts)
        return ended
