"""Takes what comes down as commands: refuses in words, or sees that it is done once.

The order of things: proved, not known yet, judged, stored and journaled, then done. One thread
calls `take` and `tend`; the seams to other threads are in carrying.py.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from drivers.clock import Clock
from telemetry.commands.answers import Answers, members_of
from telemetry.commands.carrying import Begun, Carrier
from telemetry.commands.control_state import ControlState
from telemetry.commands.handling import Handler, Order, OrderRefusedError
from telemetry.commands.journal import Journal, JournalError
from telemetry.commands.judging import Claimed, Judge, Judged, JudgedError, UnprovedError
from telemetry.commands.limits import Limits
from telemetry.commands.refusals import TALK_PER_MINUTE, Refusals, facts_of
from telemetry.commands.store import CommandStore, Stored
from telemetry.commands.strangers import Strangers
from telemetry.commands.trusted_time import ClockUnsetError
from telemetry.commands.upkeep import Upkeep
from telemetry.contract.commands import COMMANDS
from telemetry.outbox.schema import StoreError

KEEP_S = 24 * 3600.0  # how long a repeat is answered
TEND_S = 1.0
REPEATS_PER_MINUTE = 6  # answers to repeats of one command


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeStats:
    """Since start."""

    refused: dict[str, int]  # by code
    accepted: int
    repeats: int
    ready: bool  # whether commands can be stored
    fault: str | None


class Intake:
    """See the module."""

    def __init__(
        self,
        judge: Judge,
        handlers: dict[str, Handler],
        store: CommandStore,
        journal: Journal,
        answers: Answers,
        carrier: Carrier,
        control: ControlState,
        clock: Clock,
    ) -> None:
        self._judge = judge
        self._handlers = handlers
        self._store = store
        self._journal = journal
        self._answers = answers
        self._carrier = carrier
        self._control = control
        self._clock = clock
        self._limits = Limits(clock)
        self._talk = Limits(clock)  # apart: no crowd of repeats may push a command's limit out
        self._accepted = self._repeats = 0
        self._upkeep = Upkeep(judge, store, journal, answers, control, clock, carrier.outliving)
        self._strangers = Strangers(journal, answers, self._talk)
        self._refusals = Refusals(journal, answers, self._strangers, self._talk)
        self._tended_s = float("-inf")

    def stats(self) -> IntakeStats:
        """Any thread."""
        return IntakeStats(
            refused=dict(self._refusals.by_code),
            accepted=self._accepted,
            repeats=self._repeats,
            ready=self._upkeep.ready,
            fault=self._upkeep.fault,
        )

    # --- one message ---

    def take(self, payload: bytes, received_mono_s: float, *, retained: bool = False) -> None:
        """Everything that is due to one message. Raises nothing for what it holds."""
        try:
            claimed = self._judge.identify(payload, received_mono_s, retained=retained)
        except UnprovedError as error:
            self._refusals.count(error.code)
            self._strangers.turn_away(error, self._is_known)
            return
        try:
            floor_ms = self._upkeep.ready_from()
            stored = self._known(claimed.command.id)
        except StoreError as error:
            self._upkeep.fault = str(error)
            self._refusals.unkept(claimed, "storage", f"it could not be stored: {error}")
            return
        if stored is not None:
            self._repeat(claimed, stored)
            return
        try:
            order = self._order(claimed, self._judged(claimed, floor_ms))
            self._check(order)
        except JudgedError as error:
            self._refuse(claimed, error.code, str(error))
            return
        self._begin(claimed, order)

    def _is_known(self, command: str) -> bool:
        with suppress(StoreError):
            return self._known(command) is not None
        return True  # rather no answer to a forger than one over the true answer

    def _known(self, command: str) -> Stored | None:
        return self._carrier.latest(command) or self._store.find(command)

    def _judged(self, claimed: Claimed, floor_ms: int | None) -> Judged:
        judged = self._judge.judge(claimed, self._control.now.commander, floor_ms)
        name = claimed.command.name
        who = (claimed.kid or claimed.issuer, name)
        if not self._limits.allows(who, COMMANDS[name].per_minute):
            raise JudgedError("limit", f"at most {COMMANDS[name].per_minute} a minute")
        return judged

    def _order(self, claimed: Claimed, judged: Judged) -> Order:
        left_s = (claimed.command.expires_at - judged.received).total_seconds()
        return Order(
            id=claimed.command.id,
            name=claimed.command.name,
            args=judged.args,
            issuer=claimed.command.issuer,
            role=judged.role,
            origin="hub",
            received=judged.received,
            expires_mono_s=claimed.received_mono_s + left_s,
        )

    def _check(self, order: Order) -> None:
        handler = self._handlers[order.name]
        if handler.long_running and self._carrier.busy():
            raise JudgedError("busy", "other long orders wait already")
        try:
            handler.check(order)
        except OrderRefusedError as error:
            raise JudgedError(error.code, str(error)) from error

    def _begin(self, claimed: Claimed, order: Order) -> None:
        row = self._row(claimed, {"status": "accepted"}, final=False)
        try:
            head = self._journal.write("accepted", role=order.role, **facts_of(claimed))
            self._store.put(row, head.n)
        except (StoreError, JournalError) as error:
            self._refusals.unkept(claimed, "storage", f"it could not be stored: {error}")
            return
        self._accepted += 1
        begun = Begun(
            order=order,
            stored=row,
            expires_at=claimed.command.expires_at,
            recheck=lambda: self._judge.recheck(claimed, self._control.now.commander),
        )
        self._carrier.begin(begun)

    def _row(self, claimed: Claimed, members: dict[str, Any], *, final: bool) -> Stored:
        received = self._clock.utc()
        with suppress(ClockUnsetError):
            received = self._judge.time.at(claimed.received_mono_s)
        keep = timedelta(seconds=max(KEEP_S, 2 * self._judge.security.max_age_s))
        # A date in the future, of a command that is refused, must not become the floor one day.
        latest = received + timedelta(seconds=self._judge.security.clock_skew_s)
        return Stored(
            id=claimed.command.id,
            digest=claimed.digest,
            name=claimed.command.name,
            issued_ms=min(claimed.issued_ms, int(latest.timestamp() * 1000)),
            forget_ms=int((received + keep).timestamp() * 1000),
            final=final,
            told=False,
            reply=members,
        )

    # --- refusing ---

    def _refuse(self, claimed: Claimed, code: str, words: str) -> None:
        """A known sender's command: the refusal is kept, so that a repeat gets the same."""
        if not self._refusals.is_heard(claimed, code):
            return
        head = self._refusals.journal(claimed, code)
        members = members_of("rejected", code, words, head=head)
        with suppress(StoreError):
            self._store.put(self._row(claimed, members, final=True))
        self._answers.final(claimed.command.id, claimed.command.name, members)

    def _repeat(self, claimed: Claimed, stored: Stored) -> None:
        command = claimed.command
        if stored.digest != claimed.digest:
            self._refusals.unkept(claimed, "replayed", "this id was another command's")
            return
        self._repeats += 1
        self._strangers.note("repeat")
        members = self._carrier.step_of(command.id) or self._end_of(stored)
        if members is None:
            return
        sender = claimed.kid or claimed.issuer
        if self._talk.allows(("repeat", command.id), REPEATS_PER_MINUTE) and self._talk.allows(
            ("repeats", sender), TALK_PER_MINUTE
        ):
            self._answers.step(command.id, command.name, **members, repeat=True)

    def _end_of(self, stored: Stored) -> dict[str, Any] | None:
        """What the reply to a repeat of an order says that is not under way (any more).

        None if its end was told just now: the disk had refused it, and kept it all the same.
        """
        with suppress(StoreError):
            stored = stored if stored.final else self._known(stored.id) or stored
            if not stored.final:
                self._upkeep.interrupted(stored)
                return None
        return stored.reply

    # --- by the clock ---

    def tend(self) -> None:
        """What is due by the clock; does nothing if called more often than once a second."""
        now_s = self._clock.mono_s()
        if now_s - self._tended_s < TEND_S:
            return
        self._tended_s = now_s
        self._upkeep.tend(now_s)
        self._carrier.tend()
        self._strangers.tell(now_s)

    def close(self) -> None:
        """Write what is left. Never raises."""
        self._strangers.tell(float("inf"))
        self._carrier.tend()
        self._upkeep.close()
        self._journal.close()
        self._store.close()
