"""R-BOARD-1 and 3: a board answers soon, and does nothing without its unit."""

import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

from firmware_bridge.runtime.orders import SetChannel
from tests.board_line import lined
from tests.board_reference import compiled
from tests.boards import open_link
from tests.torture.board_stand import answer_of, applied, compiler_here, reference_board
from tests.torture.trials import Stage, held, trial

ROUND_TRIP_MS = 20.0
DEAD_MAN_S = 0.5


# --- how soon ----------------------------------------------------------------------------------


@trial("R-BOARD-1", "at 115,200 baud 99 of 100 requests are answered within 20 ms")
def answered_soon(stage: Stage) -> str:
    program = compiled(stage.folder, "board.c", "-O2", cc=compiler_here())
    times = stage.sized(1000, 20_000)
    quick = _round_trips_ms(stage.folder, program, 115_200, times)
    slow = _round_trips_ms(stage.folder, program, 9600, 30)
    held(_p99(slow) > ROUND_TRIP_MS, "the control, a line of 9600 baud, was not seen to be slow")
    held(_p99(quick) <= ROUND_TRIP_MS, f"p99 is {_p99(quick):.1f} ms")
    return (
        f"{times} requests one after the other, reports and heartbeats between: median "
        f"{statistics.median(quick):.1f} ms, p99 {_p99(quick):.1f} ms, longest "
        f"{max(quick):.1f} ms; at 9600 baud p99 {_p99(slow):.0f} ms"
    )


def _round_trips_ms(folder: Path, program: Path, baud: int, times: int) -> list[float]:
    took = []
    host, port = folder / f"host{baud}", folder / f"board{baud}"
    with ExitStack() as stack:
        stack.enter_context(reference_board(program, port))
        stack.enter_context(lined(host, port, "--baud", str(baud)))
        link = stack.enter_context(closing(open_link(host)))
        for number in range(times):
            began_s = time.monotonic()
            link.ask(number, SetChannel(channel="beacon", level=number % 2))
            held(answer_of(link).ok, "it refused")
            took.append(1000 * (time.monotonic() - began_s))
    return took


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[round(0.99 * (len(values) - 1))]


# --- not without its unit ------------------------------------------------------------------------

HOST = """
import os, signal, sys
from tests.boards import asked, open_link
from firmware_bridge.runtime.orders import SetChannel
for line in sys.stdin:  # one life for each line: a child, so that the imports are done once
    if os.fork():
        os.wait()
        print("gone", flush=True)
        continue
    link = open_link(sys.argv[1])
    for channel in ("siren", "searchlight"):
        while not asked(link, SetChannel(channel=channel, level=1)).ok:
            pass  # the board still holds the event of the host before
    print(os.getpid(), flush=True)
    while True:
        link.read()
"""


@trial("R-BOARD-3", "half a second after its unit was killed a board is dark and silent")
def dead_man(stage: Stage) -> str:
    program = compiled(stage.folder, "board.c", "-O2", cc=compiler_here())
    each, boards = stage.sized(10, 100), 5
    with ThreadPoolExecutor(boards) as pool:
        runs = list(
            pool.map(lambda n: _killed(stage.folder / str(n), program, each), range(boards))
        )
    took_s = [one for run in runs for one in run]
    held(max(took_s) <= DEAD_MAN_S, f"off only {max(took_s):.3f} s after the kill")
    held(min(took_s) > 0.2, "off before it was to be: something else turned it off")
    return (
        f"{len(took_s)} SIGKILLs of the host, siren and searchlight of the C reference: off "
        f"after {statistics.median(took_s):.3f} s, {max(took_s):.3f} s at most; while the host "
        "lived (0.5 to 0.8 s) they stayed on"
    )


def _killed(folder: Path, program: Path, times: int) -> list[float]:
    """Seconds from each kill until the last of both outputs was off."""
    folder.mkdir()
    dice, took_s = random.Random(times), []
    port = folder / "board"
    with (
        reference_board(program, port),
        subprocess.Popen(
            [sys.executable, "-c", HOST, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as host,
    ):
        assert host.stdin is not None
        assert host.stdout is not None
        try:
            for _ in range(times):
                host.stdin.write("live\n")
                host.stdin.flush()
                child = int(host.stdout.readline())
                time.sleep(0.5 + 0.3 * dice.random())
                took_s.append(_kill(child, port))
                held(host.stdout.readline() == "gone\n", "the host did not die")
        finally:
            host.kill()
    return took_s


def _kill(child: int, port: Path) -> float:
    before = {channel: on for _, channel, on, _ in applied(port)}
    held(before[0] and before[2], "the control, a host that lives, lost its outputs")
    killed_ns = time.monotonic_ns()
    os.kill(child, signal.SIGKILL)
    time.sleep(DEAD_MAN_S + 0.2)
    off = {channel: ns for ns, channel, on, _ in applied(port) if ns > killed_ns and not on}
    held({0, 2} <= off.keys(), "0.7 s after the kill they are on")
    return (max(off[0], off[2]) - killed_ns) / 1e9
