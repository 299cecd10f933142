"""What a unit keeps tells of persons and places: nobody else on its computer may read it."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import structlog

UMASK = 0o077  # as in patrol-edge.service: a unit that is run by hand keeps its files as closely
_OURS = (
    "outbox.db*",
    "commands.db*",
    "sos.json*",
    "orders.json*",
    "moves.json*",
    "acting.json*",
    "modules.json*",
    "search.json*",
    "control.json*",
    "firmware.json*",
    "lock",
)
_ALSO = (
    "link_budget.json*",
    "journal",
    "journal/journal-*.jsonl",
    "pictures",
    "pictures/*.picture",
)


def close_to_others(folder: Path) -> list[str]:
    """Take the rights of others from what an earlier run has left open. Never raises.

    Returns the names of those files. What is to be read by others, such as `device.pub` and the
    socket, is left alone; so is an open `device.key`, whose owner has to hear of it.
    """
    closed = []
    for pattern in (*_OURS, *_ALSO):
        with suppress(OSError):
            closed += [path.name for path in sorted(folder.glob(pattern)) if _close(path)]
    if closed:
        structlog.get_logger().warning(
            "state_was_open_to_others", files=closed, now="closed to others"
        )
    return closed


def _close(path: Path) -> bool:
    """Whether it was open. A link leads to what may not be ours, and is left alone."""
    with suppress(OSError):
        mode = path.lstat().st_mode
        if (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and mode & UMASK:
            path.chmod(stat.S_IMODE(mode) & ~UMASK)
            return True
    return False


def set_umask() -> None:
    """Before the first file is made."""
    os.umask(UMASK)
