"""A process that lives through tasks until it is killed: a real desk over a real outbox.

    python -m tests.dispatched_process FOLDER [naive]

What a kill leaves behind is looked at from outside. Each task that was begun and each step that was
taken is written to stdout after the desk has answered, as a hub would learn of a reply.
"""

import random
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import structlog

from config.operations import TasksConfig
from drivers.clock import SystemClock, computer_boot_id
from edge.tasks import moves
from edge.tasks.desk import Desk
from edge.tasks.journey import Journey
from edge.tasks.life import STEPS, Act
from edge.tasks.memory import Memory
from edge.tasks.page import Page
from edge.tasks.record import Book, Stamp
from edge.tasks.soundness import is_sound
from edge.tasks.teller import Teller
from telemetry.contract.envelope import Sender
from telemetry.contract.places import Place
from telemetry.contract.tasks import TaskAssign
from telemetry.contract.uuid7 import uuid7
from telemetry.outbox.outbox import Outbox

CONFIG = TasksConfig()


class NaiveDesk(Desk):
    """What one would write first: keep the state, then tell of it."""

    def _commit(self, page: Page) -> None:
        self.book = page.book
        self.memory.save(page.book)
        self._teller.tell(page.events)


def main(folder: Path, kind: type[Desk]) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    clock = SystemClock()
    sender = Sender(unit="car-07", boot_id=uuid7(clock.utc()))
    outbox = Outbox(folder / "outbox.db", sender, clock, 64 * 2**20)
    desk = kind(
        CONFIG,
        Journey(CONFIG, "patrol_car"),
        Memory(folder / "orders.json", Book, is_sound),
        Teller(outbox, folder / "outbox.db"),
        lambda mono_s: now(clock, mono_s),
        lambda draft: None,
    )
    threading.Thread(target=keep, args=(outbox,), daemon=True).start()
    desk.begin()
    while True:
        live(desk, random.random())


def keep(outbox: Outbox) -> None:
    while True:
        outbox.work(0.2)


def now(clock: SystemClock, mono_s: float | None) -> Stamp:
    stamp_s = clock.mono_s() if mono_s is None else mono_s
    return Stamp(utc=datetime.now(UTC), quality="ntp", mono_s=stamp_s, boot=computer_boot_id())


def live(desk: Desk, chance: float) -> None:
    """One step of whatever task there is, or a new one."""
    task = desk.book.current
    if task is None or chance < 0.1:
        order = TaskAssign(
            task=uuid7(datetime.now(UTC)),
            place=Place(lat_deg=52.5, lon_deg=13.4),
            priority=4 if task is None else max(0, task.priority - 1),
        )
        if task is None or order.priority < task.priority:
            taken = desk.do(lambda page: moves.assign(page, CONFIG, order, order.task))
            say(f"{taken.id} {taken.state}")
        return
    acts: list[Act] = list(STEPS[task.state])
    act = acts[int(chance * 1000) % len(acts)]
    stepped = desk.do(lambda page: step(page, act))
    say(f"{stepped.id} {stepped.state}")


def step(page: Page, act: Act) -> moves.Task:
    return moves.act(page, None, act)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), NaiveDesk if sys.argv[2:] == ["naive"] else Desk)
