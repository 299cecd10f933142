"""A whole fleet in one loop: one selector for all connections, one agenda for all lives.

Each unit has the transport of a real one, which never blocks; the fleet watches all of them with
one selector, and one bell for those that are being opened.
"""

import selectors
from dataclasses import dataclass, replace
from importlib.metadata import version as installed
from random import Random
from typing import Literal

from drivers.clock import Clock
from edge.fleet.access import AccessPlan, cached_contexts
from edge.fleet.agenda import Activity, Agenda
from edge.fleet.figures import Figures, Snapshot, cpu_s
from edge.fleet.life import Life
from edge.fleet.parts import UnitParts
from edge.fleet.plan import FleetPlan, unit_names
from edge.fleet.streets import Streets
from edge.fleet.unit import FleetUnit
from telemetry.bell import PollBell
from telemetry.contract.envelope import Sender
from telemetry.contract.topics import Topics
from telemetry.contract.up_message import UpMessage
from telemetry.contract.uuid7 import uuid7
from telemetry.link.dialer import ProtocolChoice
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.status_writer import StatusWriter
from telemetry.link.transport import ProtocolVersion, Refused

LOOK_AFTER_S = 3.0
STEPS = 500  # of the agenda, between two looks at the network
MOST_DIALING = 32  # at once: each has a thread until TCP and TLS stand
FALL_BACK = ("protocol", "closed", "silent")  # what a broker may do that knows MQTT 3.1.1 only


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPlan:
    """How the fleet gets to its broker."""

    access: AccessPlan
    root: str
    protocol: ProtocolChoice = "auto"
    ack: Literal["hub", "broker"] = "hub"
    ramp_per_s: float = 200.0  # connections begun


