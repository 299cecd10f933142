"""Ending this run to begin another one in the same process, with what was flashed."""

import fcntl
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edge.running.sdnotify import LAUNCHED

LAUNCHER = "edge.booting"


class Anew:
    """Asked for by any thread; the main thread waits for it beside the stop signals."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self.why = ""

    def ask(self, why: str) -> None:
        """The unit stops in order and starts again, as soon as whoever waits looks."""
        self.why = self.why or why
        self._asked.set()

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def beside(self, wait: Callable[[float], bool], step_s: float) -> Callable[[float], bool]:
        """`wait`, which is told to stop in between when a new start was asked for."""

        def either(timeout_s: float) -> bool:
            left_s = timeout_s
            while left_s > 0:
                if self.asked or wait(min(step_s, left_s)):
                    return True
                left_s -= step_s
            return self.asked

        return either


def launcher(unit_file: Path) -> list[str]:
    """The command that starts this unit with all care, by the installed interpreter."""
    return [*interpreter(), "-m", LAUNCHER, "--config", str(unit_file)]


def interpreter() -> list[str]:
    """The installed one, as careful with what it imports and writes as it is now."""
    lean = ["-B"] if sys.dont_write_bytecode else []
    return [sys.executable, *lean, "-I" if sys.flags.isolated else "-P"]


def start_anew(unit_file: Path, command: list[str] | None = None) -> None:
    """Become the launcher, or what it would become: same process, same environment.

    Raises OSError; else never returns.

    Blocked signals stay blocked, and one that came meanwhile stays pending: the launcher ends by
    it. Threads that hang end with the program that they belong to (execve(2)).
    """
    sys.stderr.flush()
    _close_all()
    os.environ[LAUNCHED] = "1"
    chosen = command or launcher(unit_file)
    os.execv(chosen[0], chosen)  # noqa: S606 - no shell is wanted


def _close_all() -> None:
    """Native code may have opened devices that the next program would inherit."""
    with suppress(OSError):
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers, not paths
            handle = int(name)
            if handle > 2:
                with suppress(OSError):
                    flags = fcntl.fcntl(handle, fcntl.F_GETFD)
                    fcntl.fcntl(handle, fcntl.F_SETFD, flags | fcntl.FD_CLOEXEC)
