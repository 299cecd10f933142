"""R-BOARD-2 and 4: a bad line, and any bytes: a board does each command once, and no other."""

import random
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

from drivers.base import DeviceLostError, DeviceUnavailableError
from firmware_bridge.runtime import cobs
from firmware_bridge.runtime.link import BoardLink
from firmware_bridge.runtime.orders import SetChannel
from firmware_bridge.simulated.line import Line, Noise
from tests.board_line import lined
from tests.board_reference import SANITIZED, compiled
from tests.boards import open_link
from tests.torture.board_stand import answer_of, applied, compiler_here, reference_board
from tests.torture.trials import Broken, Stage, held, trial

NOISE = ("--flip", "0.005", "--drop", "0.005")  # 1 % of bytes, each way


# --- once, and nothing else ----------------------------------------------------------------------


@trial("R-BOARD-2", "with 1 % of all bytes damaged each command is done once, and no other")
def done_once(stage: Stage) -> str:
    program = compiled(stage.folder, "board.c", "-O2", cc=compiler_here())
    each, boards = stage.sized(1250, 12_500), 8
    wrong, twice = _naive(3000)
    held(wrong > 0, "the control, a board without CRC, was not seen to do wrong")
    held(twice > 0, "the control, a board without sequence, was not seen to do it twice")
    with ThreadPoolExecutor(boards) as pool:
        runs = list(
            pool.map(lambda n: _noisy(stage.folder / str(n), program, each, n), range(boards))
        )
    asked, acked, resent, lost = (sum(run[part] for run in runs) for part in range(4))
    return (
        f"{asked:,} commands, {acked:,} acknowledged, each done once and in order, 0 others; "
        f"{resent:,} sent again, {lost} sessions lost; without CRC {wrong} wrong ones of 3000, "
        f"without sequence {twice} done twice"
    )


def _noisy(folder: Path, program: Path, commands: int, seed: int) -> tuple[int, int, int, int]:
    """Asked, acknowledged, sent again, sessions lost."""
    folder.mkdir()
    acked: set[int] = set()
    numbers, resent, lost = count(), 0, 0
    with ExitStack() as stack:
        stack.enter_context(reference_board(program, folder / "board"))
        options = (*NOISE, "--baud", "921600", "--seed", str(seed))
        stack.enter_context(lined(folder / "host", folder / "board", *options))
        while len(acked) < commands:
            try:
                with closing(open_link(folder / "host")) as link:
                    resent += _until_lost(link, numbers, acked, commands)
            except (DeviceLostError, DeviceUnavailableError):
                lost += 1
                held(lost < commands // 100, "the line is lost again and again")
        time.sleep(0.1)
    asked = next(numbers)
    _compare(applied(folder / "board"), acked, asked)
    return asked, len(acked), resent, lost


def _until_lost(link: BoardLink, numbers: "count[int]", acked: set[int], commands: int) -> int:
    """Keep some requests on their way. Returns how many were sent again."""
    waiting = 0
    while len(acked) < commands:
        while waiting < 8:
            number = next(numbers)
            link.ask(number, SetChannel(channel="beacon", level=_level(number) / 1000))
            waiting += 1
        done = answer_of(link)
        held(done.ok, f"refused: {done.text}")
        held(done.token not in acked, "acknowledged twice")
        acked.add(done.token)
        waiting -= 1
    return link.figures().resent


def _level(number: int) -> int:
    """What tells a command from the thousand around it."""
    return 1 + number * 7 % 1000


def _compare(applied: list[tuple[int, int, bool, int]], acked: set[int], asked: int) -> None:
    """What the board did against what it was asked: in order, each at most once, all acked ones."""
    done = [level for _, channel, on, level in applied if channel == 1 and on]
    others = [each for each in applied if each[2] and each[1] != 1]
    held(not others, f"done, and never asked for: {others[:3]}")
    number, found = 0, set()
    for level in done:
        while number < asked and _level(number) != level:
            held(number not in acked, f"command {number} was acknowledged and never done")
            number += 1
        held(number < asked, f"done, and never asked for, or twice: level {level}")
        found.add(number)
        number += 1
    held(acked <= found, "acknowledged and never done")


def _naive(commands: int) -> tuple[int, int]:
    """A board that believes what decodes, and does again what comes again: wrong, and twice."""
    dice = random.Random(1)
    noise = Noise(flipped=0.005, dropped=0.005)
    there, back = Line(noise=noise, seed=5), Line(noise=noise, seed=6)
    wrong = twice = 0
    for _ in range(commands):
        said, times = dice.randbytes(12), 0
        for _ in range(50):
            there.put(cobs.encode(said), 0.0)
            try:
                heard = cobs.decode(there.take(0.0))
            except cobs.CobsError:
                continue
            if len(heard) != len(said):
                continue
            wrong += heard != said
            times += 1
            back.put(b"ok", 0.0)
            if back.take(0.0) == b"ok":
                break
        twice += times > 1
    return wrong, twice


# --- any bytes -----------------------------------------------------------------------------------


@trial("R-BOARD-4", "no bytes break the reference firmware")
def fuzzed(stage: Stage) -> str:
    runs, seconds = stage.sized(1_000_000, 20_000_000), stage.sized(45, 3600)
    fuzzer = _fuzzer(stage.folder)
    if fuzzer is None:
        program = compiled(stage.folder, "fuzz.c", "-DALONE", *SANITIZED, cc=compiler_here())
        runs = stage.sized(50_000, 5_000_000)
        command = [str(program), str(runs)]
    else:
        command = [str(fuzzer), f"-runs={runs}", f"-max_total_time={seconds}", "-max_len=300"]
    result = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, cwd=stage.folder
    )
    if result.returncode:
        raise Broken(result.stderr[-600:])
    told = (result.stdout + result.stderr).strip().splitlines()[-1]
    by = "libFuzzer" if fuzzer else "random bytes: there is no clang with libFuzzer"
    return f"{by}, address and undefined-behaviour sanitizers: {told}; 0 findings"


def _fuzzer(folder: Path) -> Path | None:
    if shutil.which("clang") is None:
        return None
    options = ("-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
    try:
        return compiled(folder, "fuzz.c", *options, cc="clang")
    except AssertionError:
        return None  # clang without its run-time libraries
