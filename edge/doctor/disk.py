"""The disk under `state_dir`: room, speed, and whether the unit may write there."""

import os
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from config.language import tell
from edge.doctor import disk_wear
from edge.doctor.case import Case
from edge.doctor.exhibit import Exhibit
from edge.doctor.line import Line, fault, none, of_finding, ok, warning
from edge.doctor.service import NAME, user_id
from edge.reporting import computer
from edge.reporting.device_findings import computer_findings

BLOCK = os.urandom(1 << 20)  # what compresses would flatter some disks
BLOCKS = 8
COMMIT = BLOCK[:4096]
COMMITS = 60
WITHIN_S = 8.0  # a very slow one is known by then
SLOW_MIB_PER_S = 2.0
SLOW_COMMIT_S = 0.1  # each stored message waits for one
INODES_LOW_SHARE = 0.02
USUAL_MODE = 0o027  # nobody else may write, others not even read


def examine(case: Case) -> Iterator[Line]:
    folder = case.settings.state_dir
    there = next((path for path in (folder, *folder.parents) if path.is_dir()), Path("/"))
    yield from _room(there)
    yield from _rights(folder, there)
    yield from _speed(there)
    yield from disk_wear.examine(case, there)


def _room(there: Path) -> Iterator[Line]:
    space = computer.disk(there)
    found = [each for each in computer_findings(space, (), None) if each.code == "disk_low"]
    if space is None:
        text = tell("{folder} cannot be asked", folder=there)
        yield fault("disk_low", "room", text, tell("is the disk still mounted?"))
    elif found:
        yield replace(of_finding(found[0]), name="room")
    else:
        free, total = (f"{mib:,}".replace(",", " ") for mib in (space.free_mib, space.total_mib))
        yield ok("room", tell("{free} of {total} MiB free", free=free, total=total))
    yield from _files(there)


def _files(there: Path) -> Iterator[Line]:
    """Room for more files: a disk may have none while it has room for bytes (statvfs(3))."""
    told = os.statvfs(there)
    if told.f_files and told.f_favail < told.f_files * INODES_LOW_SHARE:
        text = tell("room for {count} more files only", count=told.f_favail)
        cure = tell("delete what nobody needs: many small files; `df -i` shows where")
        yield fault("inodes_low", "files", text, cure)


def _rights(folder: Path, there: Path) -> Iterator[Line]:
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        text = tell("{folder} is read-only now: the kernel does so when a disk fails", folder=there)
        cure = tell("look into `dmesg`; back up, change the card, then sudo mount -o remount,rw")
        yield fault("disk_readonly", "state_dir", text, cure)
        return
    if there != folder:
        if os.access(there, os.W_OK | os.X_OK):
            yield ok("state_dir", tell("{folder} is made at the first start", folder=folder))
        else:
            yield _closed(folder)
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield _closed(folder)
        return
    found = folder.stat()
    service = user_id()
    if os.geteuid() == 0 and service is not None and found.st_uid != service:
        text = tell(
            "{folder} belongs to another user than the service's, {user}",
            folder=folder,
            user=NAME,
        )
        yield fault("state_dir_closed", "state_dir", text, _chown(folder))
        return
    mode = stat.S_IMODE(found.st_mode)
    if mode & USUAL_MODE & ~0o010:
        text = tell("{folder} is open to others (mode {mode:04o})", folder=folder, mode=mode)
        cure = tell("sudo chmod 0710 {folder}", folder=folder)
        yield warning("state_dir_open", "state_dir", text, cure)
        return
    yield ok("state_dir", tell("{folder}, mode {mode:04o}", folder=folder, mode=mode))


def _closed(folder: Path) -> Line:
    who = tell("root") if os.geteuid() == 0 else tell("this user")
    text = tell("{folder} may not be read or written by {who}", folder=folder, who=who)
    cure = tell(
        "run the doctor with sudo; if the service may not either: {command}", command=_chown(folder)
    )
    return fault("state_dir_closed", "state_dir", text, cure)


def _chown(folder: Path) -> str:
    return tell("sudo chown -R {user}: {folder}", user=NAME, folder=folder)


def _speed(folder: Path) -> Iterator[Line]:
    """Written into a file of our own, which goes again."""
    if not os.access(folder, os.W_OK | os.X_OK):
        yield none("speed", tell("not measured: nothing can be written there"))
        return
    try:
        with tempfile.NamedTemporaryFile(prefix=".doctor.", dir=folder) as file:
            rate, commits_s = _measure(file.fileno())
    except OSError as error:
        text = tell("writing fails: {why}", why=error.strerror)
        cure = tell("make room; look into `dmesg` for the disk")
        yield fault("disk_failing", "speed", text, cure)
        return
    yield _judged(rate, commits_s)


def _judged(rate: float, commits_s: list[float]) -> Line:
    in_order = sorted(commits_s)
    middle_s, high_s = in_order[len(in_order) // 2], in_order[len(in_order) * 95 // 100]
    told = tell(
        "{rate:.0f} MiB/s, a commit {middle_ms:.1f} ms (95 %: {high_ms:.1f}), the slowest "
        "{worst_ms:.0f} ms",
        rate=rate,
        middle_ms=middle_s * 1e3,
        high_ms=high_s * 1e3,
        worst_ms=in_order[-1] * 1e3,
    )
    if rate < SLOW_MIB_PER_S or middle_s > SLOW_COMMIT_S:
        cure = tell("an industrial card or an SSD; not a card from a camera, nor a USB stick")
        return warning("disk_slow", "speed", told, cure)
    row = Exhibit(series=tuple(each_s * 1e3 for each_s in commits_s), series_unit="ms")
    return ok("speed", told, row)


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
