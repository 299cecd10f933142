"""The plug of a simulated board: in, or pulled out, also after just so many bytes."""

import os
from pathlib import Path

from drivers.gnss.outlets import PtyOutlet


class Plug:
    """A pseudo-terminal that can go and come back under the same name. One thread."""

    def __init__(self, link: Path | None) -> None:
        """Raises DeviceUnavailableError, with the cure."""
        self._link = link
        self._outlet: PtyOutlet | None = PtyOutlet(link)
        self._nobody, self._unused = os.pipe()  # what is waited on while it is out: never ready
        self._left: int | None = None  # bytes until it is pulled

    @property
    def name(self) -> str:
        return self._outlet.name if self._outlet is not None else "nowhere: it is pulled out"

    def fileno(self) -> int:
        return self._outlet.fileno() if self._outlet is not None else self._nobody

    def pull(self, after_bytes: int = 0) -> None:
        """Now, or when so many more have come or gone."""
        self._left = after_bytes
        self._look(0)

    def put_back(self) -> None:
        """Raises DeviceUnavailableError."""
        self._left = None
        if self._outlet is None:
            self._outlet = PtyOutlet(self._link)

    def read(self) -> bytes:
        """What the host wrote; empty if nothing. What was cut off by the plug is missing."""
        if self._outlet is None:
            return b""
        data = self._outlet.read()
        return data[: self._look(len(data))]

    def write(self, data: bytes) -> None:
        if self._outlet is not None:
            outlet, through = self._outlet, self._allowed(len(data))
            outlet.write(data[:through])
            self._look(len(data))

    def close(self) -> None:
        if self._outlet is not None:
            self._outlet.close()
            self._outlet = None
        os.close(self._nobody)
        os.close(self._unused)

    def _allowed(self, count: int) -> int:
        return count if self._left is None else min(count, self._left)

    def _look(self, count: int) -> int:
        """Count these bytes. Returns how many of them came through before it was pulled."""
        through = self._allowed(count)
        if self._left is not None:
            self._left -= through
            if self._left == 0 and self._outlet is not None:
                self._outlet.close()
                self._outlet = None
        return through
