"""A host that flashes one image in a hurry, and may be killed meanwhile."""

import time
from contextlib import closing

from firmware_bridge.management.board import Board
from firmware_bridge.management.flashing import Flashed, Flashing
from firmware_bridge.management.mcuboot import read_image
from firmware_bridge.management.smp import SmpLine
from firmware_bridge.runtime.port import open_port

HASTE = 10.0  # waits are so much shorter than a technician's


class Unwatched:
    def step(self, text: str) -> None:
        pass

    def sent(self, done_bytes: int, size_bytes: int) -> None:
        pass


def flashing(port: str, plug_within_s: float = 0.0) -> Flashing:
    return Flashing(
        lambda: Board(SmpLine(open_port(port, 921_600))),
        Unwatched(),
        pause=lambda seconds: time.sleep(seconds / HASTE),
        plug_within_s=plug_within_s,
        settle_s=0.05,
    )


def flash(port: str, data: bytes) -> Flashed:
    with closing(flashing(port)) as job:
        return job.flash(data, read_image(data))
