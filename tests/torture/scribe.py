"""A unit's outbox and configuration, worked step by step in a process that may be killed.

No threads and no clock but ours: each run makes the same system calls in the same order, so that a
fault can be put on any one of them. What the process was told is safe it writes into `told`.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from config.writing import write_atomically
from telemetry.contract.envelope import Sender
from telemetry.outbox.look import Look
from telemetry.outbox.outbox import Outbox
from tests.fakes import ManualClock
from tests.torture.trials import held
from tests.unit_under_test import position

Tell = Callable[..., None]

Way = Literal["safe", "early", "normal", "deaf"]

MIB = 2**20
TRIES = 20  # a second each, by our clock


def outbox_in(folder: Path, clock: ManualClock, max_bytes: int = 64 * MIB) -> Outbox:
    return Outbox(folder / "outbox.db", Sender(unit="dog-1", boot_id="boot"), clock, max_bytes)


def memory_folder() -> str | None:
    """Where files are in memory only, for trials in which the disk's own speed does not count."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def write(folder: Path, told: Path, rows: int, way: Way, go: Connection) -> None:
    """Put, commit, hand over, delete; park some, leave some; install a configuration.

    The controls: `early` believes what was put before it is on the disk, `normal` believes a commit
    that was not synced, `deaf` one that has failed.
    """
    log = os.open(told, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def tell(**what: object) -> None:
        os.write(log, json.dumps(what).encode() + b"\n")

    clock = ManualClock()
    outbox = outbox_in(folder, clock)
    go.recv()
    outbox.work(0)
    outbox.begin_session()
    if way == "normal":
        outbox._keeper._opened()._db.execute("PRAGMA synchronous = NORMAL")
    for number in range(rows):
        receipt = outbox.put(position(number, number % 5), durable=False)
        if way == "early":
            tell(accepted=receipt.id)
        if way != "deaf":
            _settle(outbox, clock, tell)
        else:
            outbox.work(0)
        if way == "deaf" or (receipt.stored and way != "early"):
            tell(accepted=receipt.id, sequence=receipt.sequence)
        _hand_over(outbox, number, tell)
        if number % 3 == 0 and way == "safe":
            write_atomically(folder / "unit.yaml", f"{number:08}\n" * 100)
            tell(config=number)
    _settle(outbox, clock, tell)
    outbox.close()
    tell(ended=True)


def rescue(folder: Path, go: Connection) -> None:
    """Start on a damaged file."""
    outbox = outbox_in(folder, ManualClock())
    go.recv()
    outbox.work(0)
    outbox.close()


def _settle(outbox: Outbox, clock: ManualClock, tell: Tell) -> None:
    """Until the disk took everything, or refuses for good."""
    for _ in range(TRIES):
        outbox.work(0)
        if (fault := outbox.stats().fault) is not None:
            tell(fault=fault)
        elif not outbox.stats().in_memory:
            return
        clock.advance(1.1)


def _hand_over(outbox: Outbox, number: int, tell: Tell) -> None:
    sequences = []
    for outgoing in outbox.take(20):
        sequences.append(outgoing.row.sequence)
        tell(delivered=outgoing.row.id)
    if number % 7 == 0:
        outbox.park(sequences, "refused", 8)
    elif number % 5:
        outbox.acked(sequences)


@dataclass(slots=True)
class Told:
    """What the process said before its end."""

    accepted: dict[str, int | None] = field(default_factory=dict)  # sequences by id
    delivered: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    config: int | None = None
    ended: bool = False

    @classmethod
    def read(cls, path: Path) -> "Told":
        told = cls()
        for line in path.read_text().splitlines() if path.exists() else []:
            what = json.loads(line)
            if "accepted" in what:
                told.accepted[what["accepted"]] = what.get("sequence")
            told.delivered |= {what["delivered"]} if "delivered" in what else set()
            told.faults += [what["fault"]] if "fault" in what else []
            told.config = what.get("config", told.config)
            told.ended |= what.get("ended", False)
        return told


def lost(folder: Path, told: Told) -> set[str]:
    """Open the queue again, as the next start does. Raises Broken for what is worse than a loss.

    What was accepted must be stored, laid aside, or with the hub; what is stored must be what was
    told under its number; no number may be given out twice.
    """
    outbox = outbox_in(folder, ManualClock())
    outbox.work(0)
    fresh = outbox.put(position(1), durable=False)
    outbox.work(0)
    held(outbox.stats().set_aside == 0, "the file was corrupt")
    with Look.open(folder / "outbox.db") as look:
        stored = {row.sequence: row.id for row in (*look.waiting(), *look.parked())}
    outbox.close()
    for message_id, sequence in told.accepted.items():
        if sequence is not None:
            held(stored.get(sequence, message_id) == message_id, f"{sequence} names two messages")
    highest = max((n for n in told.accepted.values() if n), default=0)
    held((fresh.sequence or 0) > highest, f"{fresh.sequence} was given out after {highest}")
    _config_is_whole(folder, told)
    return set(told.accepted) - set(stored.values()) - told.delivered


def _config_is_whole(folder: Path, told: Told) -> None:
    path = folder / "unit.yaml"
    if told.config is None and not path.exists():
        return
    held(path.exists(), "the configuration is missing")
    lines = path.read_text().splitlines()
    held(len(lines) == 100 and len(set(lines)) == 1, "the configuration is neither old nor new")
    held(int(lines[0]) >= (told.config or 0), "an older configuration has come back")
