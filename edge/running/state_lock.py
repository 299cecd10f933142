"""One process per state folder: two would write the same queue."""

import fcntl
import os
from pathlib import Path


class StateInUseError(Exception):
    """Another process works with this state folder."""


def lock_state(folder: Path) -> int | None:
    """Take the folder for this process, until it ends. Returns the lock's file descriptor.

    The kernel drops the lock with the process, however it ends (flock(2)). None where the folder
    cannot be written: the outbox then keeps messages in memory, and health says so. Raises
    StateInUseError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StateInUseError(f"another patrol-edge works in {folder}") from error
    return descriptor


def is_in_use(folder: Path) -> bool | None:
    """Does a process work with this folder now? None where this user may not know."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        return None
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
