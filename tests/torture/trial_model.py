"""Outbox and link against a model, through crashes, jumping clocks, refusals and a small disk."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from telemetry.link.in_flight import InFlight, Sent
from telemetry.outbox.look import Look
from telemetry.outbox.outbox import Outbox
from tests.fakes import ManualClock
from tests.torture.scribe import MIB, memory_folder, outbox_in
from tests.torture.trials import Broken, Stage, held, trial
from tests.unit_under_test import position

WINDOW, HUB_WINDOW = 5, 30
FILES = ("outbox.db", "outbox.db-wal", "outbox.db.sequence", "outbox.db.sequence.last")
URGENT = 2
POISON = 13  # every so many messages are of a kind that the broker never takes
seen = {"steps": 0, "crashes": 0, "stored": 0, "delivered": 0, "parked": 0}


class Model(RuleBasedStateMachine):
    """What the producers were told, what the hub got, and what may never be."""

    SURVIVE = FILES  # a crash

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(dir=memory_folder()))
        self.folders = 0
        self.clock = ManualClock()
        self.safe: dict[int, tuple[str, int]] = {}  # told as stored: id and priority, by sequence
        self.hub: dict[int, str] = {}  # what the hub has
        self.on_way: dict[int, Sent] = {}  # PUBLISH without PUBACK, by token
        self.tokens = 0
        self.connected = False
        self.looked = 0

    @initialize(max_mib=st.sampled_from([4, 64]))
    def begin(self, max_mib: int) -> None:
        self.max_bytes = max_mib * MIB
        self.folder = self.home / "0"
        self.folder.mkdir()
        self._start()

    def _start(self) -> None:
        self.outbox: Outbox = outbox_in(self.folder, self.clock, self.max_bytes)
        self.flight = InFlight("hub", 30)
        self.waiting: list[tuple[object, int]] = []
        self.connected = False
        self.on_way.clear()
        self.outbox.work(0)

    # --- the unit ---

    @rule(count=st.sampled_from([1, 1, 3, 150]), priority=st.integers(0, 4))
    def put(self, count: int, priority: int) -> None:
        for number in range(count):
            receipt = self.outbox.put(position(number, priority), durable=False)
            self.waiting.append((receipt, priority))

    @rule()
    def work(self) -> None:
        seen["steps"] += 1
        self.outbox.work(0)
        left = []
        for receipt, priority in self.waiting:
            sequence = receipt.sequence  # type: ignore[attr-defined]
            if sequence is None:
                left.append((receipt, priority))
                continue
            assert sequence not in self.safe, f"{sequence} was given out twice"
            self.safe[sequence] = (receipt.id, priority)  # type: ignore[attr-defined]
            seen["stored"] += 1
        self.waiting = left

    @rule(seconds=st.sampled_from([0.3, 5.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(seconds=st.sampled_from([-1e9, -3600.0, -1.0, 3600.0, 3e8]))
    def set_the_clock(self, seconds: float) -> None:
        self.clock.jump_utc(max(seconds, -(self.clock.utc().timestamp() - 1)))

    # --- the link ---

    @rule()
    def connect(self) -> None:
        if not self.connected:
            self.connected = True
            self.outbox.begin_session()
            self.outbox.work(0)

    @rule()
    def lose_the_link(self) -> None:
        self.connected = False
        self.on_way.clear()
        self.flight.connection_ended(self.clock.mono_s())
        self.outbox.end_session()

    @rule(heard=st.booleans())
    def send(self, heard: bool) -> None:
        """`heard`: the hub gets it, whatever becomes of the acknowledgements."""
        if not self.connected:
            return
        now_s = self.clock.mono_s()
        for hopeless in self.flight.park_hopeless():
            self._lay_aside(hopeless)
        room = WINDOW - self.flight.on_wire
        again = self.flight.due(now_s, room)
        fresh = self.outbox.take(min(room - len(again), HUB_WINDOW - len(self.flight)))
        for sent in [*again, *(self.flight.add(each) for each in fresh)]:
            self.tokens += 1
            self.flight.sent(sent, self.tokens, now_s)
            self.on_way[self.tokens] = sent
            row = sent.outgoing.row
            if heard and sent.sequence % POISON:
                assert self.hub.setdefault(sent.sequence, row.id) == row.id, "two under one number"
                seen["delivered"] += 1

    def _lay_aside(self, sent: Sent) -> None:
        if sent.poison:
            self.outbox.park([sent.sequence], sent.refused_with, sent.refusals)
            seen["parked"] += 1
        else:
            self.outbox.release([sent.sequence])

    @rule(code=st.sampled_from([0, 0, 0x10, 0x97, 0x87]), which=st.integers(0, WINDOW))
    def broker_answers(self, code: int, which: int) -> None:
        if self.on_way:
            token = sorted(self.on_way)[which % len(self.on_way)]
            if self.on_way.pop(token).sequence % POISON == 0:
                code = 0x99
            gone = self.flight.broker_answered(token, code, self.clock.mono_s())
            assert gone == []

    @rule(rounds=st.integers(1, 12), seconds=st.sampled_from([0.3, 70.0]))
    def all_goes_well(self, rounds: int, seconds: float) -> None:
        """But for the messages that the broker never takes."""
        self.connect()
        for _ in range(rounds):
            self.work()
            self.send(True)
            for _ in range(len(self.on_way)):
                self.broker_answers(0, 0)
            self.hub_acknowledges(True)
            self.clock.advance(seconds)

    @rule(by_id=st.booleans())
    def hub_acknowledges(self, by_id: bool) -> None:
        """Only what it has; by sequence, up to the first that it has not."""
        if by_id:
            self.outbox.acked(self.flight.hub_has(list(self.hub.values())[-40:], None))
            return
        known = sorted({*self.safe, *self.hub})
        up_to = next((n - 1 for n in known if n not in self.hub), known[-1] if known else 0)
        self.outbox.acked(self.flight.hub_has([], up_to))

    @rule(sequences=st.lists(st.integers(1, 60), max_size=5))
    def somebody_unparks(self, sequences: list[int]) -> None:
        self.outbox.unpark(sequences)

    # --- the end of a process ---

    @rule()
    def crash(self) -> None:
        """What is on the disk now is all that is left; what was not stored is gone."""
        seen["crashes"] += 1
        self.folders += 1
        left = self.home / str(self.folders)
        left.mkdir()
        for name in self.SURVIVE:
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, left / name)
        self.outbox._keeper.close()
        shutil.rmtree(self.folder)
        self.folder = left
        self._start()

    @rule()
    def stop_and_start(self) -> None:
        self.outbox.close()
        self._start()

    @invariant()
    def nothing_urgent_is_lost(self) -> None:
        if not hasattr(self, "outbox") or not self.outbox._keeper.is_open:
            return
        stats = self.outbox.stats()
        assert stats.fault is None or "full" in stats.fault, stats.fault
        assert stats.set_aside == 0
        self.looked += 1
        if self.looked % 5:
            return
        with Look.open(self.folder / "outbox.db") as look:
            stored = {row.sequence: row.id for row in (*look.waiting(), *look.parked())}
        for sequence, (message_id, priority) in self.safe.items():
            there = stored.get(sequence)
            assert there in (None, message_id), f"{sequence} names two messages"
            if priority <= URGENT:
                assert there or self.hub.get(sequence) == message_id, f"{sequence} is lost"

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self.outbox.close()
        shutil.rmtree(self.home, ignore_errors=True)


class Forgetful(Model):
    """The control: a crash takes the log, as if commits had not been synced."""

    SURVIVE = tuple(name for name in FILES if not name.endswith("-wal"))


def _run(machine: type[Model], stage: Stage, examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            database=None,
            derandomize=stage.size == "ci",
            verbosity=Verbosity.quiet,
            report_multiple_bugs=False,
            phases=(Phase.generate,) if machine is Forgetful else tuple(Phase),
            suppress_health_check=list(HealthCheck),
        ),
    )


@trial("R-FUZZ-2", "no order of puts, links, crashes and clocks loses or doubles a message")
def against_a_model(stage: Stage) -> str:
    examples = stage.sized(2000, 50_000)
    try:
        _run(Forgetful, stage, 100)
    except AssertionError as error:
        held("is lost" in str(error), f"the control fails otherwise: {error}")
    else:
        raise Broken("the control, which forgets its log, loses nothing either")
    before = dict(seen)
    _run(Model, stage, examples)
    told = {name: count - before[name] for name, count in seen.items()}
    held(min(told.values()) > 0, f"the examples are too tame: {told}")
    return (
        f"{examples} examples, {told['crashes']} crashes, {told['stored']} stored, "
        f"{told['delivered']} sent, {told['parked']} parked: 0 lost, 0 numbers twice"
    )
