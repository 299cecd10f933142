"""The computer that is looked at: its kernel's files, and programs that are asked."""

import math
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from drivers.clock import Clock, SystemClock, kernel_clock_state
from drivers.plugged.tree import Tree, attribute

PROGRAM_WITHIN_S = 5.0


class Ask(Protocol):
    """Run a program, and give what it wrote; None where there is none, or it failed."""

    def __call__(self, *words: str) -> str | None: ...


def ask_program(*words: str) -> str | None:
    """Waits at most PROGRAM_WITHIN_S."""
    program = shutil.which(words[0])
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - words of our own
            [program, *words[1:]],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROGRAM_WITHIN_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


@dataclass(frozen=True, slots=True)
class Host:
    """Roots that tests can put elsewhere."""

    tree: Tree = field(default_factory=Tree)
    proc: Path = Path("/proc")
    ask: Ask = ask_program
    clock: Clock = field(default_factory=SystemClock)
    clock_state: int | None = field(default_factory=kernel_clock_state)

    def text(self, path: str) -> str | None:
        """A line of a file of /sys."""
        return attribute(self.tree.sys / path)

    def number(self, path: str) -> float | None:
        """The same as a number."""
        line = self.text(path)
        try:
            value = math.nan if line is None else float(line)
        except ValueError:
            return None
        return value if math.isfinite(value) else None
