"""Everything that a unit is told to do, under one roof: tasks and duty, modes, the call for help.

Two workers, both optional: a bug in the one for tasks must cost neither the position nor the call
for help, and orders are still taken while it is being started again.
"""

import threading

from config.models import Settings
from drivers.clock import Clock, asleep_s, computer_boot_id
from edge.positioning.whereabouts import Whereabouts
from edge.running.worker import Beat
from edge.tasks.desk import Desk
from edge.tasks.journey import Journey
from edge.tasks.local import Control, controls
from edge.tasks.memory import Memory
from edge.tasks.modes import Tuning
from edge.tasks.orders import handlers
from edge.tasks.record import Book, Stamp
from edge.tasks.sos import SosBook, SosDesk
from edge.tasks.soundness import is_sound, is_sound_call
from edge.tasks.teller import Teller
from edge.timebase import Timebase
from telemetry.commands.handling import Handler
from telemetry.contract.envelope import Draft
from telemetry.outbox.outbox import Outbox

SLEPT_S = 1.0  # a suspension shorter than that is none
LOOK_EVERY_S = 0.25  # what is overdue is told within a second, and where the unit has arrived


class Office:
    """Made once by `edge.assembly`."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        timebase: Timebase,
        whereabouts: Whereabouts,
        outbox: Outbox,
    ) -> None:
        self._clock = clock
        self._timebase = timebase
        self._whereabouts = whereabouts
        self._outbox = outbox
        self._computer, self._asleep_s = computer_boot_id(), 0.0
        self._config = config = settings.tasks
        folder, queue = settings.state_dir, settings.state_dir / "outbox.db"
        self.desk = Desk(
            config,
            Journey(config, settings.unit.kind),
            Memory(folder / "orders.json", Book, is_sound),
            Teller(outbox, queue),
            self._now,
            self._report,
        )
        self.sos = SosDesk(
            Memory(folder / "sos.json", SosBook, is_sound_call),
            Teller(outbox, queue),
            self._now,
            self._report,
        )
        self.tuning = Tuning(settings, self.desk.book.mode)

    # --- workers ---

    def work_tasks(self, beat: Beat, stop: threading.Event) -> None:
        self.desk.begin()
        while not stop.wait(LOOK_EVERY_S):
            beat()
            self.desk.tick(self._whereabouts.at(self._clock.mono_s()))
        self.desk.close()

    def work_sos(self, beat: Beat, stop: threading.Event) -> None:
        while not stop.wait(LOOK_EVERY_S):
            beat()
            self.sos.tick(self._whereabouts.at(self._clock.mono_s()))

    # --- who may ask ---

    def handlers(self) -> dict[str, Handler]:
        """For the orders of the hub, by their names in the contract."""
        return handlers(self.desk, self.tuning, self.sos, self._config, self._clock)

    def controls(self) -> dict[str, Control]:
        """For the crew, over the local control socket."""
        return controls(self.desk, self.sos, self.tuning, self._config)

    # --- what they need ---

    def _now(self, mono_s: float | None) -> Stamp:
        stamp_s = self._clock.mono_s() if mono_s is None else mono_s
        utc, quality = self._timebase.at(stamp_s)
        return Stamp(utc=utc, quality=quality, mono_s=stamp_s, boot=self._boot())

    def _boot(self) -> str:
        """A suspension is to deadlines and durations what a reboot is: the monotonic clock has
        stood still, so stamps from before it cannot be compared with those after it."""
        now_s = asleep_s()
        if abs(now_s - self._asleep_s) > SLEPT_S:
            self._asleep_s = now_s
        return self._computer if self._asleep_s == 0.0 else f"{self._computer}+{self._asleep_s:.0f}"

    def _report(self, draft: Draft) -> None:
        self._outbox.put(draft, durable=False)
