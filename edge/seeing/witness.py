"""What those who find something in pictures need to tell of it: when, where, and to whom."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge.positioning.whereabouts import Whereabouts
from edge.reporting.messages import MessageWriter
from edge.timebase import Timebase
from perception.place.placed import Scene, WorldTrack
from telemetry.commands.answers import Put
from telemetry.commands.journal import Journal, JournalError
from telemetry.contract.envelope import Draft
from telemetry.contract.events import Box, FrameSize, Pose
from telemetry.contract.up_message import PoseMissing, UpMessage
from telemetry.contract.wire_types import TimeQuality


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Any thread."""

    timebase: Timebase
    whereabouts: Whereabouts
    writer: MessageWriter
    put: Put
    journal: Journal

    def now(self) -> datetime:
        return self.timebase.now()[0]

    def at(self, mono_s: float) -> tuple[datetime, TimeQuality]:
        return self.timebase.at(mono_s)

    def pose_at(self, mono_s: float) -> tuple[Pose | None, PoseMissing | None]:
        return self.writer.pose_at(mono_s)

    def note(self, what: str, **facts: Any) -> None:
        """For the journal. What is found is told also where the journal takes nothing."""
        with suppress(JournalError):
            self.journal.write(what, **facts)

    def tell(self, data: UpMessage, mono_s: float | None, priority: int | None = None) -> None:
        """On the disk when this returns. `mono_s`: of the picture; None: it is of now."""
        utc, quality = self.timebase.now() if mono_s is None else self.timebase.at(mono_s)
        level = data.PRIORITY if priority is None else priority
        draft = Draft(data=data, time=utc, time_quality=quality, priority=level)
        self.put(draft, durable=True)


def box_of(track: WorldTrack, scene: Scene) -> tuple[Box, FrameSize]:
    """A track's box in shares of the picture, cut at its border."""
    width, height = scene.width_px, scene.height_px
    x1, x2 = (min(max(x / width, 0.0), 1.0) for x in (track.box[0], track.box[2]))
    y1, y2 = (min(max(y / height, 0.0), 1.0) for y in (track.box[1], track.box[3]))
    size = FrameSize(width_px=width, height_px=height)
    return Box(x=x1, y=y1, width=x2 - x1, height=y2 - y1), size
