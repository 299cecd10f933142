"""The unit's own end of a line: what stands on stdin and stdout, be it a terminal or a pipe."""

import contextlib
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator

from config.language import tell
from edge.flashing.lines.sending import LineLostError


class OwnLine:
    """The unit's end: what stands on stdin and stdout, be it a terminal or a pipe."""

    def read(self, wait_s: float) -> bytes:
        ready, _, _ = select.select([0], [], [], wait_s)
        if not ready:
            return b""
        try:
            data = os.read(0, 65536)
        except OSError as error:
            raise LineLostError(tell("the line has gone"), "") from error
        if not data:
            raise LineLostError(tell("the line has gone"), "")
        return data

    def write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(1, data) :]
        except OSError as error:
            raise LineLostError(tell("the line has gone"), "") from error


@contextlib.contextmanager
def raw_terminal() -> Iterator[None]:
    """No echo, no line editing, no signals by control characters, while a file comes in."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
