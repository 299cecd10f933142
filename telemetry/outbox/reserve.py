"""Room on the disk that is kept for the day when it is full.

A queue whose pages still lie in the log needs room in the table to empty that log, and an empty log
to delete anything: on a disk that somebody else has filled, it could do nothing any more. This file
is given up then, and taken again as soon as there is room.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

RESERVE_BYTES = 3 * 512 * 1024  # the log at its longest: a checkpoint's worth, and one commit


@dataclass(frozen=True, slots=True)
class Reserve:
    path: Path
    size: int = RESERVE_BYTES

    def take(self) -> bool:
        """Whether the room is ours now: allocated, not only promised."""
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            os.posix_fallocate(handle, 0, self.size)
        except OSError:
            self.release()
            return False
        finally:
            os.close(handle)
        return True

    def release(self) -> None:
        """Give the room up. Never raises."""
        with suppress(OSError):
            self.path.unlink()
