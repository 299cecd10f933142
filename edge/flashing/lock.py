"""One at a time: whoever flashes, commits or rolls back by hand holds the slots' folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.language import tell
from edge.bundles.refusal import BundleError
from edge.slots.folders import make_folder
from telemetry.commands.files import hand_to_owner

LOCK = "lock"


@contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """The slots' folder, for the time of the block. Raises BundleError, OSError.

    The kernel drops the lock with the process, however it ends (flock(2)).
    """
    make_folder(folder)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        hand_to_owner(handle, folder)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            told = tell("another bundle is being flashed onto this unit just now")
            raise BundleError("busy", told, tell("wait until it is done")) from error
        yield
    finally:
        os.close(handle)
