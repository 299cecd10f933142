"""One microphone: its driver's blocks through the ear, changes to whoever tells the hub."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from config.audio import AudioConfig, MicrophoneConfig
from drivers.samples import AudioBlock
from edge.listening.clips import Clip, ClipShelf
from perception.errors import PerceptionError
from perception.hearing.classes import KINDS, SoundClasses
from perception.hearing.ear import Ear
from perception.hearing.episodes import EndReason, SoundChange
from perception.hearing.ring import Ring
from perception.hearing.voice import VoiceDetector, open_voice
from perception.inference import catalogue, model_trial
from perception.inference.session import Session

RING_SPARE_S = 6.0  # an episode is over some seconds after it was last heard

TellSound = Callable[[SoundChange, Clip | None], None]
NameClip = Callable[[SoundChange], str]


@dataclass(frozen=True, slots=True)
class Ending:
    """An end that waits for the sound after it."""

    change: SoundChange
    due_mono_s: float


class Listener:
    """Hears, remembers what a clip may need, tells. Used by the microphone's own thread."""

    def __init__(
        self, ear: Ear, config: AudioConfig, shelf: ClipShelf, tell: TellSound, name_clip: NameClip
    ) -> None:
        self.ear = ear
        self.fault = ""  # what is wrong with a model that is listened with
        self._clips = config.clips
        self._shelf = shelf
        self._tell = tell
        self._name_clip = name_clip
        self._ring = Ring(config.clips.longest_s + RING_SPARE_S) if config.clips.keep else None
        self._rate_hz = 0
        self._endings: list[Ending] = []

    def hear(self, block: AudioBlock) -> None:
        """One block; whoever is to be told is told before this returns."""
        if self._ring is not None:
            self._ring.add(block.mono_s, block.samples, block.rate_hz)
            self._rate_hz = block.rate_hz
        try:
            changes = self.ear.hear(block.samples, block.rate_hz, block.mono_s, gap=block.gap)
        except PerceptionError as error:
            self._note(str(error))
            self.end_all("silent")  # nobody can say that it goes on
            return
        for change in changes:
            self._take(change)
        self._let_go(block.mono_s + block.duration_s)

    def end_all(self, reason: EndReason) -> None:
        """The microphone is gone, or the unit stops: what is open ends with what sound there is."""
        for change in self.ear.end_all(reason):
            self._take(change)
        self._let_go(float("inf"))

    def _take(self, change: SoundChange) -> None:
        if change.change == "end" and self._ring is not None:
            self._endings.append(Ending(change, change.last_mono_s + self._clips.post_s))
        else:
            self._tell(change, None)

    def _let_go(self, now_mono_s: float) -> None:
        due = [ending for ending in self._endings if ending.due_mono_s <= now_mono_s]
        self._endings = [ending for ending in self._endings if ending.due_mono_s > now_mono_s]
        for ending in due:
            self._tell(ending.change, self._keep(ending.change))

    def _keep(self, change: SoundChange) -> Clip | None:
        if self._ring is None:
            return None
        begun_s = change.begun_mono_s - self._clips.pre_s
        length_s = min(change.last_mono_s + self._clips.post_s - begun_s, self._clips.longest_s)
        cut = self._ring.cut(begun_s, begun_s + length_s)
        if cut is None:
            return None
        return self._shelf.put(self._name_clip(change), cut[1], self._rate_hz, cut[0])

    def _note(self, error: str) -> None:
        if not self.fault:
            structlog.get_logger().error("sound_model_failed", error=error)
        self.fault = error


def open_ear(name: str, microphone: MicrophoneConfig, config: AudioConfig) -> tuple[Ear, str]:
    """The ear with all that can be had of its models, and what is wrong with the rest."""
    faults: list[str] = []
    voice = classes = None
    if "voice" in config.listen_for:
        try:
            voice = VoiceDetector(open_voice(config.voice_model))
        except PerceptionError as error:
            faults.append(_in_words(error))
    if config.model is not None and set(KINDS) & set(config.listen_for):
        try:
            classes = SoundClasses(_session(config.model))
        except PerceptionError as error:
            faults.append(_in_words(error))
    ear = Ear(name, config, microphone.full_scale_dba, voice, classes)
    return ear, "; ".join(faults)


def _session(model: str) -> Session:
    """One thread: a patch of half a second takes 3 ms. Raises PerceptionError."""
    content = model_trial.content_of(catalogue.find(model, task="audio"))
    return Session.open(content, threads=1)


def _in_words(error: PerceptionError) -> str:
    return f"{error} ({error.cure})" if error.cure else str(error)
