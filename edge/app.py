"""The wiring, on one screen: who works on a unit, and what hands what to whom."""

from collections.abc import Callable, Sequence
from functools import partial

from config.loading import Loaded
from drivers.base import LONGEST_OPEN_S
from drivers.clock import Clock, SystemClock
from edge.assembly import assemble
from edge.body.body import odometry, positions
from edge.commands.handlers import Quick, pong
from edge.doctor.facts import doctor_controls
from edge.firmware.idle import why_active
from edge.flashing.orders import FlashDesk, flasher
from edge.flashing.telling import FlashTeller, RecordTeller
from edge.flashing.trial.changeover import ChangeOver
from edge.flashing.trial.live import Live
from edge.flashing.trial.standing import Slots, Start
from edge.flashing.trial.watch import TrialWatch
from edge.local.outbox import outbox_controls
from edge.outgoing import OUTBOX_FILE
from edge.reporting.reporter import Reporter
from edge.running.anew import Anew
from edge.running.exchange import Exchangeable
from edge.running.sdnotify import SystemdNotifier
from edge.running.supervisor import LOOK_FOR_STOP_EVERY_S, Crew, Supervisor
from edge.running.worker import Beat, Worker, WorkOf
from edge.seeing.episodes import Change
from edge.seeing.look import Observer
from edge.work import FLUSH_S, GOODBYE_S, Work
from perception.rules.rule import News
from telemetry.commands.handling import Handler, Order
from telemetry.contract.wire_types import TimeQuality

