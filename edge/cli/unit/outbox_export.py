"""Lines into a file that is there whole, or not at all."""

import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.progress import track

MODE = 0o600  # the messages tell of persons and places


def export(target: Path, lines: Iterable[str], total: int) -> int:
    """Write the lines, with progress on a terminal. Returns how many. Raises OSError."""
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    written = 0
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), MODE)
            shown = track(
                lines, "exporting", total=total, console=Console(file=sys.stderr),
                transient=True, disable=not sys.stderr.isatty(),
            )  # fmt: skip
            for line in shown:
                file.write(line)
                written += 1
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    return written
