"""What the link to a board costs, and how soon a board answers at 115,200 baud."""

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from drivers.samples import Done
from firmware_bridge.runtime import cobs
from firmware_bridge.runtime.frames import Frame, encode
from firmware_bridge.runtime.link import BoardLink
from firmware_bridge.runtime.orders import SetChannel
from firmware_bridge.runtime.reports import Report
from firmware_bridge.runtime.splitter import Splitter
from tests.bench.figures import Figure
from tests.board_line import lined
from tests.board_vectors import REPORT
from tests.boards import open_link, simulated

BAUD = 115_200
ROUND_TRIPS = 500
LISTEN_S = 10.0


def measure() -> Iterator[Figure]:
    yield from _codec()
    yield from _on_the_line()


def _codec() -> Iterator[Figure]:
    line = encode(Frame(Report.TYPE, 1, REPORT.pack()))
    bare = line[1:-1]
    ours_us = _each_us(lambda: Splitter().feed(line))
    cobs_us = _each_us(lambda: cobs.decode(bare))
    naive_us = _each_us(lambda: _byte_by_byte(bare))
    yield Figure(
        name=f"board link, a report of {len(line)} bytes: split, checked",
        value=ours_us,
        unit="us",
        limit=100.0,
        peer=f"COBS alone {cobs_us:.1f} us; byte by byte {naive_us:.1f} us",
    )


def _each_us(work: Callable[[], object]) -> float:
    times = 2000
    began_s = time.perf_counter()
    for _ in range(times):
        work()
    return 1e6 * (time.perf_counter() - began_s) / times


def _byte_by_byte(stuffed: bytes) -> bytes:
    """COBS as it is mostly written: the loop that ours has not."""
    out, left = bytearray(), 0
    code = 0xFF
    for byte in stuffed:
        if left == 0:
            if code < 0xFF:
                out.append(0)
            code, left = byte, byte - 1
        else:
            out.append(byte)
            left -= 1
    return bytes(out)


def _on_the_line() -> Iterator[Figure]:
    folder = Path(tempfile.mkdtemp(prefix="board-"))
    try:
        with ExitStack() as stack:
            port, _ = stack.enter_context(simulated(folder))
            host = stack.enter_context(lined(folder / "host", port, "--baud", str(BAUD)))
            link = stack.enter_context(closing(open_link(host)))
            trips_ms = sorted(_round_trip_ms(link, number) for number in range(ROUND_TRIPS))
            share = _idle_share(link)
    finally:
        shutil.rmtree(folder)
    yield Figure(
        name="board link, round trip at 115,200 baud, p99",
        value=trips_ms[round(0.99 * (ROUND_TRIPS - 1))],
        unit="ms",
        limit=20.0,
        peer=f"median {statistics.median(trips_ms):.1f} ms; bare bytes on the line 3.4 ms",
    )
    yield Figure(
        name="board link, one board: heartbeats and reports",
        value=100 * share,
        unit="% core",
        limit=1.0,
        peer="10 heartbeats and 5 reports a second",
    )


def _round_trip_ms(link: BoardLink, number: int) -> float:
    began_s = time.monotonic()
    link.ask(number, SetChannel(channel="beacon", level=number % 2))
    while not isinstance(link.read(), Done):
        pass
    return 1000 * (time.monotonic() - began_s)


def _idle_share(link: BoardLink) -> float:
    cpu_s, began_s = time.process_time(), time.monotonic()
    while time.monotonic() - began_s < LISTEN_S:
        link.read()
    return (time.process_time() - cpu_s) / (time.monotonic() - began_s)
