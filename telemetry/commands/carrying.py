"""Carries orders out: quick ones at once, long ones beside them, one at a time.

An order is on the disk as begun before anything is done. If its end cannot be stored, it is kept in
memory and tried again; should the power go meanwhile, it is told as interrupted, never done twice.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from drivers.clock import Clock
from telemetry.commands.answers import Answers, members_of
from telemetry.commands.handling import (
    Fates,
    Handler,
    Order,
    OrderFailedError,
    OrderGoesOnError,
    OrderRefusedError,
    Progress,
    Result,
    no_fates,
)
from telemetry.commands.journal import Journal, JournalError
from telemetry.commands.judging import JudgedError
from telemetry.commands.outliving import Outliving
from telemetry.commands.store import CommandStore, Stored
from telemetry.outbox.schema import StoreError

LONG_WAITING = 4  # long orders that may wait for the one that runs
PROGRESS_EVERY_S = 1.0  # replies `running`; the end is told at once
STATUS_OF = {"cancelled": "cancelled", "expired": "expired"}  # of a failure's code; else `failed`


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An order, what the disk says of it, and when it is too late for it."""

    order: Order
    stored: Stored
    expires_at: datetime
    recheck: Callable[[], None]  # whether it may still be done; raises JudgedError. Any thread


class Carrier:
    """`begin` from the thread that takes commands, `work_long` from another one."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        store: CommandStore,
        journal: Journal,
        answers: Answers,
        clock: Clock,
        utc: Callable[[], datetime],
        fates: Fates = no_fates,
    ) -> None:
        """`utc`: the time of day, to notice what the monotonic clock slept through. `fates`: what
        became of orders that go on without their handlers."""
        self.outliving = Outliving(store, journal, answers, fates)
        self._handlers = handlers
        self._store = store
        self._journal = journal
        self._answers = answers
        self._clock = clock
        self._utc = utc
        self._changed = threading.Condition()
        self._waiting: deque[Begun] = deque()
        self._running: Begun | None = None
        self._stoppable: str | None = None  # id of what runs, until its handler returns
        self._cancelled: set[str] = set()
        self._steps: dict[str, dict[str, Any]] = {}  # the last reply of what is not over
        self._ended: dict[str, Stored] = {}  # ends that the disk does not have yet

    def busy(self) -> bool:
        """Whether no further long order can be taken."""
        with self._changed:
            return len(self._waiting) >= LONG_WAITING

    def latest(self, command: str) -> Stored | None:
        """An end that only memory knows."""
        with self._changed:
            return self._ended.get(command)

    def step_of(self, command: str) -> dict[str, Any] | None:
        """The last reply of an order that is not over."""
        with self._changed:
            step = self._steps.get(command)
        return step or self.outliving.step_of(command)

    def begin(self, begun: Begun) -> None:
        """Carry it out, or put it into the queue of the long ones. It is on the disk already."""
        order = begun.order
        self._answers.step(order.id, order.name, "received")
        self._answers.step(order.id, order.name, "accepted")
        if not self._handlers[order.name].long_running:
            self._carry_out(begun, lambda _percent, _text: None)
            return
        with self._changed:
            self._steps[order.id] = {"status": "accepted"}
            self._waiting.append(begun)
            self._changed.notify()

    def cancel(self, command: str) -> bool:
        """Stop a long order, or take it out of the queue. False if there is none of this id."""
        with self._changed:
            queued = next((each for each in self._waiting if each.order.id == command), None)
            if queued is not None:
                self._waiting.remove(queued)
            elif self._stoppable == command:
                self._cancelled.add(command)
                return True
        if queued is not None:
            self._end(queued, "cancelled", "cancelled", "cancelled before it was begun")
        return queued is not None

    def work_long(self, timeout_s: float, alive: Callable[[], bool]) -> None:
        """Carry out the next long order, if one comes within the time.

        `alive` is called with each progress; when it returns False, the order is interrupted.
        """
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting), timeout_s)
            if not self._waiting:
                return
            begun = self._running = self._waiting.popleft()
            self._stoppable = begun.order.id
        self._carry_out(begun, self._progress_of(begun, alive))
        with self._changed:
            self._running = None
            self._cancelled.discard(begun.order.id)

    def after_crash(self) -> None:
        """The thread of the long orders died in one of them, and is back: tell how that ended."""
        with self._changed:
            begun, self._running, self._stoppable = self._running, None, None
        if begun is not None:
            self._end(begun, "failed", "crashed", "the runtime failed while doing it")

    def tend(self) -> None:
        """Try again to store what the disk would not take. Raises nothing."""
        with self._changed:
            ended = list(self._ended.values())
        with suppress(StoreError):
            for row in ended:
                self._store.put(row)
                with self._changed:
                    self._ended.pop(row.id, None)
            told = self._answers.told()
            if told:
                self._store.told(told)

    def _progress_of(self, begun: Begun, alive: Callable[[], bool]) -> Progress:
        order, told_s = begun.order, float("-inf")

        def progress(percent: int, words: str) -> None:
            nonlocal told_s
            if not alive():
                raise OrderFailedError("interrupted", "the unit was stopped")
            if order.id in self._cancelled:
                raise OrderFailedError("cancelled", "cancelled while it was being done")
            members = members_of("running", words=words) | {"progress": min(100, max(0, percent))}
            with self._changed:
                self._steps[order.id] = members
            if self._clock.mono_s() - told_s >= PROGRESS_EVERY_S:
                told_s = self._clock.mono_s()
                self._answers.step(order.id, order.name, **members)

        return progress

    def _carry_out(self, begun: Begun, progress: Progress) -> None:
        order = begun.order
        if self._clock.mono_s() >= order.expires_mono_s or self._utc() >= begun.expires_at:
            self._end(begun, "expired", "expired", "it came too late to be begun")
            return
        try:
            begun.recheck()
            result = self._handlers[order.name].carry_out(order, progress)
        except OrderGoesOnError:
            self._leave(begun)
        except (JudgedError, OrderRefusedError) as error:
            self._end(begun, "rejected", error.code, str(error))
        except OrderFailedError as error:
            self._end(begun, STATUS_OF.get(error.code, "failed"), error.code, str(error))
        else:
            self._end(begun, "succeeded", None, "", result)

    def _leave(self, begun: Begun) -> None:
        """It goes on by itself. Never without somebody who has it, for a repeat that asks."""
        order = begun.order
        self.outliving.take(begun.stored, self.step_of(order.id))
        with self._changed:
            self._steps.pop(order.id, None)
            if self._stoppable == order.id:
                self._stoppable = None

    def _end(
        self, begun: Begun, status: str, code: str | None, words: str, result: Result = None
    ) -> None:
        order, head = begun.order, None
        with self._changed:
            if self._stoppable == order.id:  # over: too late to cancel it
                self._stoppable = None
        with suppress(JournalError):  # it is done: what matters now is that this is told
            head = self._journal.write(
                status, id=order.id, name=order.name, code=code, text=words or None
            )
        members = members_of(status, code, words, result, head)
        row = replace(begun.stored, final=True, reply=members)
        try:
            self._store.put(row)
        except StoreError:
            with self._changed:
                self._ended[order.id] = row
        with self._changed:
            self._steps.pop(order.id, None)
        self._answers.final(order.id, order.name, members)
