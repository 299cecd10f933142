"""The power is cut: what lies in a block device at one instant is all that is left."""

import os
import random
import time
from multiprocessing.connection import Connection
from pathlib import Path

from tests.torture.cut_disks import Disk, disk_of_its_own, mounted_at, reflinks, running
from tests.torture.scribe import Told, lost, write
from tests.torture.trials import Broken, NotRun, Stage, held, trial

CONTROL_CUTS = 5


@trial("R-PWR-1", "when the power is cut, what was told as safe is there, the configuration whole")
def power_cuts(stage: Stage) -> str:
    if os.geteuid() != 0:
        raise NotRun("needs root, for loop devices")
    cuts = stage.sized(20, 200)
    with reflinks(stage.folder) as home:
        accepted, gone = _outbox_cuts(home, "safe", cuts)
        held(not gone, f"{gone} of {accepted} accepted messages are lost in {cuts} cuts")
        _, control = _outbox_cuts(home, "normal", CONTROL_CUTS)
        held(control > 0, "the control, synchronous=NORMAL, loses nothing either")
        broken = _rename_cuts(home, CONTROL_CUTS)
        held(broken > 0, "the control, a rename without fsync, keeps its file")
    return (
        f"{cuts} cuts, {accepted} accepted, 0 lost, configuration whole; controls: NORMAL lost "
        f"{control}, rename without fsync was broken in {broken} of {CONTROL_CUTS}"
    )


def _outbox_cuts(home: Path, way: str, cuts: int) -> tuple[int, int]:
    """How many were accepted before their cut, and how many of them it took. Raises Broken."""
    accepted = missing = 0
    told_path = home.parent / f"told-{way}"
    with (
        disk_of_its_own(home, way) as disk,
        running(write, (disk.mounted, told_path, 10**9, way)) as go,
    ):
        go()
        for number in range(cuts):
            before, clone = _cut(disk, number, told_path)
            before.delivered = Told.read(told_path).delivered
            held(before.accepted, "nothing was accepted before the cut")
            with mounted_at(clone, home / "cut") as left:
                missing += _lost_in(left, before, way)
            accepted += len(before.accepted)
            clone.unlink()
    return accepted, missing


def _cut(disk: Disk, number: int, told_path: Path) -> tuple[Told, Path]:
    """What was told before the cut, at a random moment while the process goes on, and the image."""
    heard = told_path.stat().st_size if told_path.exists() else 0
    ends_s = time.monotonic() + 20
    while time.monotonic() < ends_s and (
        not told_path.exists() or told_path.stat().st_size <= heard
    ):
        time.sleep(0.01)
    time.sleep(random.Random(number).uniform(0.1, 0.5))
    told = Told.read(told_path)
    return told, disk.cut(number)


def _lost_in(left: Path, told: Told, way: str) -> int:
    try:
        return len(lost(left, told))
    except Broken:
        if way == "safe":
            raise
        return len(told.accepted)  # a control may lose the whole file


def rename_unsynced(folder: Path, told: Path, go: Connection) -> None:
    """The control: a new version by rename, believed when the call has returned."""
    go.recv()
    path, number = folder / "unit.yaml", 0
    while True:
        number += 1
        new = path.with_suffix(".new")
        new.write_text(f"{number:08}\n" * 100)
        new.replace(path)
        told.write_text(f"{number}\n")
        time.sleep(0.002)


def _begun(told_path: Path) -> None:
    ends_s = time.monotonic() + 20
    while not told_path.exists() or not told_path.read_text():
        held(time.monotonic() < ends_s, "nothing is written")
        time.sleep(0.01)


def _rename_cuts(home: Path, cuts: int) -> int:
    """In how many cuts the newest version that was told is not there, or not whole."""
    broken = 0
    told_path = home.parent / "told-rename"
    with (
        disk_of_its_own(home, "rename") as disk,
        running(rename_unsynced, (disk.mounted, told_path)) as go,
    ):
        go()
        for number in range(cuts):
            _begun(told_path)
            time.sleep(0.3)
            told = int(told_path.read_text() or 0)
            clone = disk.cut(number)
            with mounted_at(clone, home / "cut") as left:
                path = left / "unit.yaml"
                lines = path.read_text().splitlines() if path.exists() else []
            broken += len(lines) != 100 or int(lines[0]) < told
            clone.unlink()
    return broken
