"""A kind of sound as an episode: `new`, now and then `update`, exactly one `end`."""

from dataclasses import dataclass
from typing import Literal

Change = Literal["new", "update", "end"]
EndReason = Literal["silent", "microphone_lost", "shutdown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """When a sound begins and is over. Values are the kind's own: a probability, or dB."""

    on: float  # from this value on it is heard
    off: float  # below this value it is not
    least_s: float = 0.0  # heard for so long before it is told
    hang_s: float = 2.0  # not heard for so long before it is over


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundChange:
    """One step in the life of an episode."""

    change: Change
    microphone: str
    kind: str
    number: int  # of the episode: unique per ear
    confidence: float  # 0..1, the best of the episode
    bursts: int  # how often it rose above `on`: shots in a row are one episode
    level_dbfs: float  # the loudest block of the episode
    level_dba: float | None
    begun_mono_s: float
    last_mono_s: float  # when it was last heard
    reason: EndReason | None = None


@dataclass(slots=True)
class Episode:
    """One kind at one microphone."""

    microphone: str
    kind: str
    gate: Gate
    number: int = 0
    begun_s: float | None = None  # None: not heard
    last_s: float = 0.0
    told_s: float | None = None  # None: not told yet
    bursts: int = 0
    above: bool = False
    confidence: float = 0.0
    level_dbfs: float = -200.0
    level_dba: float | None = None

    def hear(
        self,
        mono_s: float,
        value: float,
        confidence: float,
        level: tuple[float, float | None],
        update_every_s: float,
    ) -> SoundChange | None:
        """A block's value for this kind, and what changed with it. `level`: dBFS and dB(A)."""
        if value >= self.gate.on:
            self._note(mono_s, confidence, level)
        elif value < self.gate.off:
            self.above = False
        elif self.above:
            self.last_s = mono_s
        if self.begun_s is None:
            return None
        if mono_s - self.last_s > self.gate.hang_s:
            return self.end("silent")
        if self.told_s is None and self.last_s - self.begun_s >= self.gate.least_s:
            return self._tell("new", mono_s)
        if self.told_s is not None and mono_s - self.told_s >= update_every_s:
            return self._tell("update", mono_s)
        return None

    def end(self, reason: EndReason) -> SoundChange | None:
        """It is over; None if nobody was told of it."""
        change = None if self.told_s is None else self._tell("end", self.last_s, reason)
        self.begun_s = self.told_s = None
        self.above = False  # or the next one would begin without having risen
        return change

    def _note(self, mono_s: float, confidence: float, level: tuple[float, float | None]) -> None:
        if self.begun_s is None:
            self.begun_s, self.bursts, self.confidence = mono_s, 0, 0.0
            self.level_dbfs, self.level_dba = level
        self.bursts += not self.above
        self.above = True
        self.last_s = mono_s
        self.confidence = max(self.confidence, confidence)
        if level[0] > self.level_dbfs:
            self.level_dbfs, self.level_dba = level

    def _tell(self, change: Change, mono_s: float, reason: EndReason | None = None) -> SoundChange:
        if change == "new":
            self.number += 1
        self.told_s = mono_s
        return SoundChange(
            change=change,
            microphone=self.microphone,
            kind=self.kind,
            number=self.number,
            confidence=round(min(max(self.confidence, 0.0), 1.0), 4),
            bursts=self.bursts,
            level_dbfs=round(self.level_dbfs, 1),
            level_dba=None if self.level_dba is None else round(self.level_dba, 1),
            begun_mono_s=self.begun_s if self.begun_s is not None else self.last_s,
            last_mono_s=self.last_s,
            reason=reason,
        )
