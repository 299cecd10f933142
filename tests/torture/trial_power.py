"""The power is cut: what lies in a block device at one instant is all that is left.

A disk image with ext4 lies in an XFS with reflinks; a clone of the image, taken while a process
writes, is what the cut would have left: nothing that was not flushed is in it. It does not model a
drive that reorders its own cache.
"""

import multiprocessing
import os
import random
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.torture.scribe import Told, lost, write
from tests.torture.trials import Broken, NotRun, Stage, held, trial

IMAGE_BYTES = 64 * 2**20
CONTROL_CUTS = 5


@trial("R-PWR-1", "when the power is cut, what was told as safe is there, the configuration whole")
def power_cuts(stage: Stage) -> str:
    if os.geteuid() != 0:
        raise NotRun("needs root, for loop devices")
    cuts = stage.sized(20, 200)
    with _reflinks(stage.folder) as home:
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


@dataclass(frozen=True, slots=True)
class Disk:
    """A filesystem of its own, in an image that can be cloned in an instant."""

    image: Path
    mounted: Path

    def cut(self, number: int) -> Path:
        clone = self.image.with_name(f"{self.image.name}-{number}")
        _do("cp", "--reflink=always", str(self.image), str(clone))
        return clone


def _outbox_cuts(home: Path, way: str, cuts: int) -> tuple[int, int]:
    """How many were accepted before their cut, and how many of them it took. Raises Broken."""
    accepted = missing = 0
    told_path = home.parent / f"told-{way}"
    with _disk(home, way) as disk, _running(write, (disk.mounted, told_path, 10**9, way)) as go:
        go()
        for number in range(cuts):
            before, clone = _cut(disk, number, told_path)
            before.delivered = Told.read(told_path).delivered
            held(before.accepted, "nothing was accepted before the cut")
            with _mounted(clone, home / "cut") as left:
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


def _rename_cuts(home: Path, cuts: int) -> int:
    """In how many cuts the newest version that was told is not there, or not whole."""
    broken = 0
    told_path = home.parent / "told-rename"
    with _disk(home, "rename") as disk, _running(rename_unsynced, (disk.mounted, told_path)) as go:
        go()
        for number in range(cuts):
            time.sleep(0.3)
            told = int(told_path.read_text() or 0)
            clone = disk.cut(number)
            with _mounted(clone, home / "cut") as left:
                path = left / "unit.yaml"
                lines = path.read_text().splitlines() if path.exists() else []
            broken += len(lines) != 100 or int(lines[0]) < told
            clone.unlink()
    return broken


# --- the machine -----------------------------------------------------------------------------


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotRun(f"{' '.join(command[:2])} does not work here: {done.stderr.strip()}")


@contextmanager
def _mounted(image: Path, place: Path) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    _do("mount", "-o", "loop", str(image), str(place))
    try:
        yield place
    finally:
        _unmount(place)


def _unmount(place: Path) -> None:
    for _ in range(100):
        if not subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode:
            return
        time.sleep(0.1)  # whoever worked there is about to end
    subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


@contextmanager
def _reflinks(folder: Path) -> Iterator[Path]:
    """A filesystem in which a file can be cloned in an instant."""
    image = folder / "xfs.img"
    with image.open("wb") as file:
        file.truncate(2**30)
    _do("mkfs.xfs", "-q", "-m", "reflink=1", str(image))
    with _mounted(image, folder / "xfs") as home:
        yield home


@contextmanager
def _disk(home: Path, name: str) -> Iterator[Disk]:
    image = home / f"{name}.img"
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    _do("mkfs.ext4", "-q", "-F", str(image))
    with _mounted(image, home / name) as mounted:
        yield Disk(image, mounted)


@contextmanager
def _running(work: Any, arguments: Sequence[Any]) -> Iterator[Any]:
    """A process that does this until the end of the block; it begins when told to."""
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(*arguments, theirs), daemon=True)
    with ExitStack() as stack:
        stack.callback(ours.close)
        process.start()
        stack.callback(process.join)
        stack.callback(process.kill)
        yield lambda: ours.send("go")
        held(process.is_alive(), "the process that writes has died")
