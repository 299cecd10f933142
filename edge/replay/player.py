"""Plays a recording through chain, episodes and rules, in the order of its stamps."""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from config.models import Settings
from drivers.samples import Attitude, GnssEpoch
from edge.positioning.whereabouts import Whereabouts
from edge.replay.recording import (
    RecordingFile,
    Shot,
    attitudes,
    begins_in_utc,
    epochs,
    shots,
)
from edge.reporting.messages import MessageWriter
from edge.seeing.chain import Chain
from edge.seeing.detectors import config_name
from edge.seeing.episodes import Change, EpisodeDesk
from edge.seeing.look import Ending, Observer
from edge.seeing.placing import Placing
from edge.seeing.poses import Poses
from edge.seeing.rule_desk import RuleDesk
from edge.seeing.schedule import Schedule
from edge.seeing.vision import lost_after_s
from edge.timebase import Timebase
from perception.detection.detector import Detector
from perception.detections import Detections
from perception.errors import ImageError
from perception.rules.rule import News
from telemetry.contract.envelope import Draft, Sender, body_of, seal
from telemetry.contract.uuid7 import uuid7

SEED = 7  # of the ids: the same recording gives the same ids

Heard = tuple[str, GnssEpoch] | Attitude | Shot
OnMessage = Callable[[bytes], None]


class ReplayClock:
    """Stands where the recording is."""

    def __init__(self, begins: datetime) -> None:
        self._begins = begins
        self._mono_s = 0.0

    def go_to(self, mono_s: float) -> None:
        self._mono_s = max(self._mono_s, mono_s)

    def mono_s(self) -> float:
        return self._mono_s

    def utc(self) -> datetime:
        return self._begins + timedelta(seconds=self._mono_s)


@dataclass(slots=True)
class Tally:
    """What became of a recording."""

    pictures: int = 0
    looked_at: int = 0
    positions: int = 0
    events: Counter[str] = field(default_factory=Counter)  # by type and phase
    dropped: Counter[str] = field(default_factory=Counter)  # pictures, by cause
    end_s: float = 0.0


