"""The reporting worker: positions as they are due, state on change, health by its clock."""

import threading

from drivers.samples import GnssEpoch
from edge.positioning.schedule import PositionSchedule
from edge.reporting.health import HealthDesk
from edge.reporting.messages import MessageWriter
from edge.reporting.parts import Parts
from edge.reporting.snapshot import StateDesk
from edge.running.mailbox import Mailbox
from edge.running.worker import Beat
from telemetry.contract.envelope import Draft

LOOK_EVERY_S = 0.25
STATE_EVERY_S = 0.1  # an actuator that flickers does not fill the link
HEALTH_EVERY_S = 1.0  # how soon a fault that came or went is told


class Reporter:
    """Puts what the unit says of itself into the outbox. One thread."""

    def __init__(self, parts: Parts, writer: MessageWriter, fixes: Mailbox[GnssEpoch]) -> None:
        self._parts = parts
        self._writer = writer
        self._fixes = fixes  # only to wake up at once; `whereabouts` has the position
        self._schedule = PositionSchedule(parts.settings.position)
        self._health = HealthDesk(parts)
        self._state = StateDesk(parts)
        self._looked_mono_s = float("-inf")
        self._state_wanted = False
        self._state_mono_s = float("-inf")

    def work(self, beat: Beat, stop: threading.Event) -> None:
        while not stop.is_set():
            beat()
            self._fixes.take(STATE_EVERY_S if self._state_wanted else LOOK_EVERY_S)
            self._report_position()
            self._report_self()

    def look_now(self) -> None:
        """Something of the state has changed that is not to wait for the next look. Any thread."""
        self._state_wanted = True
        self._fixes.wake()

    @property
    def health(self) -> HealthDesk:
        return self._health

    def tell_again(self) -> None:
        """The health report, though it is not due. Any thread."""
        self._health.tell_again()

    def _report_position(self) -> None:
        now_mono_s = self._parts.clock.mono_s()
        position = self._parts.whereabouts.at(now_mono_s)
        office = self._parts.office
        self._schedule.config = office.tuning.now.position
        if position is not None and self._schedule.due(
            position,
            now_mono_s,
            dispatched=office.desk.book.duty == "en_route" or self._parts.resting.in_a_hurry,
            every_s=office.tuning.rate(now_mono_s),
        ):
            self._parts.outbox.put(self._writer.position(position), durable=False)

    def _report_self(self) -> None:
        now_mono_s = self._parts.clock.mono_s()
        due = now_mono_s - self._looked_mono_s >= HEALTH_EVERY_S
        soon = self._state_wanted and now_mono_s - self._state_mono_s >= STATE_EVERY_S
        if due or soon:
            self._state_wanted, self._state_mono_s = False, now_mono_s
            self._put(self._state.due())
        if due:
            self._looked_mono_s = now_mono_s
            self._put(self._health.due())

    def _put(self, draft: Draft | None) -> None:
        if draft is not None:
            self._parts.outbox.put(draft, durable=False)
