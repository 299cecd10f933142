"""What the workers of a unit do, each in its own thread until it is told to stop."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import structlog

from config.devices import (
    CameraConfig,
    GnssConfig,
    ReplayGnssConfig,
    SerialGnssConfig,
    V4l2CameraConfig,
)
from drivers.factory import open_camera, open_gnss
from drivers.samples import Frame, GnssEpoch
from edge.reporting.messages import MessageWriter
from edge.reporting.parts import Parts
from edge.running.driver_loop import PLUGGED_RETRY_S, run_driver
from edge.running.mailbox import Mailbox
from edge.running.niceness import give_way
from edge.running.worker import RETRY_S, Beat
from edge.seeing.camera_watch import WatchedCamera
from edge.seeing.episodes import Change
from edge.seeing.schedule import Schedule
from perception.rules.rule import News
from telemetry.contract.envelope import Draft
from telemetry.link.transport import Arrived

CAMERA_RETRY_S = (1.0, 1.5, 2.0)  # on the network; asking is cheap, and it shall be back within 5 s
GLIMPSE_FPS = 1.0  # decoded all the same: a camera that sends only damaged ones is to be found
TRIES = 3  # of the link, within the time after which it counts as lost
FLUSH_S = 0.5  # for what was told last
GOODBYE_S = 0.6  # for the status `stopping`


class Work:
    """The threads that keep devices open, the queue on the disk, and the link up.

    What tasks, commands and reports do stands where they live; here is what ties parts together.
    """

    def __init__(self, parts: Parts, writer: MessageWriter) -> None:
        self.fixes: Mailbox[GnssEpoch] = Mailbox()  # for the reporter
        self.events_told = 0  # written by the perception thread only
        self._parts = parts
        self._writer = writer

    def keep_outbox(self, beat: Beat, stop: threading.Event) -> None:
        while not stop.is_set():
            beat()
            self._parts.outbox.work(0.2)

    def publish(self, beat: Beat, stop: threading.Event) -> None:
        publisher, up = self._parts.publisher, False
        while not stop.is_set():
            if not publisher.stalled:  # systemd shall hear of a life that delivers
                beat()
            publisher.work(0.2)
            if publisher.connected and not up:  # its loss is told as a fault, with the reason
                structlog.get_logger().info("link_up", protocol=publisher.stats().protocol)
            up = publisher.connected
            self._keep_in_touch()
            self._parts.moving.link(up)
        clock = self._parts.clock
        ends_mono_s = clock.mono_s() + FLUSH_S
        while self._parts.outbox.pending() and clock.mono_s() < ends_mono_s:
            publisher.work(0.05)  # the ends of the last episodes, while the link still stands
        publisher.close(GOODBYE_S)

    def _keep_in_touch(self) -> None:
        """What the hub has switched on goes off without it; so the link is tried while it is on."""
        publisher, acting = self._parts.publisher, self._parts.acting
        acting.link(publisher.heard_mono_s)
        every_s = self._parts.settings.acting.link_lost_after_s / TRIES
        publisher.try_link(every_s if acting.needs_the_hub else None)

    def hear_command(self, message: Arrived) -> None:
        """In the publisher's thread. Whoever commands was heard: nobody judges his command by how
        long it was silent before."""
        self._parts.acting.link(self._parts.publisher.heard_mono_s)
        self._parts.commanding.hear(message)

    def run_gnss(self, name: str, config: GnssConfig, beat: Beat, stop: threading.Event) -> None:
        parts, receiver = self._parts, self._parts.receivers[name]
        live = not isinstance(config, ReplayGnssConfig)

        def emit(epoch: GnssEpoch) -> None:
            epoch = turned(epoch, config.heading_offset_deg)
            receiver.note(epoch)
            if live:
                parts.timebase.note_gnss(name, epoch)
            self.note_epoch(name, epoch, receiver.watch.doubt)

        opener = partial(open_gnss, config, parts.clock)
        retry_s = PLUGGED_RETRY_S if isinstance(config, SerialGnssConfig) else RETRY_S
        run_driver(receiver.health, opener, emit, stop, beat, parts.clock, retry_s)

    def note_epoch(self, name: str, epoch: GnssEpoch, doubt: float = 1.0) -> None:
        """A position, of a receiver or of what carries the unit; `doubt` as of `Whereabouts`."""
        if self._parts.whereabouts.note(name, epoch, doubt):
            self._parts.poses.note_gnss(epoch)
            self.fixes.put("newest", epoch)

    def run_camera(
        self, name: str, config: CameraConfig, beat: Beat, stop: threading.Event
    ) -> None:
        give_way()  # to the model: pictures that it has no time for are dropped anyway
        parts, vision = self._parts, self._parts.vision
        while vision is not None and not vision.ready.wait(0.5) and not stop.is_set():
            beat()  # the model is warm before the pictures come

        looks = vision if config.detect else None
        glimpses = Schedule([name], GLIMPSE_FPS)  # of a camera whose pictures nobody looks at

        def wanted() -> bool:
            return looks.wants(name) if looks else glimpses.is_open(name, parts.clock.mono_s())

        def emit(frame: Frame) -> None:
            if looks:
                parts.frames.put(name, frame)
            else:
                glimpses.took(name, parts.clock.mono_s())

        def opener() -> WatchedCamera:
            driver = open_camera(name, config, parts.clock, wanted)
            return parts.camera_watches[name].opened(driver)

        retry_s = PLUGGED_RETRY_S if isinstance(config, V4l2CameraConfig) else CAMERA_RETRY_S
        run_driver(parts.cameras[name], opener, emit, stop, beat, parts.clock, retry_s)

    def tell_changes(self, changes: list[Change]) -> None:
        """To the outbox in one commit: it keeps the order, so the last one stands for all."""
        parts = self._parts
        self.events_told += len(changes)
        model = parts.vision.model_name if parts.vision is not None else ""
        self._tell(
            partial(self._writer.detection, change.step, change.size_px, model, change.standing)
            for change in changes
        )

    def tell_news(self, news: list[News]) -> None:
        """Alerts and counts, likewise."""
        self._tell(partial(self._writer.news, each) for each in news)

    def _tell(self, writes: Iterable[Callable[[], Draft]]) -> None:
        """One that cannot be written must not cost the others: an end may be among them."""
        drafts: list[Draft] = []
        failed: Exception | None = None
        for write in writes:
            try:
                drafts.append(write())
            except Exception as error:  # noqa: BLE001 - raised again when the others are told
                failed = failed or error
        self._put(drafts)
        if failed is not None:
            raise failed

    def _put(self, drafts: list[Draft]) -> None:
        for number, draft in enumerate(drafts, start=1):
            self._parts.outbox.put(draft, durable=number == len(drafts))
        if self._parts.media is not None:
            for draft in drafts:
                self._parts.media.desk.told(draft.data)


def turned(epoch: GnssEpoch, offset_deg: float) -> GnssEpoch:
    """The epoch with its heading turned by how the antennas are mounted."""
    if epoch.heading_deg is None or not offset_deg:
        return epoch
    return replace(epoch, heading_deg=(epoch.heading_deg + offset_deg) % 360.0)
