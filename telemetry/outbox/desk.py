"""What all threads share of an outbox, and the lock that guards it."""

import threading
from collections import Counter
from dataclasses import dataclass, field

from telemetry.bell import Bell
from telemetry.contract.topics import Leaf
from telemetry.outbox.facts import DiskFigures, Receipt
from telemetry.outbox.lanes import Lanes
from telemetry.outbox.rows import NewRow, Parking
from telemetry.outbox.waiting import Waiting

GROUP_S = 0.2  # contract G1: positions and health are on the disk within this time
GROUP_ROWS = 100  # commit at once when so many wait


@dataclass(slots=True, eq=False)
class Desk:
    """Changed under `lock` only; what the worker alone changes it may read without."""

    lock: threading.Lock
    wake: threading.Condition  # the worker waits on it
    settled: threading.Condition  # those who put durably wait on it
    waiting: Waiting = field(default_factory=Waiting)
    batch: list[tuple[NewRow, Receipt]] = field(default_factory=list)  # being committed, or failed
    group_ends_s: float | None = None
    hurried: int = 0  # callers that wait for the commit
    acked: list[tuple[int, int]] = field(default_factory=list)  # sequence and priority
    parking: list[Parking] = field(default_factory=list)
    unparking: list[int] = field(default_factory=list)
    taken: dict[int, int] = field(default_factory=dict)  # with the publisher, or not yet deleted
    lanes: Lanes | None = None
    session_wanted: bool = False
    bell: Bell | None = None
    newest: dict[Leaf, int] = field(default_factory=dict)
    drops: Counter[str] = field(default_factory=Counter)  # in memory, not yet told to the keeper
    dropped_at_s: float | None = None
    fault: str | None = None
    disk: DiskFigures = field(default_factory=DiskFigures)
    looked: bool = False
    closed: bool = False

    @classmethod
    def made(cls) -> "Desk":
        lock = threading.Lock()
        return cls(lock, threading.Condition(lock), threading.Condition(lock))
