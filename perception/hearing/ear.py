"""One microphone's sound, block by block, into episodes. No clock, no thread, no disk."""

import math

import numpy as np
from numpy.typing import NDArray

from config.audio import AudioConfig
from drivers.resampling import Resampler
from perception.hearing.background import Background, Impulses
from perception.hearing.classes import KINDS, SoundClasses
from perception.hearing.episodes import EndReason, Episode, Gate, SoundChange
from perception.hearing.levels import Level, level
from perception.hearing.voice import VoiceDetector

MODEL_RATE_HZ = 16_000
VOICE_HYSTERESIS = 0.15  # as Silero's own iterator has it between begin and end
CLASS_HYSTERESIS = 0.2
LOUD_HYSTERESIS_DB = 6.0

Block = NDArray[np.float32]


class Ear:
    """All that is listened for at one microphone."""

    def __init__(
        self,
        microphone: str,
        config: AudioConfig,
        full_scale_dba: float | None = None,
        voice: VoiceDetector | None = None,
        classes: SoundClasses | None = None,
    ) -> None:
        """Without `voice` or `classes` their kinds are not heard."""
        self.level: Level | None = None  # of the newest block
        self.bad_samples = 0  # not finite, or far beyond full scale
        self._config = config
        self._full_scale_dba = full_scale_dba
        self._voice = voice
        self._classes = classes
        self._rate_hz = 0
        self._resampler = Resampler(MODEL_RATE_HZ, MODEL_RATE_HZ)
        self._background = Background()
        self._impulses = Impulses(config.impulse_over_db, MODEL_RATE_HZ)
        self._episodes = {
            kind: Episode(microphone, kind, gate)
            for kind, gate in gates(config).items()
            if kind in config.listen_for
        }

    def hear(self, samples: Block, rate_hz: int, mono_s: float, *, gap: bool) -> list[SoundChange]:
        """What changed with a block (N,) of float32 that began at mono_s.

        `gap`: sound was lost before it. Raises ModelError where a model fails on it.
        """
        if not len(samples):
            return []
        samples = self._sound(samples)
        if gap or rate_hz != self._rate_hz:
            self._begin(rate_hz)
        self.level = now = level(samples, rate_hz)
        values = self._values(samples, mono_s, now)
        loudness = (now.dbfs, now.dba(self._full_scale_dba))
        every_s = self._config.update_every_s
        changes = (
            episode.hear(mono_s, values[kind][0], values[kind][1], loudness, every_s)
            for kind, episode in self._episodes.items()
            if kind in values
        )
        return [change for change in changes if change is not None]

    def end_all(self, reason: EndReason) -> list[SoundChange]:
        """The microphone is gone, or the unit stops."""
        self._rate_hz = 0
        changes = (episode.end(reason) for episode in self._episodes.values())
        return [change for change in changes if change is not None]

    def _sound(self, samples: Block) -> Block:
        bad = ~(np.abs(samples) <= 4.0)  # NaN compares false
        if not bad.any():
            return samples
        self.bad_samples += int(bad.sum())
        return np.where(bad, np.float32(0.0), samples)

    def _begin(self, rate_hz: int) -> None:
        """After a gap, and with another rate, nothing goes on from what was heard."""
        self._rate_hz = rate_hz
        self._resampler = Resampler(rate_hz, MODEL_RATE_HZ)
        self._impulses = Impulses(self._config.impulse_over_db, rate_hz)
        if self._voice is not None:
            self._voice.reset()
        if self._classes is not None:
            self._classes.reset()

    def _values(self, samples: Block, mono_s: float, now: Level) -> dict[str, tuple[float, float]]:
        """By kind: the value for its gate, and how sure that is, 0..1.

        Levels are no probabilities: twice the rise that is asked for counts as certain.
        """
        config = self._config
        usual_db = self._background.usual_db()
        self._background.note(mono_s, now.dbfs_a)
        above_db = 0.0 if usual_db is None else now.dbfs_a - usual_db
        least_db = math.inf if usual_db is None else usual_db + config.loud_over_db
        rise_db = self._impulses.feed(samples, least_db)
        found = {
            "loud": (above_db, above_db / (2 * config.loud_over_db)),
            "impulse": (rise_db, rise_db / (2 * config.impulse_over_db)),
        }
        if self._voice is None and self._classes is None:
            return found
        slow = self._resampler.feed(samples)
        if self._voice is not None:
            probability = self._voice.feed(slow)
            found["voice"] = (probability, probability)
        heard = self._classes.feed(slow) if self._classes is not None else None
        if heard is not None:
            found |= {kind: (score, score) for kind, score in heard.scores.items()}
        return found


def gates(config: AudioConfig) -> dict[str, Gate]:
    """By kind. A patch of the sound model comes every half second, so its kinds hang longer."""
    score = config.score_min
    lower = max(score - CLASS_HYSTERESIS, score / 2)
    found = {kind: Gate(on=score, off=lower, hang_s=3.0) for kind in KINDS}
    found["siren"] = Gate(on=score, off=lower, least_s=0.9, hang_s=5.0)
    voice_off = max(config.voice_min - VOICE_HYSTERESIS, config.voice_min / 2)
    found["voice"] = Gate(on=config.voice_min, off=voice_off, least_s=0.5, hang_s=2.0)
    loud = config.loud_over_db
    found["loud"] = Gate(on=loud, off=max(loud - LOUD_HYSTERESIS_DB, loud / 2), least_s=0.9)
    impulse = config.impulse_over_db
    found["impulse"] = Gate(on=impulse, off=impulse, hang_s=1.0)
    return found
