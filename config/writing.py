"""Put a file in place so that a power cut leaves the old one or the new one, never half of one."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

FILE_MODE = 0o640  # the unit's group may read it, others may not


def _give_to_group(handle: int, path: Path) -> None:
    """The group that has the old file, or else the folder: root writes, the service reads."""
    owner = path if path.exists() else path.parent
    with contextlib.suppress(PermissionError):  # only root may give to any group
        os.fchown(handle, -1, owner.stat().st_gid)


def write_atomically(
    path: Path,
    content: str | bytes,
    mode: int = FILE_MODE,
    give: Callable[[int, Path], None] = _give_to_group,
) -> None:
    """Write it, text as UTF-8, in place of what is there. Raises OSError; then nothing changed.

    `give` hands the open file over to whom it is for, before it has its name.

    All four steps are needed: without the first fsync the file can be empty after a power cut,
    without the second (of the folder) it can be missing.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            os.fchmod(file.fileno(), mode)
            give(file.fileno(), path)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
