"""A process that obeys an order to flash and can be cut off anywhere; what it told is in a file.

The command memory, the journal, the engine and the slots are the real ones. What would be in the
outbox is a line in a file, on the disk when `put` returns; the trial is decided by `decide`.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from config.loading import load
from config.slots import read_slots, write_slots
from edge.flashing.engine import flash
from edge.flashing.orders import FlashDesk, fates
from edge.flashing.overview import Overview
from edge.flashing.telling import FlashTeller
from edge.flashing.unit import unit_of
from edge.flashing.wish import Outcome, Watch, Wish
from telemetry.commands.handling import no_fates
from telemetry.contract.envelope import Draft
from telemetry.outbox.facts import Receipt
from tests.commanded import Commanded
from tests.fakes import ManualClock
from tests.flashing_stand import alone_in

TOLD = "told.jsonl"
STEPS = 6
LATER = timedelta(seconds=30)  # than the order: no clock goes back over a start


class Paper:
    """In the place of the outbox: on the disk when it returns."""

    def __init__(self, path: Path) -> None:
        self.drafts: list[Draft] = []
        self.ids: list[str | None] = []
        self._path = path

    def __call__(self, draft: Draft, *, durable: bool, event_id: str | None = None) -> Receipt:
        self.drafts.append(draft)
        self.ids.append(event_id)
        told = draft.data.model_dump(mode="json", exclude_none=True)
        line = json.dumps({"id": event_id, "type": draft.data.TYPE, "data": told})
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, line.encode() + b"\n")
        os.close(handle)
        return Receipt(event_id or "", sequence=len(self.drafts))


class Ordered(Commanded):
    """The unit of one folder, on which a bundle can be ordered. `naive`: it forgets the order when
    it starts anew, as one does who does not ask the slots."""

    def __init__(self, folder: Path, *, naive: bool = False) -> None:
        self.unit_file = folder / "unit.yaml"
        self.slots = unit_of(self.unit_file).folder
        self._whole = False
        super().__init__(folder, ManualClock(datetime.now(UTC) + LATER), keys=False)
        self.overview = Overview(self.slots)
        self.box = Paper(folder / TOLD)  # type: ignore[assignment]
        self.fates = no_fates if naive else fates(self.overview)
        settings = load(self.unit_file).settings
        self.handlers.update(FlashDesk(settings, self._flash, lambda: None).handlers())
        self.teller = FlashTeller(
            self.overview, alone_in(self.slots), self.box, lambda *_, **__: None, lambda: "ntp"
        )
        self._whole = True
        self.start()

    def start(self) -> None:
        """Not before it has all that is its own."""
        if self._whole:
            super().start()

    def _flash(self, source: Any, wish: Wish, watch: Watch) -> Outcome:
        return flash(source, unit_of(self.unit_file), wish, watch)

    def live(self) -> None:
        """What the unit's workers do: long orders, upkeep, the trial's end, the telling."""
        for _ in range(STEPS):
            self.carrier.work_long(0, lambda: True)
            self.pass_time(1.1)
            self.decide()
            self.teller.tell()

    def decide(self) -> None:
        """What is on trial has proved itself."""
        kept = read_slots(self.slots).commit(datetime.now(UTC))
        if kept is not None:
            write_slots(self.slots, kept)


def obey_order(folder: Path, payload: bytes, go: Connection, naive: bool = False) -> None:
    """From the moment that somebody says go."""
    go.recv()
    unit = Ordered(folder, naive=naive)
    unit.send_raw(payload)
    unit.live()
    unit.intake.close()


def told_in(folder: Path) -> list[dict[str, Any]]:
    path = folder / TOLD
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
