"""A process that flashes and can be cut off anywhere; and one that does it in a hurry."""

import os
import shutil
import stat
import time
from multiprocessing.connection import Connection
from pathlib import Path

import edge.unit_file.looking
import perception.inference.catalogue
import perception.rules.factory
import perception.rules.idle
import perception.zones.zone_file  # what the engine loads later is there before
from edge.bundles.refusal import BundleError
from tests.flashing_stand import Stand

NAMES = (edge.unit_file.looking.__name__, perception.inference.catalogue.__name__)
PADDED = b"position:\n  patrol_every_s: %d\n" + b"# more than a block of the disk\n" * 300
REFUSED, UNSURE = 3, 4  # exit codes; the second: it says that the new one is on trial


def flash_once(home: Path, bundle: bytes, go: Connection) -> None:
    """From the moment that somebody says go."""
    stand = Stand(home)
    go.recv()
    try:
        stand.flash(bundle)
    except BundleError as refusal:
        raise SystemExit(UNSURE if "is on trial" in str(refusal) else REFUSED) from refusal


def flash_for_ever(home: Path, told: Path, way: str, go: Connection) -> None:
    """One after the other, each kept; `told` has the newest serial that was. `unsynced`, the
    control: folders are not flushed, and it pauses, as no unit flashes all day."""
    if way == "unsynced":
        _flush_no_folder()
    stand = Stand(home)
    serial = stand.slots.lane("config").serial
    go.recv()
    while True:
        serial += 1
        stand.flash(stand.base(serial, PADDED % (serial % 50 + 1)))
        time.sleep(0.05)  # a trial takes its time
        stand.commit()
        told.write_text(f"{serial}\n")
        if way == "unsynced":
            time.sleep(0.8)


def _flush_no_folder() -> None:
    flush = os.fsync

    def files_only(handle: int) -> None:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            flush(handle)

    os.fsync = files_only


def overwrite(home: Path, content: bytes, go: Connection) -> None:
    """The control: the file in use is written over."""
    go.recv()
    target = home / "state" / "slots" / "config" / "a" / "files" / "unit.yaml"
    with target.open("wb", buffering=0) as file:
        for at in range(0, len(content), 64):
            file.write(content[at : at + 64])


def fresh(template: Path, home: Path) -> Path:
    """The unit as it was before, in the same place: its file names its own folder."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(template, home)
    return home
