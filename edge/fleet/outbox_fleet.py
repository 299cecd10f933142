"""A few units with all that a real one has between its producers and the broker: outbox, publisher.

For what a simulation in memory cannot tell: what the disk costs, what is left after a kill. Each
unit has two threads and a folder of its own, where a later run goes on.
"""

import threading
from collections import Counter
from importlib.metadata import version as installed
from pathlib import Path

from config.operations import DeliveryConfig
from drivers.clock import Clock
from edge.fleet.agenda import Agenda
from edge.fleet.figures import Figures, Snapshot, cpu_s
from edge.fleet.fleet import LinkPlan
from edge.fleet.life import Life
from edge.fleet.plan import FleetPlan, unit_names
from edge.fleet.streets import Streets
from edge.running.worker import Beat, Worker, WorkerState
from telemetry.contract.envelope import Draft, Sender
from telemetry.contract.topics import Topics
from telemetry.contract.up_message import UpMessage
from telemetry.contract.uuid7 import uuid7
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.publisher import Publisher
from telemetry.link.status_writer import StatusWriter
from telemetry.outbox.outbox import Outbox

MOST_UNITS = 50
STEP_S = 0.2
OUTBOX_BYTES = 64 * 2**20
UNHURRIED = ("position", "health", "state")  # may wait for the next commit, as in the product


class OutboxUnit:
    """One unit: `tell` from the fleet's thread; two workers do the rest."""

    def __init__(
        self,
        name: str,
        number: int,
        plan: FleetPlan,
        link: LinkPlan,
        folder: Path,
        streets: Streets,
        agenda: Agenda,
        clock: Clock,
    ) -> None:
        begun = clock.utc()
        sender = Sender(unit=name, boot_id=uuid7(begun))
        self.made = 0
        self._clock = clock
        folder.mkdir(parents=True, exist_ok=True)
        self.outbox = Outbox(folder / "outbox.db", sender, clock, OUTBOX_BYTES)
        self.life = Life(plan, number, streets, agenda, begun, self.tell)
        status = StatusWriter(
            topics=Topics(link.root, name),
            sender=sender,
            now=lambda: (clock.utc(), "ntp"),
            unit_kind=self.life.unit_kind,
            software=f"patrol-edge fleet {installed('patrol-edge')}",
        )
        self.publisher = Publisher(
            PahoTransport(),
            self.outbox,
            status,
            link.access.options(name),
            DeliveryConfig(ack=link.ack),
            link.protocol,
            lambda: [Draft.of(self.life.state(), clock.utc(), "ntp")],
            clock,
        )
        self.making = True
        self._stop = {part: threading.Event() for part in ("publisher", "outbox")}
        self.workers = [
            Worker(
                f"publisher {name}", self._publish, self._stop["publisher"], clock, essential=True
            ),
            Worker(f"outbox {name}", self._store, self._stop["outbox"], clock, essential=True),
        ]

    def start(self) -> None:
        for worker in self.workers:
            worker.start()
        self.life.start()

    def tell(self, data: UpMessage) -> None:
        if self.making:
            self.made += 1
            draft = Draft.of(data, self._clock.utc(), "ntp")
            self.outbox.put(draft, durable=draft.kind not in UNHURRIED)

    def _publish(self, beat: Beat) -> None:
        while not self._stop["publisher"].is_set():
            beat()
            self.publisher.work(STEP_S)
        self.publisher.close()

    def _store(self, beat: Beat) -> None:
        while not self._stop["outbox"].is_set():
            beat()
            self.outbox.work(STEP_S)

    def leave(self) -> None:
        self._stop["publisher"].set()
        self.publisher.bell.set()

    @property
    def away(self) -> bool:
        return self.workers[0].join(0)

    def close(self) -> None:
        for event, worker in zip(self._stop.values(), self.workers, strict=True):
            event.set()
            worker.join(3.0)
        self.outbox.close()


class OutboxFleet:
    """Like `Fleet`, with the real parts. `work` runs the lives in the caller's thread."""

    def __init__(
        self, plan: FleetPlan, link: LinkPlan, streets: Streets, clock: Clock, folder: Path
    ) -> None:
        """Raises OSError where the folder cannot be made."""
        self._clock = clock
        self._begun_s, self._cpu_before_s = clock.mono_s(), cpu_s()
        self._agenda = Agenda()
        self._pause = threading.Event()
        self._late_s = 0.0
        self.units = [
            OutboxUnit(name, number, plan, link, folder / name, streets, self._agenda, clock)
            for number, name in enumerate(unit_names(plan))
        ]
        for unit in self.units:
            unit.start()

    def work(self, timeout_s: float) -> None:
        """Do what is due, waiting at most `timeout_s` for it."""
        now_s = self._clock.mono_s() - self._begun_s
        due_s = self._agenda.next_s
        self._pause.wait(timeout_s if due_s is None else min(timeout_s, max(0.0, due_s - now_s)))
        now_s = self._clock.mono_s() - self._begun_s
        self._late_s = max(self._late_s, now_s - (self._agenda.next_s or now_s))
        self._agenda.run_until(now_s)

    def stop_making(self) -> None:
        for unit in self.units:
            unit.making = False

    @property
    def settled(self) -> bool:
        return not any(unit.outbox.pending() for unit in self.units)

    def leave(self) -> None:
        for unit in self.units:
            unit.leave()

    @property
    def away(self) -> bool:
        return all(unit.away for unit in self.units)

    def close(self) -> None:
        for unit in self.units:
            unit.close()

    @property
    def sequences(self) -> dict[str, int]:
        """None: they are in the outboxes."""
        return {}

    def snapshot(self) -> Snapshot:
        found = [unit.publisher.stats() for unit in self.units]
        refused: Counter[str] = Counter()
        for each in found:
            refused.update(each.refused)
        errors = [each.last_error for each in found if each.last_error and not each.sent]
        dead = [w for unit in self.units for w in unit.workers if w.state is WorkerState.FAILED]
        figures = Figures(
            made=sum(unit.made for unit in self.units),
            sent=sum(each.sent - each.resent for each in found),
            resent=sum(each.resent for each in found),
            hub_acked=sum(each.acked for each in found),
            refused=refused,
            connects=sum(each.reconnects + (each.sent > 0) for each in found),
            last_error=dead[0].last_error if dead else (errors[0] if errors else None),
            late_s=self._late_s,
        )
        return Snapshot(
            units=len(self.units),
            online=sum(each.connected for each in found),
            seconds=self._clock.mono_s() - self._begun_s,
            cpu_s=cpu_s() - self._cpu_before_s,
            waiting=sum(unit.outbox.pending() for unit in self.units),
            unacked=0,
            figures=figures,
        )
