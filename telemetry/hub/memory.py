"""What a hub must not forget over a restart: which messages of each unit it has.

A small file, replaced as a whole before each acknowledgement, so that what was acknowledged is
known again whatever happens next.
"""

import os
from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from telemetry.contract.unit import Status
from telemetry.contract.wire_types import U64_MAX
from telemetry.hub.ledger import HubLedger, UnitLedger
from telemetry.hub.sequences import SequenceSet

REMEMBERED_IDS = 200  # per unit: enough to tell a unit that numbers anew
MAX_MEMORY_BYTES = 256 * 2**20

Number = Annotated[int, Field(ge=0, le=U64_MAX)]


class BadMemoryError(Exception):
    """The file is not a hub's memory. The text says why."""


class _UnitMemory(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    ranges: list[tuple[Number, Number]]
    ids: list[tuple[Number, str]] = []
    renumbered: int = 0
    boot_id: str | None = None
    status: Status | None = None


class _Memory(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    version: Literal[1] = 1
    root: str
    units: dict[str, _UnitMemory]


def save(ledger: HubLedger, path: Path) -> None:
    """Replace the file; what it says is on the disk when this returns. Raises OSError."""
    units = {name: _written(unit) for name, unit in ledger.units.items()}
    content = _Memory(root=ledger.root, units=units).model_dump_json(exclude_none=True)
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(content + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _written(unit: UnitLedger) -> _UnitMemory:
    return _UnitMemory(
        ranges=unit.sequences.ranges(),
        ids=list(unit.ids.items())[-REMEMBERED_IDS:],
        renumbered=unit.renumbered,
        boot_id=unit.boot_id,
        status=unit.status,
    )


def load(ledger: HubLedger, path: Path) -> None:
    """Fill an empty ledger; without a file it stays empty. Raises BadMemoryError, OSError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_MEMORY_BYTES + 1)
    except FileNotFoundError:
        return
    try:
        memory = _Memory.model_validate_json(content[:MAX_MEMORY_BYTES])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise BadMemoryError(f"{path} is no memory of a hub: {first['msg']}") from error
    if memory.root != ledger.root:
        raise BadMemoryError(f"{path} is of the topic root {memory.root}, not {ledger.root}")
    for name, unit in memory.units.items():
        try:
            ledger.units[name] = _read(unit)
        except ValueError as error:
            raise BadMemoryError(f"{path} is no memory of a hub: {name}: {error}") from error


def _read(unit: _UnitMemory) -> UnitLedger:
    return UnitLedger(
        sequences=SequenceSet.of(unit.ranges),
        ids=OrderedDict(unit.ids),
        known=OrderedDict.fromkeys(message for _, message in unit.ids),
        renumbered=unit.renumbered,
        boot_id=unit.boot_id,
        status=unit.status,
    )
