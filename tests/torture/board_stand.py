"""What the trials of boards stand on: the reference firmware as a board, and what it did."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivers.samples import Done
from firmware_bridge.runtime.link import BoardLink
from tests.board_reference import COMPILERS
from tests.torture.trials import Broken, NotRun

LOST_S = 20.0  # without an answer: a hang


def compiler_here(*names: str) -> str:
    for name in names or COMPILERS:
        if shutil.which(name):
            return name
    raise NotRun(f"there is no {' or '.join(names or COMPILERS)}")


@contextmanager
def reference_board(program: Path, link: Path) -> Iterator["subprocess.Popen[str]"]:
    """The reference as a board; what it does is in `link`.log."""
    with link.with_suffix(".log").open("w") as log:
        command = [str(program), str(link)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.DEVNULL, text=True
        ) as board:
            try:
                end_s = time.monotonic() + 5
                while not link.exists() and time.monotonic() < end_s:
                    time.sleep(0.01)
                yield board
            finally:
                board.kill()


def applied(link: Path) -> list[tuple[int, int, bool, int]]:
    """Each change of an output: nanoseconds, channel, on, level."""
    lines = [line.split() for line in link.with_suffix(".log").read_text().splitlines()]
    return [
        (int(ns), int(channel), on == "1", int(level)) for _, ns, channel, on, level, _ in lines
    ]


def answer_of(link: BoardLink) -> Done:
    end_s = time.monotonic() + LOST_S
    while time.monotonic() < end_s:
        sample = link.read()
        if isinstance(sample, Done):
            return sample
    raise Broken(f"no answer within {LOST_S:g} s")
