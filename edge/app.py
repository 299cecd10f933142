"""The wiring, on one screen: what runs on a unit, and what hands what to whom."""

import threading
from collections.abc import Callable
from functools import partial
from importlib.metadata import version as installed

import structlog

from config.loading import Loaded
from config.models import CameraConfig, GnssConfig, ReplayGnssConfig
from drivers.base import LONGEST_OPEN_S
from drivers.clock import Clock, SystemClock
from drivers.factory import open_camera, open_gnss
from drivers.samples import Frame, GnssEpoch
from edge.commands.commanding import Commanding
from edge.commands.handlers import Quick, pong
from edge.local.control import LocalControl
from edge.local.outbox import outbox_controls
from edge.position import Whereabouts
from edge.reporting.messages import MessageWriter
from edge.reporting.parts import Parts, Receiver
from edge.reporting.reporter import Reporter
from edge.reporting.snapshot import state_draft
from edge.running.driver_loop import DriverHealth, run_driver
from edge.running.mailbox import Mailbox
from edge.running.sdnotify import SystemdNotifier
from edge.running.supervisor import Crew, Supervisor
from edge.running.worker import Beat, Worker
from edge.tasks.office import Office
from edge.timebase import Timebase
from edge.vision import Change, OnResult, Vision, open_detector
from telemetry.commands.handling import Order
from telemetry.contract.envelope import Sender
from telemetry.contract.topics import Topics
from telemetry.contract.uuid7 import uuid7
from telemetry.link.libraries import open_transport
from telemetry.link.publisher import Publisher
from telemetry.link.status_writer import StatusWriter
from telemetry.link.transport import link_options
from telemetry.outbox.outbox import Outbox

MIB = 1024 * 1024
CAMERA_RETRY_S = (1.0, 2.0, 5.0)  # asking a camera is cheap, and it shall be back within 5 s
SOURCES_STOP_S = 1.2  # sensors and perception, until their last event is on the disk
FLUSH_S = 0.5  # for what was told last
GOODBYE_S = 0.6  # for the status `stopping`
DELIVERY_STOP_S = 1.2  # both, with some air
DISK_STOP_S = 0.5
# How long a worker may give no sign of life before only a restart can help. A hang in native code
# (a camera, an inference) must not cost the unit its position at once; a name server that does
# not answer holds up a receiver on the network for half a minute.
STUCK_S = 10.0
STUCK_IN_NATIVE_CODE_S = 60.0


