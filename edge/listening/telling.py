"""From a change of sound to the hub's message."""

from collections.abc import Callable

from edge.listening.clips import Clip
from edge.reporting.messages import MessageWriter
from edge.timebase import Timebase
from perception.hearing.classes import KINDS
from perception.hearing.episodes import SoundChange
from telemetry.contract.envelope import Draft
from telemetry.contract.sounds import SoundClip, SoundEvent
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import short

Key = tuple[str, str, int]  # microphone, kind, number


class SoundDesk:
    """Writes sound events. Each microphone's thread calls it for its own sounds."""

    def __init__(
        self,
        timebase: Timebase,
        writer: MessageWriter,
        put: Callable[[Draft], None],
        model: str | None,
    ) -> None:
        self._timebase = timebase
        self._writer = writer
        self._put = put
        self._model = short(model) if model else None
        self._episodes: dict[Key, str] = {}  # of open episodes

    def clip_name(self, change: SoundChange) -> str:
        """What a clip of this episode is called: by its id."""
        return self._episodes[_key(change)]

    def tell(self, change: SoundChange, clip: Clip | None) -> None:
        """One step of an episode; its time is when it was last heard."""
        utc, quality = self._timebase.at(change.last_mono_s)
        begun, _ = self._timebase.at(change.begun_mono_s)
        if change.change == "new":
            self._episodes[_key(change)] = uuid7(begun)
        episode = self._episodes[_key(change)]
        if change.change == "end":
            del self._episodes[_key(change)]
        pose, missing = self._writer.pose_at(change.last_mono_s)
        data = SoundEvent.model_validate(
            {
                "phase": change.change,
                "episode": episode,
                "kind": change.kind,
                "confidence": change.confidence,
                "microphone": change.microphone,
                "begun": begun,
                "last_heard": utc,
                "bursts": change.bursts,
                "level_dbfs": change.level_dbfs,
                "level_dba": change.level_dba,
                "clip": self._clip(clip),
                "pose": pose,
                "pose_missing": missing,
                "reason": change.reason,
                "model": self._model if change.kind in KINDS else None,
            }
        )
        self._put(Draft.of(data, utc, quality))

    def _clip(self, clip: Clip | None) -> SoundClip | None:
        if clip is None:
            return None
        begun, _ = self._timebase.at(clip.begun_mono_s)
        return SoundClip(
            name=short(clip.name), sha256=clip.sha256, duration_s=clip.duration_s, begun=begun
        )


def _key(change: SoundChange) -> Key:
    return change.microphone, change.kind, change.number
