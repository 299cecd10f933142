"""`patrol-edge flash --receive`: the unit's end of a line, started by whoever flashes over it."""

import argparse
import subprocess
import sys
from importlib.metadata import version as installed
from pathlib import Path

from edge.cli.console import DONE, FAILED
from edge.flashing.own_line import OwnLine, raw_terminal
from edge.flashing.receiving import NotTakenError, Offered, Receiver, json_lines
from edge.flashing.sending import LineLostError

SPOOL = "spool"  # below the slots' folder


def receive(args: argparse.Namespace) -> int:
    """Take a bundle from stdin, flash it, and tell the other end. Raises ConfigError."""
    from config.loading import load
    from config.slots import slots_folder
    from drivers.clock import SystemClock

    folder = slots_folder(load(args.config).settings.state_dir) / SPOOL
    with raw_terminal():
        receiver = Receiver(OwnLine(), folder, SystemClock(), installed("patrol-edge"))
        try:
            path, offered = receiver.receive()
        except (LineLostError, NotTakenError):
            return FAILED
        try:
            return _flashed(receiver, path, offered, args.config)
        finally:
            path.unlink(missing_ok=True)


def _flashed(receiver: Receiver, path: Path, offered: Offered, config: Path) -> int:
    """In a process of its own, whose lines go to the other end."""
    force = ["--force"] if offered.force else []
    with subprocess.Popen(  # noqa: S603 - our own program, and no shell
        [
            *(sys.executable, "-m", "edge.cli.start", "flash", str(path), "--json"),
            *("--config", str(config), "--wait", str(offered.wait_s), *force),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        last: dict[str, object] = {}
        for line in process.stdout or ():
            last = json_lines(line.rstrip())
            try:
                receiver.step(last)
            except LineLostError:
                continue  # the flash goes on; nobody hears of it here
    receiver.end({"ok": process.returncode == DONE, "exit_code": process.returncode})
    return process.returncode