class App:
    """One unit, wired. `start`, then `watch` until it is told to stop, then `stop`."""

    def __init__(
        self,
        loaded: Loaded,
        clock: Clock | None = None,
        notifier: SystemdNotifier | None = None,
        on_result: OnResult | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._settings = settings = loaded.settings
        self._sources = Crew(SOURCES_STOP_S)
        self._delivery = Crew(DELIVERY_STOP_S)
        self._disk = Crew(DISK_STOP_S)
        crews = (self._disk, self._delivery, self._sources)
        self._supervisor = Supervisor(crews, notifier or SystemdNotifier(), self._clock)
        self._frames: Mailbox[Frame] = Mailbox()
        self._fixes: Mailbox[GnssEpoch] = Mailbox()
        self.events_told = 0  # written by the perception thread only

        sender = Sender(unit=settings.unit.id, boot_id=uuid7(self._clock.utc()))
        whereabouts = Whereabouts(list(settings.gnss), settings.position.lost_after_s)
        timebase = Timebase(self._clock, list(settings.gnss))
        self._writer = MessageWriter(timebase, whereabouts, has_receiver=bool(settings.gnss))
        outbox = Outbox(
            settings.state_dir / "outbox.db",
            sender,
            self._clock,
            settings.outbox.max_mib * MIB,
            settings.outbox.thin_within_m,
        )
        self.parts = Parts(
            settings=settings,
            config_digest=loaded.digest,
            clock=self._clock,
            started_mono_s=self._clock.mono_s(),
            timebase=timebase,
            whereabouts=whereabouts,
            office=Office(settings, self._clock, timebase, whereabouts, outbox),
            receivers={name: self._receiver(name) for name in settings.gnss},
            cameras={name: self._camera(name) for name in settings.cameras},
            frames=self._frames,
            vision=self._vision(on_result) if settings.perception.enabled else None,
            outbox=outbox,
            publisher=self._publisher(loaded, sender, outbox, timebase),
            local=LocalControl(settings.state_dir, self._clock),
            commanding=Commanding(settings, self._clock, timebase, outbox.put),
            workers=lambda: self._supervisor.workers,
        )
        if self.parts.vision is not None:
            self.parts.office.tuning.add(self.parts.vision)
        on_the_spot = outbox_controls(outbox, settings.state_dir / "outbox.db")
        for name, control in (self.parts.office.controls() | on_the_spot).items():
            self.parts.local.register(name, control)
        self._hire()

    # --- life ---

    def start(self) -> None:
        self._supervisor.start()

    def watch(self, wait: Callable[[float], bool]) -> int:
        """Until `wait` says stop (0) or an essential worker died (1)."""
        return self._supervisor.watch(wait)

    def stop_sources(self) -> list[str]:
        """Stop all that makes messages; delivery goes on. Returns the names of those that hang."""
        return self._sources.end(self._clock)

    def stop(self) -> list[str]:
        """Stop all within three seconds. Returns the names of workers that hang."""
        left = self._supervisor.stop()
        if "outbox" not in left:
            self.parts.outbox.close()
        return left

    # --- who works here ---

    def _hire(self) -> None:
        """All workers: what they do, and whether the unit can do without them."""
        parts = self.parts
        reporter = Reporter(parts, self._writer, self._fixes)
        self._employ(self._disk, "outbox", self._keep_outbox, essential=True)
        self._employ(self._delivery, "publisher", self._publish, essential=True)
        self._employ(self._sources, "reporter", reporter.work, essential=True)
        self._take_commands(reporter)
        for name, gnss in self._settings.gnss.items():
            self._employ(
                self._sources,
                f"gnss.{name}",
                partial(self._run_gnss, name, gnss),
                essential=True,
                stuck_after_s=LONGEST_OPEN_S if gnss.kind in ("tcp", "gpsd") else STUCK_S,
            )
        optional: dict[str, Callable[[Beat, threading.Event], None]] = {
            "sos": parts.office.work_sos,
            "tasks": parts.office.work_tasks,
        }
        optional |= {
            f"camera.{name}": partial(self._run_camera, name, camera)
            for name, camera in self._settings.cameras.items()
        }
        optional["local"] = parts.local.work
        optional["commands.long"] = parts.commanding.work_long
        if parts.vision is not None:
            optional["perception"] = parts.vision.work
        for name, work in optional.items():
            self._employ(
                self._sources, name, work, essential=False, stuck_after_s=STUCK_IN_NATIVE_CODE_S
            )

    def _take_commands(self, reporter: Reporter) -> None:
        parts, commanding = self.parts, self.parts.commanding

        def rebirth(_order: Order) -> None:
            parts.publisher.rebirth()
            reporter.tell_again()

        commanding.register("ping", pong(parts.timebase, self._clock, parts.started_mono_s))
        commanding.register("rebirth", Quick(rebirth))
        for name, handler in parts.office.handlers().items():
            commanding.register(name, handler)
        commanding.serve_locally(parts.local)
        parts.publisher.hear_commands(commanding.hear)
        self._employ(self._sources, "commands", commanding.work, essential=True)

    def _employ(
        self,
        crew: Crew,
        name: str,
        work: Callable[[Beat, threading.Event], None],
        *,
        essential: bool,
        stuck_after_s: float = STUCK_S,
    ) -> None:
        def run(beat: Beat) -> None:
            work(beat, crew.stop)

        crew.workers.append(
            Worker(
                name, run, crew.stop, self._clock, essential=essential, stuck_after_s=stuck_after_s
            )
        )

    # --- what they do ---

    def _keep_outbox(self, beat: Beat, stop: threading.Event) -> None:
        while not stop.is_set():
            beat()
            self.parts.outbox.work(0.2)

    def _publish(self, beat: Beat, stop: threading.Event) -> None:
        publisher, up = self.parts.publisher, False
        while not stop.is_set():
            if not publisher.stalled:  # systemd shall hear of a life that delivers
                beat()
            publisher.work(0.2)
            if publisher.connected and not up:  # its loss is told as a fault, with the reason
                structlog.get_logger().info("link_up", protocol=publisher.stats().protocol)
            up = publisher.connected
        ends_mono_s = self._clock.mono_s() + FLUSH_S
        while self.parts.outbox.pending() and self._clock.mono_s() < ends_mono_s:
            publisher.work(0.05)  # the ends of the last episodes, while the link still stands
        publisher.close(GOODBYE_S)

    def _run_gnss(self, name: str, config: GnssConfig, beat: Beat, stop: threading.Event) -> None:
        parts, receiver = self.parts, self.parts.receivers[name]
        live = not isinstance(config, ReplayGnssConfig)

        def emit(epoch: GnssEpoch) -> None:
            receiver.note(epoch)
            if live:
                parts.timebase.note_gnss(name, epoch)
            if parts.whereabouts.note(name, epoch):
                self._fixes.put("newest", epoch)

        opener = partial(open_gnss, config, self._clock)
        run_driver(receiver.health, opener, emit, stop, beat, self._clock)

    def _run_camera(
        self, name: str, config: CameraConfig, beat: Beat, stop: threading.Event
    ) -> None:
        vision = self.parts.vision
        while vision is not None and not vision.ready.wait(0.5) and not stop.is_set():
            beat()  # the model is warm before the pictures come

        def emit(frame: Frame) -> None:
            if config.detect and vision is not None:
                self._frames.put(name, frame)

        opener = partial(open_camera, name, config, self._clock)
        run_driver(self.parts.cameras[name], opener, emit, stop, beat, self._clock, CAMERA_RETRY_S)

    def _on_changes(self, changes: list[Change]) -> None:
        """To the outbox in one commit: it keeps the order, so the last one stands for all."""
        self.events_told += len(changes)
        model = self.parts.vision.model_name if self.parts.vision is not None else ""
        for number, (change, frame_size) in enumerate(changes, start=1):
            draft = self._writer.detection(change, frame_size, model)
            self.parts.outbox.put(draft, durable=number == len(changes))

    # --- parts ---

    def _publisher(
        self, loaded: Loaded, sender: Sender, outbox: Outbox, timebase: Timebase
    ) -> Publisher:
        settings = loaded.settings
        library, protocol = settings.delivery.transport, settings.hub.protocol
        status = StatusWriter(
            topics=Topics(settings.hub.root, settings.unit.id),
            sender=sender,
            now=timebase.now,
            unit_kind=settings.unit.kind,
            software=f"patrol-edge {installed('patrol-edge')}",
            config_version=loaded.digest[:12],
        )
        return Publisher(
            open_transport(library, protocol),
            outbox,
            status,
            link_options(settings.hub, settings.unit.id),
            settings.delivery,
            "5" if library == "awscrt" else protocol,
            lambda: [*self.parts.office.sos.birth(), state_draft(self.parts)],
            self._clock,
            budget_file=settings.state_dir / "link_budget.json",
        )

    def _receiver(self, name: str) -> Receiver:
        return Receiver(DriverHealth(name, "gnss", started_mono_s=self._clock.mono_s()))

    def _camera(self, name: str) -> DriverHealth:
        return DriverHealth(name, "camera", started_mono_s=self._clock.mono_s())

    def _vision(self, on_result: OnResult | None) -> Vision:
        config = self._settings.perception
        looked_at = [name for name, camera in self._settings.cameras.items() if camera.detect]
        return Vision(
            config,
            self._settings.episodes,
            looked_at,
            self._frames,
            partial(open_detector, config),
            self._on_changes,
            self._clock,
            on_result,
        )
