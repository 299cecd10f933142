"""R-PWR-2: the power is cut while bundles are flashed, one after the other."""

import os
import random
import time
from pathlib import Path

from config.errors import ConfigError
from config.slots import SlotsError, slot_folder
from edge.bundles.refusal import BundleError
from edge.bundles.slot_check import verify_slot
from tests.flashing_stand import Stand
from tests.torture.cut_disks import Disk, disk_of_its_own, mounted_at, reflinks, running
from tests.torture.flasher import flash_for_ever
from tests.torture.trials import NotRun, Stage, held, trial

CONTROL_CUTS = 5


@trial("R-PWR-2", "when the power is cut while it is flashed, the old or the new is in use, whole")
def slot_cuts(stage: Stage) -> str:
    if os.geteuid() != 0:
        raise NotRun("needs root, for loop devices")
    cuts = stage.sized(20, 200)
    with reflinks(stage.folder) as home:
        flashed, broken, on_trial = _slot_cuts(home, "synced", cuts)
        held(not broken, f"in {len(broken)} of {cuts} cuts: {'; '.join(broken[:3])}")
        _, control, _ = _slot_cuts(home, "unsynced", CONTROL_CUTS)
        held(control, "the control, folders that are not flushed, loses nothing either")
    return (
        f"{cuts} cuts within {flashed} flashes: {on_trial} left one on trial, all were whole and "
        f"signed, none older than what had been kept, the next flash worked; the control, without "
        f"flushing folders, was wrong in {len(control)} of {CONTROL_CUTS}"
    )


def _slot_cuts(home: Path, way: str, cuts: int) -> tuple[int, list[str], int]:
    """How many were flashed; what was wrong after a cut; how many left one on trial."""
    broken: list[str] = []
    on_trial = 0
    told_path = home.parent / f"told-{way}"
    with disk_of_its_own(home, way) as disk:
        Stand(disk.mounted / "unit")
        os.sync()  # what was there long before
        with running(flash_for_ever, (disk.mounted / "unit", told_path, way)) as go:
            go()
            for number in range(cuts):
                told, clone = _cut_after_told(disk, number, told_path)
                with mounted_at(clone, home / "cut") as left:
                    wrong, trial_left = _wrong_slots(left / "unit", told)
                broken += [] if wrong is None else [wrong]
                on_trial += trial_left
                clone.unlink()
        return int(told_path.read_text()), broken, on_trial


def _cut_after_told(disk: Disk, number: int, told_path: Path) -> tuple[int, Path]:
    """The newest serial that had been kept before the cut, and the image."""
    before = told_path.read_text() if told_path.exists() else ""
    ends_s = time.monotonic() + 20
    while not told_path.exists() or told_path.read_text() in ("", before):
        held(time.monotonic() < ends_s, "nothing is flashed")
        time.sleep(0.002)
    time.sleep(random.Random(number).uniform(0.0, 0.15))
    told = told_path.read_text()
    return int(told or 0), disk.cut(number)


def _wrong_slots(home: Path, told: int) -> tuple[str | None, bool]:
    """What is wrong with what the cut left, and whether something was on trial."""
    try:
        stand = Stand(home)
        slots = stand.slots
        state = slots.lane("config")
        if state.serial < told:
            return f"{told} was kept, and {state.serial} is known", False
        if state.active is None:
            return "nothing is in use", False
        for slot in state.slots:
            verify_slot(slot_folder(stand.unit.folder, "config", slot), stand.trust)
        on_trial = slots.trial is not None
        if on_trial:
            stand.roll_back()
        stand.flash(stand.base(state.serial + 2))
    except (BundleError, SlotsError, ConfigError, OSError) as error:
        return str(error), False
    return None, on_trial