class Player:
    """One run. The same chain, observers and writer as on a unit, with a clock of its own."""

    def __init__(
        self,
        described: RecordingFile,
        settings: Settings,
        detector: Detector | None,
        tell: OnMessage,
        observers: tuple[Observer, ...] = (),
    ) -> None:
        """`detector` None: every camera has its detections in the recording."""
        self.tally = Tally()
        self._described = described
        self._detector = detector
        self._model = config_name(settings.perception.model) if detector else "recorded"
        self._tell = tell
        self._cameras = list(described.cameras)
        self._clock = ReplayClock(begins_in_utc(described))
        self._draw = random.Random(SEED)  # noqa: S311 - ids that shall be the same each time
        self._sender = Sender(unit=settings.unit.id, boot_id=self._id(self._clock.utc()))
        self._sequence = itertools.count(1)
        self._timebase = Timebase(self._clock, list(described.gnss), False, lambda: 0.0)
        self._whereabouts = Whereabouts(list(described.gnss), settings.position.lost_after_s)
        self._poses = Poses(settings.pose)
        self._writer = MessageWriter(
            self._timebase,
            self._whereabouts,
            has_receiver=bool(described.gnss),
            new_id=self._id,
        )
        self._chain = self._new_chain(settings)
        self._observers = self._watching(settings, observers)
        self._schedule = Schedule(self._cameras, settings.perception.max_fps)
        self._fps = {
            name: settings.cameras[name].looked_at_fps(settings.perception.max_fps)
            for name in self._cameras
        }
        for name, fps in self._fps.items():
            self._schedule.set_rate(name, fps)
        self._last_look_s: dict[str, float] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    def play(self) -> Iterator[float]:
        """Play it to its end; yields the stamp after each picture, for who shows progress.

        Raises RecordingError, PerceptionError.
        """
        for mono_s, _, heard in self._in_order():
            self._clock.go_to(mono_s)
            match heard:
                case Shot():
                    self._see(heard)
                    yield mono_s
                case Attitude():
                    self._poses.note_attitude(heard)
                case (receiver, epoch):
                    self._note_gnss(receiver, epoch)
        self.tally.end_s = self._clock.mono_s()
        for camera in self._cameras:
            self._end(camera, "shutdown")

    def _in_order(self) -> Iterator[tuple[float, int, Heard]]:
        """All that was recorded, by stamp: of one instant, poses before pictures."""
        begins, described = begins_in_utc(self._described), self._described
        lines: list[Iterator[tuple[float, int, Heard]]] = [
            ((epoch.mono_s, order, (name, epoch)) for epoch in epochs(path, begins))
            for order, (name, path) in enumerate(described.gnss.items())
        ]
        if described.attitude is not None:
            lines.append((one.mono_s, len(lines), one) for one in attitudes(described.attitude))
        first = len(lines)
        lines += [
            ((shot.frame.mono_s, order, shot) for shot in shots(name, track))
            for order, (name, track) in enumerate(described.cameras.items(), start=first)
        ]
        return heapq.merge(*lines, key=lambda item: item[:2])

    def _note_gnss(self, receiver: str, epoch: GnssEpoch) -> None:
        self._timebase.note_gnss(receiver, epoch)
        if self._whereabouts.note(receiver, epoch):
            self._poses.note_gnss(epoch)
            self.tally.positions += 1

    def _see(self, shot: Shot) -> None:
        frame = shot.frame
        self.tally.pictures += 1
        self._end_lost_cameras(frame.mono_s)
        if self._schedule.choose([frame.camera], frame.mono_s) is None:
            self.tally.dropped["not_its_turn"] += 1
            return
        self._schedule.took(frame.camera, frame.mono_s)
        found = self._detect(shot)
        if found is None:
            return
        self._last_look_s[frame.camera] = frame.mono_s
        self.tally.looked_at += 1
        size = frame.width_px, frame.height_px
        if self._sizes.setdefault(frame.camera, size) != size:
            self._sizes[frame.camera] = size
            self._lose(frame.camera)  # as a unit does: other pixels say nothing of those before
        look = self._chain.see(frame, found)
        for observer in self._observers:
            observer.see(look)

    def _detect(self, shot: Shot) -> Detections | None:
        if shot.found is not None:
            return shot.found
        if self._detector is None:
            raise ValueError("a detector is needed for a camera without detections")
        try:
            return self._detector.detect(shot.frame.image)
        except ImageError:
            self.tally.dropped["bad_picture"] += 1
            return None

    def _end_lost_cameras(self, now_s: float) -> None:
        for camera, last_s in list(self._last_look_s.items()):
            if now_s - last_s > lost_after_s(self._fps[camera]):
                self._lose(camera)
                del self._last_look_s[camera]

    def _lose(self, camera: str) -> None:
        self._end(camera, "camera_lost")
        self._chain.lose(camera)

    def _end(self, camera: str, reason: Ending) -> None:
        for observer in self._observers:
            observer.end(camera, reason, self._clock.mono_s())

    # --- what it is made of ---

    def _new_chain(self, settings: Settings) -> Chain:
        threshold = self._detector.spec.score_threshold if self._detector else 0.5
        place = Placing.build(settings, self._poses)
        ids = itertools.count(1)
        return Chain.build(
            settings.perception, self._cameras, threshold, ids, place, place.projection
        )

    def _watching(
        self, settings: Settings, observers: tuple[Observer, ...]
    ) -> tuple[Observer, ...]:
        episodes = EpisodeDesk(settings.episodes, self._cameras, self._tell_changes)
        rules = RuleDesk.open(settings, self._timebase.at, self._tell_news, remembers=False)
        return (episodes, *((rules,) if rules else ()), *observers)

    def _tell_changes(self, changes: list[Change]) -> None:
        for change in changes:
            self._put(
                self._writer.detection(change.step, change.size_px, self._model, change.standing)
            )

    def _tell_news(self, news: list[News]) -> None:
        for each in news:
            self._put(self._writer.news(each))

    def _put(self, draft: Draft) -> None:
        phase = getattr(draft.data, "phase", None)
        self.tally.events[f"{draft.type} {phase}" if phase else draft.type] += 1
        body = body_of(self._sender, draft, self._id(draft.time))
        self._tell(seal(body, next(self._sequence), historical=False, sent=draft.time))

    def _id(self, utc: datetime) -> str:
        return uuid7(utc, self._draw.getrandbits)
