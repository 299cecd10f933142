"""What a running unit consists of, for those who report on it. Built once by `edge.assembly`."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from config.models import Settings
from drivers.clock import Clock
from drivers.samples import Frame, GnssEpoch
from edge.acting.acting import Acting
from edge.body.board_news import BoardNews
from edge.body.body import Body
from edge.body.roll_call import RollCall
from edge.commands.commanding import Commanding
from edge.finders import Finders
from edge.firmware.desk import FirmwareDesk
from edge.flashing.overview import Overview
from edge.flashing.trial.standing import Slots
from edge.listening.listening import Listening
from edge.local.control import LocalControl
from edge.media.media import Media
from edge.moving.moving import Moving
from edge.positioning.receiver_watch import ReceiverWatch
from edge.positioning.whereabouts import Whereabouts
from edge.reporting.messages import MessageWriter
from edge.resting.resting import Resting
from edge.running.driver_loop import DriverHealth
from edge.running.mailbox import Mailbox
from edge.running.worker import Worker
from edge.seeing.camera_watch import CameraWatch
from edge.seeing.poses import Poses
from edge.seeing.rule_desk import RuleDesk
from edge.seeing.vision import Vision
from edge.seeing.witness import Witness
from edge.tasks.office import Office
from edge.timebase import Timebase
from telemetry.link.publisher import Publisher
from telemetry.outbox.outbox import Outbox


@dataclass(slots=True)
class Receiver:
    """One GNSS receiver as it fares. Written by its own thread only."""

    health: DriverHealth
    watch: ReceiverWatch = field(default_factory=ReceiverWatch)
    newest: GnssEpoch | None = None
    fix_mono_s: float | None = None  # of the newest epoch with a fix
    first_fix_after_s: float | None = None  # of the start

    def note(self, epoch: GnssEpoch) -> None:
        self.newest = epoch
        self.watch.note(epoch)
        if epoch.has_fix:
            self.fix_mono_s = epoch.mono_s
            if self.first_fix_after_s is None:
                self.first_fix_after_s = epoch.mono_s - self.health.started_mono_s


@dataclass(slots=True, kw_only=True)
class Parts:
    """Everything that can be asked how it is doing.

    The first two are replaced when something is changed while the unit runs, nothing else is.
    """

    settings: Settings
    config_digest: str
    clock: Clock
    started_mono_s: float
    timebase: Timebase
    whereabouts: Whereabouts
    writer: MessageWriter
    poses: Poses
    office: Office
    receivers: dict[str, Receiver]
    cameras: dict[str, DriverHealth]
    camera_watches: dict[str, CameraWatch]
    frames: Mailbox[Frame]
    vision: Vision | None
    rules: RuleDesk | None
    listening: Listening
    media: Media | None
    outbox: Outbox
    publisher: Publisher
    local: LocalControl
    commanding: Commanding
    flashed: Overview
    finders: Finders
    body: Body
    board_news: BoardNews
    firmware: FirmwareDesk
    acting: Acting
    moving: Moving
    witness: Witness
    roll_call: RollCall
    resting: Resting
    slots: Slots
    workers: Callable[[], Sequence[Worker]]

    def devices(self) -> list[DriverHealth]:
        """All that can be plugged in and pulled out."""
        found = [receiver.health for receiver in self.receivers.values()]
        found += [*self.cameras.values(), *self.listening.devices.values()]
        return [*found, *self.body.devices(), *self.acting.devices()]

    def camera_drops(self, camera: str) -> dict[str, int]:
        """What became of this camera's pictures that were not looked at, by cause; and how many
        were, that showed nothing (black, torn)."""
        drops = Counter(self.cameras[camera].drops())
        drops["replaced_by_newer"] += self.frames.replaced().get(camera, 0)
        if self.vision is not None and camera in self.vision.tallies:
            drops.update(self.vision.tallies[camera].losses())
        return dict(drops)
