"""R-FLASH-1: a flash that is cut off anywhere leaves a board that starts, and can be flashed."""

import multiprocessing
import os
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from drivers.base import DriverError
from edge.cli.main import main
from firmware_bridge.management.board import active
from firmware_bridge.management.mcuboot import read_image
from firmware_bridge.simulated.flash import SECTOR_BYTES, PowerLostError
from firmware_bridge.simulated.images import body, image
from firmware_bridge.simulated.slots import Slots
from tests.torture.flash_host import flash, flashing
from tests.torture.trials import Stage, held, trial

SLOT_BYTES = 8 * SECTOR_BYTES
BODY_BYTES = 20_000
LINE_BYTES = 30_000  # of a whole flash, both ways
PAGES = 1000  # that a whole flash writes: erase, image, swap
BAUD = 921_600
CONTROLS = 20
WHOLE_S = 0.7  # what a whole flash takes here, about
FORKED = multiprocessing.get_context("fork")


@trial("R-FLASH-1", "a flash cut off anywhere leaves the old or the new image, and works again")
def interrupted(stage: Stage) -> str:
    count = stage.sized(200, 2000)
    dice = random.Random(20)
    with closing(Bench(stage.folder)) as bench:
        ways: list[tuple[str, Way]] = [
            ("cable pulled", pull_cable),
            ("power lost in a write", lose_power),
            ("board killed", kill_board),
            ("host killed", kill_host),
        ]
        ended, cut = Counter[str](), Counter[str]()
        for number in range(1, count + 1):
            name, way = dice.choices(ways, (70, 70, 30, 30))[0]
            new = image(f"1.0.{number}", body(BODY_BYTES + dice.randrange(4000), seed=number))
            old = bench.runs()
            cut[name] += way(bench, new, dice)
            ended[bench.survived(name, number, old, new)] += 1
            bench.finish(number, new)
    broken = controls(stage.folder, dice)
    held(broken > 0, "the control, an image written over the only slot, survives all cuts")
    cuts = ", ".join(f"{name} {n}" for name, n in cut.items())
    return (
        f"{count} flashes cut off ({cuts}): {ended['old']} boards ended on the old image, "
        f"{ended['new']} on the new one, all start, all {count} could be flashed again; of "
        f"{CONTROLS} that write over their only slot, {broken} start nothing any more"
    )


class Bench:
    """One simulated board as a program, with its flash in a folder."""

    def __init__(self, folder: Path) -> None:
        self.port, self.control = folder / "board", folder / "control"
        self._flash = folder / "flash"
        self.start()

    def start(self) -> None:
        self._process = FORKED.Process(target=self._be_a_board)
        self._process.start()
        ends_s = time.monotonic() + 10
        while not self._answers():
            held(time.monotonic() < ends_s, "the board did not start")
            time.sleep(0.01)

    def _be_a_board(self) -> None:
        command = ["simulate", "board", "--link", str(self.port), "--control", str(self.control)]
        command += ["--baud", str(BAUD), "--flash", str(self._flash), "--slot", str(SLOT_BYTES)]
        with Path(os.devnull).open() as sys.stdin, Path(os.devnull).open("w") as sys.stderr:
            main(command)

    def _answers(self) -> bool:
        with suppress(OSError):
            self.order("burn never")
            return True
        return False

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        self.kill()

    def order(self, text: str) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self.control))
            connection.sendall(text.encode() + b"\n")
            answer = connection.makefile().readline()
        held(answer.startswith("ok"), f"{text}: {answer}")

    def runs(self) -> str:
        """The version that runs."""
        with closing(flashing(str(self.port))) as job:
            return active(job.images()).version

    def survived(self, name: str, number: int, old: str, new: bytes) -> str:
        """Old or new, now and after another start. Raises Broken."""
        wanted = {old: "old", read_image(new).version: "new"}
        found = self.runs()
        held(found in wanted, f"{name}, flash {number}: the board runs {found}")
        self.order("reset")
        time.sleep(0.1)
        again = self.runs()
        held(again in wanted, f"{name}, flash {number}: after a reset the board runs {again}")
        return wanted[again]

    def finish(self, number: int, new: bytes) -> None:
        """The following flash succeeds."""
        done = flash(str(self.port), new)
        held(done.end in ("confirmed", "unchanged"), f"flash {number} again: {done.end}")
        wanted = read_image(new).version
        held(self.runs() == wanted, f"flash {number} again: not on {wanted}")


Way = Callable[[Bench, bytes, random.Random], bool]  # true if the flash was cut off


def pull_cable(bench: Bench, new: bytes, dice: random.Random) -> bool:
    bench.order(f"unplug {dice.randrange(LINE_BYTES)}")
    cut = _cut_off(bench, new)
    bench.order("plug")
    return cut


def lose_power(bench: Bench, new: bytes, dice: random.Random) -> bool:
    """The page that is being written is torn; the board starts anew at once."""
    bench.order(f"burn {dice.randrange(PAGES)}")
    _cut_off(bench, new)
    bench.order("burn never")
    return True


def kill_board(bench: Bench, new: bytes, dice: random.Random) -> bool:
    """Without power wherever it is, also between two writes; then it has power again."""
    host = FORKED.Process(target=_cut_off, args=(bench, new))
    host.start()
    time.sleep(dice.uniform(0, WHOLE_S))
    alive = host.is_alive()
    bench.kill()
    host.kill()
    host.join()
    bench.start()
    time.sleep(0.1)
    return alive


def kill_host(bench: Bench, new: bytes, dice: random.Random) -> bool:
    host = FORKED.Process(target=_cut_off, args=(bench, new))
    host.start()
    time.sleep(dice.uniform(0, WHOLE_S))
    alive = host.is_alive()
    host.kill()
    host.join()
    return alive


def _cut_off(bench: Bench, new: bytes) -> bool:
    with suppress(DriverError):
        flash(str(bench.port), new)
        return False
    return True


def controls(folder: Path, dice: random.Random) -> int:
    """How many boards that write over their only slot start nothing after such a cut."""
    broken = 0
    for number in range(CONTROLS):
        slots = Slots(folder / f"control-{number}.bin", SLOT_BYTES)
        slots.deliver(image("1.0.0", body(BODY_BYTES, seed=0)))
        slots.flash.fuse = dice.randrange(200)
        with suppress(PowerLostError):
            slots.deliver(image("2.0.0", body(BODY_BYTES, seed=1)))
        slots.flash.fuse = None
        broken += slots.image(0) is None
    return broken
