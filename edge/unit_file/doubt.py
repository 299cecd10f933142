"""One doubt about the unit's file, and how files that it names are opened."""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.language import tell

LOOKED_AT_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Doubt:
    path: str  # "gnss.main.path"
    text: str
    severity: Literal["error", "warning"] = "warning"  # error: it will not work as it is


def kind_of(path: Path) -> str | None:
    """`folder`, `file`, `other` (a device, a pipe); None if it is not there, or closed to us."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(mode):
        return "folder"
    return "file" if stat.S_ISREG(mode) else "other"


def beginning_of(path: Path) -> bytes | str | None:
    """The first 64 KiB; a text where it cannot be read; None where it is not there."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait for ever
            return tell("{path} is not a regular file; give one that is", path=path)
        with path.open("rb") as file:
            return file.read(LOOKED_AT_BYTES)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None  # told at each start
    except OSError as error:
        return unreadable(path, error)


def unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return tell(
            "{path} may not be read by this user; run as the service's user, or: ls -l {path}",
            path=path,
        )
    return tell("{path} cannot be read ({why}); copy it again", path=path, why=error.strerror)
