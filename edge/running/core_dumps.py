"""A crash must not write keys, passwords and pictures to the disk."""

import ctypes
import resource
from contextlib import suppress

PR_SET_DUMPABLE = 4  # prctl(2), linux/prctl.h


def forbid() -> None:
    """No core dump of this process, wherever the system would send it, and no look into its memory
    by other programs of the same user (prctl(2), PR_SET_DUMPABLE).

    The limit alone would not do: where dumps are piped to a collector it is not asked (core(5)).
    Under systemd LimitCORE=0 has set it, and the call may be forbidden.
    """
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
