"""One process per state folder: two would write the same queue."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

STATE_MODE = 0o710  # the group may open the control socket in it, and see nothing else


class StateInUseError(Exception):
    """Another process works with this state folder."""


def lock_state(folder: Path) -> int | None:
    """Take the folder for this process, until it ends. Returns the lock's file descriptor.

    The kernel drops the lock with the process, however it ends (flock(2)). None where the folder
    cannot be written, and nobody has worked there before: the outbox then keeps messages in memory,
    and health says so. Raises StateInUseError.
    """
    descriptor = _open(folder)
    if descriptor is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StateInUseError(f"another patrol-edge works in {folder}") from error
    return descriptor


def _open(folder: Path) -> int | None:
    with suppress(OSError):
        folder.mkdir(mode=STATE_MODE, parents=True, exist_ok=True)
        return os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with suppress(OSError):  # the disk is read-only now: to be locked, a file need not be written
        return os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    return None


def is_in_use(folder: Path) -> bool | None:
    """Does a process work with this folder now? None where that cannot be known."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        return None
    except OSError:
        return None if _is_read_only(folder) else False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_read_only(folder: Path) -> bool:
    """A unit that was started on such a disk could not make its lock there."""
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False
