"""The flash memory of a simulated board, in a file: what was written survives the power, torn.

Like NOR flash: a sector is erased as a whole to 0xFF, and programming only clears bits. It is
written a page at a time, straight to the file, so that a process that is killed leaves what a chip
without power would leave. `fuse` burns after so many pages more, in the middle of one.
"""

import os
import random
from pathlib import Path

SECTOR_BYTES = 4096
PAGE_BYTES = 256


class PowerLostError(Exception):
    """The supply broke down while the flash was being written."""


class Flash:
    """So many bytes in a file, which is made where there is none. One thread."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        """Raises OSError."""
        self.size_bytes = size_bytes
        self.fuse: int | None = None  # pages until the power breaks down; None: it does not
        self._dice = random.Random(size_bytes)  # noqa: S311 - what a torn page holds is no secret
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        missing = size_bytes - os.fstat(self._file).st_size
        if missing > 0:
            os.pwrite(self._file, b"\xff" * missing, size_bytes - missing)

    def close(self) -> None:
        os.close(self._file)

    def read(self, at: int, size: int) -> bytes:
        return os.pread(self._file, size, at)

    def program(self, at: int, data: bytes) -> None:
        """Clear bits. Raises PowerLostError."""
        while data:
            part = data[: PAGE_BYTES - at % PAGE_BYTES]
            old = self.read(at, len(part))
            new = bytes(was & now for was, now in zip(old, part, strict=True))
            self._put(at, new)
            at, data = at + len(part), data[len(part) :]

    def erase(self, at: int, size: int) -> None:
        """The sectors that hold these bytes. Raises PowerLostError."""
        first, end = at // SECTOR_BYTES, -(-(at + size) // SECTOR_BYTES)
        for sector in range(first, end):
            for page in range(SECTOR_BYTES // PAGE_BYTES):
                self._put(sector * SECTOR_BYTES + page * PAGE_BYTES, b"\xff" * PAGE_BYTES)

    def copy(self, source: int, target: int) -> None:
        """One sector, erased first. Raises PowerLostError."""
        self.erase(target, SECTOR_BYTES)
        self.program(target, self.read(source, SECTOR_BYTES))

    def _put(self, at: int, page: bytes) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self._tear(at, page)
                raise PowerLostError
        os.pwrite(self._file, page, at)

    def _tear(self, at: int, page: bytes) -> None:
        """Some of it as wanted, a byte of neither, the rest as it was."""
        done = self._dice.randrange(len(page))
        os.pwrite(self._file, page[:done] + self._dice.randbytes(1), at)