SOURCES_STOP_S = 1.2  # sensors and perception, until their last event is on the disk
DELIVERY_STOP_S = FLUSH_S + GOODBYE_S + 0.1
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
        observers: Sequence[Observer] = (),
        start: Start | None = None,
    ) -> None:
        """`start`: how this run came about."""
        self._clock = clock or SystemClock()
        self.anew = Anew()
        self._sources = Crew(SOURCES_STOP_S)
        self._delivery = Crew(DELIVERY_STOP_S)
        self._disk = Crew(DISK_STOP_S)
        crews = (self._disk, self._delivery, self._sources)
        self._supervisor = Supervisor(crews, notifier or SystemdNotifier(), self._clock)

        def tell_changes(changes: list[Change]) -> None:
            self._work.tell_changes(changes)

        def tell_news(news: list[News]) -> None:
            self._work.tell_news(news)

        self.parts = parts = assemble(
            loaded,
            self._clock,
            lambda: self._supervisor.workers,
            tell_changes,
            tell_news,
            observers,
            Slots(loaded.settings.state_dir, start or Start(), self.anew),
        )
        self._live = Live(parts, parts.slots, loaded, self._clock)
        self._trial = TrialWatch(parts, parts.slots, self._live, self._clock)
        self._work = Work(parts, parts.writer)
        parts.body.listen(positions(self._work.note_epoch))
        parts.body.listen(odometry(parts.whereabouts.note_odometry))
        parts.body.boards.hear(parts.board_news.hear)
        parts.moving.stop_held = partial(parts.board_news.stop_held, parts.body.boards.all)
        self._reporter = Reporter(parts, parts.writer, self._work.fixes)
        parts.acting.changed = parts.moving.changed = self._reporter.look_now
        self._take_orders()
        self._hire()

    @property
    def events_told(self) -> int:
        """Detections given to the outbox since the start."""
        return self._work.events_told

    # --- life ---

    def start(self) -> None:
        self._supervisor.start()

    def watch(self, wait: Callable[[float], bool]) -> int:
        """Until `wait` says stop or a new start was asked for (0), or an essential worker died
        (1)."""
        return self._supervisor.watch(self.anew.beside(wait, LOOK_FOR_STOP_EVERY_S))

    def stop_sources(self) -> list[str]:
        """Stop all that makes messages; delivery goes on. Returns the names of those that hang."""
        return self._sources.end(self._clock)

    def stop(self) -> list[str]:
        """Stop all within three seconds. Returns the names of workers that hang."""
        left = self._supervisor.stop(anew=self.anew.asked)
        if "outbox" not in left:
            self.parts.outbox.close()
        return left

    # --- what it can be told ---

    def _take_orders(self) -> None:
        """From the hub, and from this computer's own commands."""
        parts, commanding = self.parts, self.parts.commanding
        if parts.slots.start.safe is not None:
            commanding.unable = "not in safe mode: position, health and commands only"

        def rebirth(_order: Order) -> None:
            parts.publisher.rebirth()
            self._reporter.tell_again()

        commanding.register("ping", pong(parts.timebase, self._clock, parts.started_mono_s))
        commanding.register("rebirth", Quick(rebirth))
        orders = (
            part.handlers()
            for part in (
                parts.office,
                parts.finders,
                parts.acting,
                parts.moving,
                parts.firmware,
            )
        )
        for name, handler in ((name, each) for found in orders for name, each in found.items()):
            commanding.register(name, handler)
        media = parts.media.handlers if parts.media is not None else {}
        for name, handler in (media | self._flash_orders()).items():
            commanding.register(name, handler)
        commanding.hear_record = RecordTeller(parts.outbox.put, self._time_quality).hear
        parts.publisher.hear_commands(self._work.hear_command)
        on_the_spot = outbox_controls(parts.outbox, parts.settings.state_dir / OUTBOX_FILE)
        on_the_spot |= parts.office.controls() | parts.finders.controls()
        on_the_spot |= parts.acting.controls() | parts.moving.controls()
        health = self._reporter.health
        on_the_spot |= doctor_controls(parts, lambda: health.findings, health.camera_figures)
        on_the_spot |= parts.firmware.controls()
        on_the_spot |= ChangeOver(
            parts, parts.slots, self._live, self._trial, self._clock, self._why_active
        ).controls()
        for name, control in on_the_spot.items():
            parts.local.register(name, control)
        commanding.serve_locally(parts.local)

    def _why_active(self) -> str | None:
        parts = self.parts
        return why_active(parts.office, parts.acting, parts.moving, parts.whereabouts, self._clock)

    # --- who works here ---

    def _hire(self) -> None:
        """All workers: what they do, and whether the unit can do without them."""
        self._employ(self._disk, "outbox", self._work.keep_outbox)
        self._employ(self._delivery, "publisher", self._work.publish)
        self._employ(self._sources, "reporter", self._reporter.work)
        self._employ(self._sources, "commands", self.parts.commanding.work)
        for name, gnss in self.parts.settings.gnss.items():
            stuck_after_s = LONGEST_OPEN_S if gnss.kind in ("tcp", "gpsd") else STUCK_S
            receiver = Exchangeable(gnss, partial(self._work.run_gnss, name))
            self._live.receivers[name] = receiver
            work = receiver.work
            self._employ(self._sources, f"gnss.{name}", work, stuck_after_s=stuck_after_s)
        for name, optional in self._optional().items():
            self._employ(
                self._sources,
                name,
                optional,
                essential=False,
                stuck_after_s=STUCK_IN_NATIVE_CODE_S,
            )

    def _optional(self) -> dict[str, WorkOf]:
        """Those that the unit can do without."""
        parts = self.parts
        work: dict[str, WorkOf] = {
            "sos": parts.office.work_sos,
            "tasks": parts.office.work_tasks,
        }
        for name, camera in parts.settings.cameras.items():
            see = Exchangeable(camera, partial(self._work.run_camera, name))
            self._live.cameras[name] = see
            work[f"camera.{name}"] = parts.resting.nap.rests(see.work, parts.cameras[name])
        for name, listen in parts.listening.works(parts.settings.microphones).items():
            microphone = parts.listening.devices.get(name.removeprefix("microphone."))
            work[name] = parts.resting.nap.rests(listen, microphone) if microphone else listen
        work["resting"] = parts.resting.work
        work["local"] = parts.local.work
        work["commands.long"] = parts.commanding.work_long
        work["flash.news"] = self._flash_teller().work
        if parts.media is not None:
            work["media"] = parts.media.studio.work
        if parts.vision is not None:
            work["perception"] = parts.vision.work
        work["modules"] = parts.roll_call.work
        work["trial"] = self._trial.work
        work |= parts.finders.works() | parts.body.works() | parts.acting.works()
        if parts.settings.boards:
            work["boards"] = parts.board_news.work
        return work | parts.moving.works()

    def _flash_teller(self) -> FlashTeller:
        parts = self.parts
        return FlashTeller(
            parts.flashed, parts.slots.change, parts.outbox.put, parts.witness.note,
            self._time_quality,
        )  # fmt: skip

    def _time_quality(self) -> TimeQuality:
        return self.parts.timebase.now()[1]

    def _flash_orders(self) -> dict[str, Handler]:
        """None where there is no file of the unit's own, as in tests."""
        slots, settings = self.parts.slots, self.parts.settings
        if slots.start.unit_file is None:
            return {}
        flash = flasher(slots.start.unit_file, settings.state_dir, self._clock)
        return FlashDesk(settings, flash, self._why_active).handlers()

    def _employ(
        self,
        crew: Crew,
        name: str,
        work: WorkOf,
        *,
        essential: bool = True,
        stuck_after_s: float = STUCK_S,
    ) -> None:
        def run(beat: Beat) -> None:
            work(beat, crew.stop)

        crew.workers.append(
            Worker(
                name, run, crew.stop, self._clock, essential=essential, stuck_after_s=stuck_after_s
            )
        )
