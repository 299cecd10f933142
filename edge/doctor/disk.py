"""The disk under `state_dir`: room, speed, wear, and whether the unit may write there."""

import os
import pwd
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from drivers.plugged.tree import attribute, real
from edge.doctor.case import Case
from edge.doctor.line import Line, fault, none, of_finding, ok
from edge.reporting import computer
from edge.reporting.device_findings import computer_findings

SERVICE_USER = "patrol-edge"
BLOCK = os.urandom(1 << 20)  # what compresses would flatter some disks
BLOCKS = 8
COMMIT = BLOCK[:4096]
COMMITS = 20
WITHIN_S = 8.0  # a very slow one is known by then
SLOW_MIB_PER_S = 2.0
SLOW_COMMIT_S = 0.1  # each stored message waits for one
WORN = 9  # of 11: 80..90 % of its life is over (JEDEC JESD84-B51, DEVICE_LIFE_TIME_EST)
USUAL_MODE = 0o027  # nobody else may write, others not even read


def examine(case: Case) -> Iterator[Line]:
    folder = case.settings.state_dir
    there = next((path for path in (folder, *folder.parents) if path.is_dir()), Path("/"))
    yield from _room(there)
    yield from _rights(folder, there)
    yield from _speed(there)
    yield _wear(case, there)


def _room(there: Path) -> Iterator[Line]:
    space = computer.disk(there)
    found = [each for each in computer_findings(space, (), None) if each.code == "disk_low"]
    if space is None:
        yield fault("disk_low", "room", f"{there} cannot be asked", "is the disk still mounted?")
    elif found:
        yield replace(of_finding(found[0]), name="room")
    else:
        yield ok("room", f"{space.free_mib:,} of {space.total_mib:,} MiB free".replace(",", " "))


def _rights(folder: Path, there: Path) -> Iterator[Line]:
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        text = f"{there} is read-only now: the kernel does so when a disk fails"
        cure = "look into `dmesg`; back up, change the card, then sudo mount -o remount,rw"
        yield fault("disk_readonly", "state_dir", text, cure)
        return
    if there != folder:
        if os.access(there, os.W_OK | os.X_OK):
            yield ok("state_dir", f"{folder} is made at the first start")
        else:
            yield _closed(folder)
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield _closed(folder)
        return
    found = folder.stat()
    service = _uid(SERVICE_USER)
    if os.geteuid() == 0 and service is not None and found.st_uid != service:
        text = f"{folder} belongs to another user than the service's, {SERVICE_USER}"
        yield fault("state_dir_closed", "state_dir", text, _chown(folder))
        return
    mode = stat.S_IMODE(found.st_mode)
    if mode & USUAL_MODE & ~0o010:
        text = f"{folder} is open to others (mode {mode:04o})"
        cure = f"sudo chmod 0710 {folder}"
        yield fault("state_dir_open", "state_dir", text, cure)
        return
    yield ok("state_dir", f"{folder}, mode {mode:04o}")


def _closed(folder: Path) -> Line:
    text = f"{folder} may not be read or written by {_who()}"
    cure = f"run the doctor with sudo; if the service may not either: {_chown(folder)}"
    return fault("state_dir_closed", "state_dir", text, cure)


def _chown(folder: Path) -> str:
    return f"sudo chown -R {SERVICE_USER}: {folder}"


def _uid(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def _who() -> str:
    return "root" if os.geteuid() == 0 else "this user"


def _speed(folder: Path) -> Iterator[Line]:
    """Written into a file of our own, which goes again."""
    if not os.access(folder, os.W_OK | os.X_OK):
        yield none("speed", "not measured: nothing can be written there")
        return
    try:
        with tempfile.NamedTemporaryFile(prefix=".doctor.", dir=folder) as file:
            rate, commits_s = _measure(file.fileno())
    except OSError as error:
        text = f"writing fails: {error.strerror}"
        yield fault("disk_failing", "speed", text, "make room; look into `dmesg` for the disk")
        return
    middle_s, worst_s = sorted(commits_s)[len(commits_s) // 2], max(commits_s)
    told = f"{rate:.0f} MiB/s, a commit {middle_s * 1e3:.1f} ms, the slowest {worst_s * 1e3:.0f} ms"
    if rate < SLOW_MIB_PER_S or middle_s > SLOW_COMMIT_S:
        cure = "an industrial card or an SSD; not a card from a camera, nor a USB stick"
        yield fault("disk_slow", "speed", told, cure)
    else:
        yield ok("speed", told)


def _measure(descriptor: int) -> tuple[float, list[float]]:
    """MiB a second, and how long each commit took. Raises OSError."""
    began_s = time.monotonic()
    written = 0
    while written < BLOCKS and time.monotonic() - began_s < WITHIN_S / 2:
        os.write(descriptor, BLOCK)
        os.fdatasync(descriptor)
        written += 1
    rate = written / max(1e-6, time.monotonic() - began_s)
    commits_s: list[float] = []
    began_s = time.monotonic()
    while len(commits_s) < COMMITS and time.monotonic() - began_s < WITHIN_S / 2:
        at_s = time.monotonic()
        os.write(descriptor, COMMIT)
        os.fsync(descriptor)
        commits_s.append(time.monotonic() - at_s)
    return rate, commits_s


def _wear(case: Case, there: Path) -> Line:
    """As eMMC and SD cards of industrial make tell it themselves (Linux, mmc-dev-attrs)."""
    number = there.stat().st_dev
    entry = case.host.tree.sys / f"dev/block/{os.major(number)}:{os.minor(number)}"
    disk = real(entry)
    for folder in (disk, disk.parent):
        life = attribute(folder / "device/life_time")
        spare = attribute(folder / "device/pre_eol_info")
        if life is not None:
            return _worn(folder.name, life, spare)
    return none("wear", "this disk does not tell how worn it is")


def _worn(disk: str, life: str, spare: str | None) -> Line:
    try:
        used = max(int(word, 16) for word in life.split())
        reserve = int(spare, 16) if spare else 1
    except ValueError:
        return none("wear", f"{disk} tells its wear in words that nobody knows: {life[:20]}")
    told = f"{disk}: about {min(used, 11) * 10 - 10} to {min(used, 11) * 10} % of its life is over"
    if used >= WORN or reserve > 1:
        return fault("disk_worn", "wear", told, "change it at the next service; back up now")
    return ok("wear", told)
