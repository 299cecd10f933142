"""`patrol-edge simulate DEVICE` as a process of its own, and what it is told meanwhile."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def simulator(device: str, *options: str, control: Path) -> Iterator[str]:
    """The first line that it says: where it is to be found."""
    command = [sys.executable, "-m", "edge.cli.main", "simulate", device]
    with subprocess.Popen(
        [*command, "--control", str(control), *options],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            yield process.stderr.readline()
        finally:
            end(process)


def end(process: "subprocess.Popen[Any]") -> None:
    """Told to end, it takes its link with it: a link that stays leads to the next one's terminal.

    It is gone in any case.
    """
    try:
        process.terminate()
        process.wait(20)
    finally:
        process.kill()


def order(control: Path, text: str) -> str:
    """What the device answers to one line on its control socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(control))
        connection.sendall(text.encode() + b"\n")
        return connection.makefile().readline().rstrip("\n")
