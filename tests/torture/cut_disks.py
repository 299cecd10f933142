"""Disks that can be cloned in an instant, and what the clone holds: a cut of the power.

A disk image with ext4 lies in an XFS with reflinks; a clone of the image, taken while a process
writes, is what the cut would have left: nothing that was not flushed is in it. It does not model a
drive that reorders its own cache.
"""

import multiprocessing
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.torture.trials import NotRun, held

IMAGE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Disk:
    """A filesystem of its own, in an image that can be cloned in an instant."""

    image: Path
    mounted: Path

    def cut(self, number: int) -> Path:
        clone = self.image.with_name(f"{self.image.name}-{number}")
        do("cp", "--reflink=always", str(self.image), str(clone))
        return clone


def do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotRun(f"{' '.join(command[:2])} does not work here: {done.stderr.strip()}")


@contextmanager
def mounted_at(image: Path, place: Path) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    do("mount", "-o", "loop", str(image), str(place))
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
def reflinks(folder: Path) -> Iterator[Path]:
    """A filesystem in which a file can be cloned in an instant."""
    image = folder / "xfs.img"
    with image.open("wb") as file:
        file.truncate(2**30)
    do("mkfs.xfs", "-q", "-m", "reflink=1", str(image))
    with mounted_at(image, folder / "xfs") as home:
        yield home


@contextmanager
def disk_of_its_own(home: Path, name: str) -> Iterator[Disk]:
    image = home / f"{name}.img"
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    do("mkfs.ext4", "-q", "-F", str(image))
    with mounted_at(image, home / name) as mounted:
        yield Disk(image, mounted)


@contextmanager
def running(work: Any, arguments: Sequence[Any]) -> Iterator[Any]:
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