class Fleet:
    """Making one connects nothing; `work` in a loop does everything, in the caller's thread."""

    def __init__(
        self,
        plan: FleetPlan,
        link: LinkPlan,
        streets: Streets,
        clock: Clock,
        sequences: dict[str, int] | None = None,
    ) -> None:
        """`sequences`: the last one of each unit in earlier runs, where they go on."""
        self._plan = plan
        self._link = link
        self._clock = clock
        self._begun_s = clock.mono_s()
        self._cpu_before_s = cpu_s()
        self._figures = Figures()
        self._agenda = Agenda()
        self._making = True
        self.protocol: ProtocolVersion = "3.1.1" if link.protocol == "3.1.1" else "5"
        self._next_dial_s = 0.0
        self._dialing: set[FleetUnit] = set()
        self._written: set[FleetUnit] = set()
        self._bell = PollBell()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._bell.fileno(), selectors.EVENT_READ, None)
        self._watched: dict[FleetUnit, tuple[int, int]] = {}  # handle and events
        contexts = cached_contexts()
        parts = UnitParts(
            switchboard=self,
            figures=self._figures,
            clock=clock,
            ack=link.ack,
            transport=lambda: PahoTransport(self._bell, contexts),
            options=link.access.options,
        )
        known = sequences or {}
        self.units = [
            self._unit(number, name, streets, parts, known.get(name, 0))
            for number, name in enumerate(unit_names(plan))
        ]

    def _unit(
        self, number: int, name: str, streets: Streets, parts: UnitParts[FleetUnit], sequence: int
    ) -> FleetUnit:
        dice = Random(f"{self._plan.seed}/{number}/link")  # noqa: S311  # no secret
        begun = self._clock.utc()
        kinds = self._plan.kinds
        status = StatusWriter(
            topics=Topics(self._link.root, name),
            sender=Sender(unit=name, boot_id=uuid7(begun)),
            now=lambda: (self._clock.utc(), "ntp"),
            unit_kind=kinds[number % len(kinds)],
            software=f"patrol-edge fleet {installed('patrol-edge')}",
        )
        unit = FleetUnit(name, status, parts, dice, sequence)

        def tell(data: UpMessage) -> None:
            if self._making and unit.on_duty:
                unit.tell(data)

        unit.life = Life(self._plan, number, streets, self._agenda, begun, tell)
        unit.life.start()
        self._agenda.add(self._care(unit), dice.uniform(0, LOOK_AFTER_S))
        if self._plan.outages is not None:
            self._agenda.add(self._outages(unit, dice, *self._plan.outages))
        if self._plan.shifts is None:
            self.dial(unit, 0.0)
        else:
            self._agenda.add(self._shifts(unit, dice, *self._plan.shifts))
        return unit

    # --- the loop ---

    def work(self, timeout_s: float) -> None:
        """Do what is due, waiting at most `timeout_s` for it."""
        now_s = self._now_s()
        due_s = self._agenda.next_s
        wait_s = timeout_s if due_s is None else min(timeout_s, max(0.0, due_s - now_s))
        for key, _ in self._selector.select(wait_s):
            if key.data is None:
                self._bell.clear()
                self._look_at_the_dialled()
            else:
                key.data.handle_events()
        now_s = self._now_s()
        self._agenda.run_until(now_s, STEPS)
        if self._making:
            self._figures.late_s = max(self._figures.late_s, now_s - self._agenda.now_s)
        self._flush()

    def _now_s(self) -> float:
        return self._clock.mono_s() - self._begun_s

    def _look_at_the_dialled(self) -> None:
        """Somewhere a connection was opened, or an attempt failed."""
        for unit in list(self._dialing):
            unit.handle_events()
            if unit.phase != "dialing":
                self._dialing.discard(unit)

    def _flush(self) -> None:
        """Send what was written, all of a unit's at once, and watch for what each waits for."""
        written, self._written = self._written, set()
        for unit in written:
            found = None if unit.transport is None else unit.transport.flush()
            if found is not None:
                self._watch(unit, *found)
            elif unit.transport is not None and unit.phase != "dialing":
                unit.handle_events()

    def _watch(self, unit: FleetUnit, handle: int, writing: bool) -> None:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        watched = self._watched.get(unit)
        if watched is None:
            self._selector.register(handle, wanted, unit)
        elif watched[1] != wanted:
            self._selector.modify(handle, wanted, unit)
        self._watched[unit] = (handle, wanted)

    # --- for units: see Switchboard ---

    def dial(self, unit: FleetUnit, after_s: float) -> None:
        due_s = max(self._agenda.now_s + after_s, self._next_dial_s)
        self._next_dial_s = due_s + 1 / self._link.ramp_per_s
        self._agenda.add(self._dial(unit), due_s - self._agenda.now_s)

    def _dial(self, unit: FleetUnit) -> Activity:
        while len(self._dialing) >= MOST_DIALING:
            yield 0.02
        if unit.wanted and unit.phase == "off":
            self._dialing.add(unit)
            unit.connect()

    def has_written(self, unit: FleetUnit) -> None:
        self._written.add(unit)

    def gone(self, unit: FleetUnit) -> None:
        self._dialing.discard(unit)
        watched = self._watched.pop(unit, None)
        if watched is not None:
            self._selector.unregister(watched[0])

    def refused(self, why: Refused, tried: ProtocolVersion) -> None:
        unsure = self._link.protocol == "auto" and not self._figures.connects
        if unsure and why.cause in FALL_BACK and tried == self.protocol:
            self.protocol = "3.1.1" if tried == "5" else "5"

    # --- what happens to a unit ---

    def _care(self, unit: FleetUnit) -> Activity:
        while True:
            unit.look_after()
            yield LOOK_AFTER_S

    def _outages(self, unit: FleetUnit, dice: Random, every_s: float, last_s: float) -> Activity:
        while self._making:
            yield dice.expovariate(1 / every_s)
            if self._making:
                unit.cut()
            yield dice.expovariate(1 / last_s)
            unit.mend()

    def _shifts(self, unit: FleetUnit, dice: Random, on_s: float, off_s: float) -> Activity:
        """Units begin anywhere in their shift, or off duty."""
        left_s = dice.uniform(0, on_s + off_s)
        if left_s > on_s:
            unit.on_duty = False
            yield left_s - on_s
            left_s = on_s
        while self._making and unit.life is not None:
            unit.report_for_duty()
            unit.life.shift("on_patrol")
            yield left_s
            unit.life.shift("off_duty")
            yield 1.0  # so that it is told
            unit.leave()
            yield off_s
            left_s = on_s

    # --- the end ---

    def stop_making(self) -> None:
        """No new messages; whoever is cut off comes back to deliver what he has."""
        self._making = False
        for unit in self.units:
            unit.mend()

    @property
    def settled(self) -> bool:
        """Nothing waits, and everything was acknowledged."""
        return not any(unit.waiting or unit.unacked for unit in self.units)

    def leave(self) -> None:
        """All units say `stopping`; `away` tells when they are gone."""
        for unit in self.units:
            unit.leave()

    @property
    def away(self) -> bool:
        return all(unit.phase == "off" for unit in self.units)

    def close(self) -> None:
        """Drop what is left, without a word."""
        for unit in self.units:
            unit.on_duty = False
            unit.drop()
        self._selector.close()

    @property
    def sequences(self) -> dict[str, int]:
        """The last one of each unit, for the next run."""
        return {unit.name: unit.sequence for unit in self.units}

    def snapshot(self) -> Snapshot:
        return Snapshot(
            units=len(self.units),
            online=sum(unit.phase == "up" for unit in self.units),
            seconds=self._now_s(),
            cpu_s=cpu_s() - self._cpu_before_s,
            waiting=sum(unit.waiting for unit in self.units),
            unacked=sum(unit.unacked for unit in self.units),
            figures=replace(self._figures),
        )
