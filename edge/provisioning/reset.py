"""Back to what left the factory: keys, messages, pictures and names go; few things stay.

It may be cut off anywhere: a mark is written first, and until a run has come to its end the
computer is nothing else. The record of it stays, and names no person.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from config.errors import ConfigError
from config.language import tell
from config.loading import load
from config.slots import SlotsError, read_slots, slots_folder
from drivers.clock import Clock
from edge.provisioning.errors import ProvisioningError, WrongInputError
from edge.provisioning.files import FOR_GROUP, make_folder, put, read_below
from edge.provisioning.identity import STATE_MODE, Places, owner_of_name
from edge.provisioning.wiping import (
    RESET_RECORD,
    STAYS,
    Wiped,
    in_config,
    in_state,
    kind_of,
    wipe,
)
from edge.running.state_lock import StateInUseError, lock_state
from edge.slots.mending import remember
from telemetry.commands.files import sync_folder
from telemetry.commands.journal import journal_files
from telemetry.commands.journal_check import check
from telemetry.contract.wire_types import rfc3339_ms

BESIDE = "keys, certificates, passwords"


@dataclass(slots=True)
class Reset:
    """What was done, for the record."""

    unit: str
    at: str
    complete: bool = False
    wiped: dict[str, Wiped] = field(default_factory=dict)
    stays: list[str] = field(default_factory=list)
    journal_head: dict[str, Any] | None = None  # of the journal that has gone
    exported: str | None = None

    def text(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def name_here(places: Places) -> str:
    """The unit that is meant: by its record, or by a unit file written by hand; else `nobody`."""
    if (name := owner_of_name(places)) != "?":
        return name
    try:
        return load(places.config).settings.unit.id
    except (ConfigError, OSError):
        return "nobody"


def plan(places: Places) -> dict[str, int]:
    """What would go: how many files, by what they are."""
    counts = {BESIDE: len([*in_config(places), *_last(places)])}
    for path in in_state(places):
        kind = kind_of(path.name)
        files = sum(not each.is_dir() for each in path.rglob("*")) if path.is_dir() else 1
        counts[kind] = counts.get(kind, 0) + files
    return {kind: count for kind, count in counts.items() if count}


def reset(places: Places, clock: Clock, export: Path | None, told: Callable[[str], None]) -> Reset:
    """Do it. Raises ProvisioningError while a unit runs here, WrongInputError, OSError."""
    make_folder(places.state, STATE_MODE)
    with _alone(places.state):
        return _reset(places, clock, export, told)


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Raises ProvisioningError."""
    try:
        lock = lock_state(state)
    except StateInUseError as error:
        raise ProvisioningError(
            tell("a unit runs here; it would write on what is being wiped"),
            tell("stop it: sudo systemctl stop patrol-edge; or give --stop"),
        ) from error
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _reset(places: Places, clock: Clock, export: Path | None, told: Callable[[str], None]) -> Reset:
    done = Reset(unit=name_here(places), at=rfc3339_ms(clock.utc()), stays=_stays(places))
    done.journal_head = _journal_head(places)
    if export is not None:
        done.exported = str(_exported(places, export, done))
        told(tell("the journal is in {folder}", folder=done.exported))
    _keep_serials(places)
    _record(places, done)  # from here on there is no way back
    _wipe(places, done, told)
    done.complete = True
    _record(places, done)
    return done


def _wipe(places: Places, done: Reset, told: Callable[[str], None]) -> None:
    beside = done.wiped.setdefault(BESIDE, Wiped())
    wipe(in_config(places), beside)
    for path in in_state(places, (*STAYS, "machine.json")):
        wipe([path], done.wiped.setdefault(kind_of(path.name), Wiped()))
    wipe(_last(places), beside)
    for kind, found in done.wiped.items():
        if found.files:
            told(tell("wiped: {kind}, {files} files", kind=kind, files=found.files))


def _last(places: Places) -> list[Path]:
    """The name, and what says on which computer it was."""
    found = (places.config, places.binding, places.record)
    kept = places.config.parent.glob(f"{places.config.name}.of-*")
    return [each for each in (*kept, *found) if each.exists()]


def _record(places: Places, done: Reset) -> None:
    put(places.state / RESET_RECORD, done.text().encode(), FOR_GROUP, places.service)


def _keep_serials(places: Places) -> None:
    """Those that only the slots know, in the place that stays."""
    try:
        remember(places.state, read_slots(slots_folder(places.state)))
    except (SlotsError, OSError):
        return  # the second place has what it has


def _stays(places: Places) -> list[str]:
    there = [name for name in STAYS if (places.state / name).exists()]
    return [name for name in there if name != "lock"]


def _journal_head(places: Places) -> dict[str, Any] | None:
    files = journal_files(places.state / "journal")
    if not files:
        return None
    head = check(files).head
    return {"n": head.n, "hash": head.hash}


def _exported(places: Places, folder: Path, done: Reset) -> Path:
    """A copy of the journal with the key to check it. Raises WrongInputError, OSError."""
    target = folder / f"journal-of-{done.unit}"
    if target.resolve().is_relative_to(places.state.resolve()):
        told = tell("{folder} is in the state folder, which is wiped", folder=str(folder))
        raise WrongInputError(told, tell("give a folder on a stick"))
    if target.exists():
        told = tell("{folder} is there already", folder=str(target))
        raise WrongInputError(told, tell("give another folder"))
    make_folder(target, 0o700)
    sources = [*journal_files(places.state / "journal"), places.device_key.with_suffix(".pub")]
    for source in sources:
        with suppress(FileNotFoundError):
            put(target / source.name, read_below(places.state, source), 0o600)
    put(target / "head.json", json.dumps(done.journal_head).encode() + b"\n", 0o600)
    sync_folder(target)
    return target


def room_on_flash(places: Places) -> str:
    """What has to be said of what the disk may still hold."""
    trim = shutil.which("fstrim") is not None
    cure = tell("run: sudo fstrim -v {folder}", folder=str(places.state)) if trim else ""
    return tell(
        "flash memory keeps what was wiped until it needs the room, and who takes it apart may "
        "read it; only an encrypted disk is beyond that. {cure}",
        cure=cure,
    )
