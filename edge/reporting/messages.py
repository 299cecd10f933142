"""From what the unit knows to what the hub reads: each message is written here, stamped once."""

from collections.abc import Callable
from datetime import datetime

from edge.positioning.whereabouts import UnitPosition, Whereabouts
from edge.reporting.alert_messages import alert_event, count_event, crowd_event
from edge.reporting.places import told
from edge.seeing.episodes import Standing
from edge.timebase import Timebase
from perception.episodes import EpisodeChange
from perception.rules.rule import Alert, Count, News
from telemetry.contract.envelope import Draft
from telemetry.contract.events import Box, DetectionEvent, FrameSize, Pose
from telemetry.contract.unit import Position
from telemetry.contract.up_message import Phase, PoseMissing
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import short

POSE_TOO_OLD_S = 600.0  # a pose older than this says nothing of where the picture was taken


class MessageWriter:
    """Writes positions, detections and alerts. Any thread may call it."""

    def __init__(
        self,
        timebase: Timebase,
        whereabouts: Whereabouts,
        *,
        has_receiver: bool,
        new_id: Callable[[datetime], str] = uuid7,
    ) -> None:
        """`new_id`: an episode's id by when it began; a replay has its own way."""
        self._timebase = timebase
        self._whereabouts = whereabouts
        self._has_receiver = has_receiver
        self._new_id = new_id
        self._episodes: dict[int, str] = {}  # of open episodes, by track
        self._alerts: dict[int, str] = {}  # of open alerts, by the rules' number

    def position(self, position: UnitPosition) -> Draft:
        """The unit's position; its time is that of the fix."""
        epoch = position.epoch
        utc, quality = self._timebase.at(epoch.mono_s)
        data = Position(
            lat_deg=position.lat_deg,
            lon_deg=position.lon_deg,
            source=position.source,
            fix=epoch.fix.value,
            age_ms=round(position.age_s * 1e3),
            alt_msl_m=epoch.alt_msl_m,
            error_m=position.error_m,
            error_95_m=position.error_95_m,
            course_deg=epoch.course_deg,
            heading_deg=epoch.heading_deg,
            speed_mps=epoch.speed_mps,
            satellites_used=epoch.satellites_used,
            hdop=epoch.hdop,
            receiver=position.receiver,
        )
        return Draft.of(data, utc, quality)

    def detection(
        self,
        change: EpisodeChange,
        frame_size: tuple[int, int],
        model: str,
        standing: Standing | None = None,
    ) -> Draft:
        """One step of an episode; its time is that of the picture it speaks of."""
        where = told(*(standing or (None, None)))
        utc, quality = self._timebase.at(change.last_seen_mono_s)
        first_utc, _ = self._timebase.at(change.first_seen_mono_s)
        episode = self._id(self._episodes, change.track_id, change.change, first_utc)
        pose, missing = self.pose_at(change.last_seen_mono_s)
        x, y, width, height = change.box
        data = DetectionEvent(
            phase=change.change,
            episode=episode,
            label=change.label,
            confidence=change.confidence,
            camera=change.camera,
            track=change.track_id,
            box=Box(x=x, y=y, width=width, height=height),
            frame=FrameSize(width_px=frame_size[0], height_px=frame_size[1]),
            first_seen=first_utc,
            last_seen=utc,
            place=where.place,
            place_missing=where.missing,
            motion=where.motion,
            pose=pose,
            pose_missing=missing,
            reason=change.reason,
            model=short(model),
        )
        return Draft.of(data, utc, quality)

    def news(self, news: News) -> Draft:
        """What a rule has to tell; its time is when that was last seen."""
        return self._alert(news) if isinstance(news, Alert) else self._count(news)

    def _alert(self, alert: Alert) -> Draft:
        utc, quality = self._timebase.at(alert.last_mono_s)
        begun, _ = self._timebase.at(alert.begun_mono_s)
        episode = self._id(self._alerts, alert.episode, alert.phase, begun)
        pose = self.pose_at(alert.last_mono_s)
        write = crowd_event if alert.rule == "crowd" else alert_event
        return Draft.of(write(alert, episode, (begun, utc), pose), utc, quality)

    def _count(self, count: Count) -> Draft:
        begun, _ = self._timebase.at(count.begun_mono_s)
        ended, quality = self._timebase.at(count.begun_mono_s + count.length_s)
        return Draft.of(count_event(count, begun, ended), ended, quality)

    def _id(self, known: dict[int, str], number: int, phase: Phase, begun: datetime) -> str:
        """The episode's id: made at its `new`, forgotten after its `end`."""
        if phase == "new":
            known[number] = self._new_id(begun)
        return known.pop(number) if phase == "end" else known[number]

    def pose_at(self, mono_s: float) -> tuple[Pose | None, PoseMissing | None]:
        """Where the unit was at a stamp, or why that is not known."""
        position = self._whereabouts.at(mono_s)
        if position is None:
            return None, "no_fix" if self._has_receiver else "no_receiver"
        if position.age_s > POSE_TOO_OLD_S:
            return None, "fix_too_old"
        return position.pose(), None
