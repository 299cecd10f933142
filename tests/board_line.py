"""A serial line between a host and a board, in a process of its own: as slow and as noisy as real.

python -m tests.board_line HOST_LINK BOARD_PORT [--baud N] [--flip SHARE] [--drop SHARE] [--seed N]
"""

import argparse
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.gnss.outlets import PtyOutlet
from drivers.stream import SerialStream
from firmware_bridge.simulated.line import Line, Noise

IDLE_S = 0.2
OPEN_S = 5.0


@contextmanager
def lined(host: Path, board: Path, *options: str) -> Iterator[Path]:
    """The line; `host` is where its end for the host is."""
    command = [sys.executable, "-m", "tests.board_line", str(host), str(board), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            yield host
        finally:
            process.kill()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("host", type=Path)
    parser.add_argument("board")
    parser.add_argument("--baud", type=int)
    parser.add_argument("--flip", type=float, default=0.0)
    parser.add_argument("--drop", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    noise = Noise(flipped=args.flip, dropped=args.drop)
    outlet, board = PtyOutlet(args.host), opened(args.board)
    print("open", flush=True)  # noqa: T201 - whoever started it waits for that
    with suppress(DeviceLostError, KeyboardInterrupt):
        carry(outlet, board, [Line(args.baud, noise, 2 * args.seed + each) for each in (0, 1)])


def opened(port: str) -> SerialStream:
    """Again for a while: a kernel may be late to see that whoever had this number has gone."""
    end_s = time.monotonic() + OPEN_S
    while True:
        try:
            return SerialStream.open(port, 115_200)
        except DeviceUnavailableError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.1)


def carry(outlet: PtyOutlet, board: SerialStream, lines: list[Line]) -> None:
    """Both ways, for ever. Raises DeviceLostError when the board goes."""
    there, back = lines
    wait_s = 0.0
    while True:
        ready, _, _ = select.select([outlet.fileno(), board.fileno()], [], [], wait_s)
        now_s = time.monotonic()
        there.put(outlet.read(), now_s)
        if board.fileno() in ready:
            back.put(board.read(0), now_s)
        if arrived := there.take(now_s):
            board.send(arrived)
        if arrived := back.take(now_s):
            outlet.write(arrived)
        due = [at_s for line in lines if (at_s := line.next_s()) is not None]
        wait_s = max(0.0, min(due) - now_s) if due else IDLE_S


if __name__ == "__main__":
    main()
