"""How fast an image gets to a board at 115,200 baud, against what the line allows.

The limit is the line's 11,520 bytes a second (8N1: ten bits each), times 3/4 for base64, times
124/127 for what stands around each line (two bytes in front, a line feed): 8436 bytes of messages a
second. What is in the messages beside the image (header, CBOR, checksum), and the wait for the
board's answer to each, is what a client can do well or badly. The peer, in the same run, is
smpclient's own client and transport on the same line to the same board.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from smpclient import SMPClient
from smpclient.transport.serial import SMPSerialTransport

from firmware_bridge.management.board import Board
from firmware_bridge.management.smp import SmpLine
from firmware_bridge.management.upload import upload
from firmware_bridge.runtime.port import open_port
from firmware_bridge.simulated.images import body, image
from tests.bench.figures import Figure
from tests.parts.test_simulated_board import simulated

BAUD = 115_200
LIMIT_BPS = BAUD / 10 * 3 / 4 * 124 / 127
IMAGE_BYTES = 60_000
RUNS = 3
WANTED_PERCENT = 80
BUFFERS = {2048: WANTED_PERCENT, 384: None}  # the second is Zephyr's default, and small


def measure() -> Iterator[Figure]:
    for buffer_bytes, wanted in BUFFERS.items():
        ours, theirs = [], []
        for number in range(RUNS):
            with tempfile.TemporaryDirectory() as folder:
                data = image("1.1.0", body(IMAGE_BYTES, seed=number))
                options = ("--baud", str(BAUD), "--buffer", str(buffer_bytes))
                with simulated(Path(folder), *options) as (link, _control):
                    ours.append(_ours(str(link), data))
                    other = image("1.2.0", body(IMAGE_BYTES, seed=number + 100))
                    theirs.append(asyncio.run(_smpclient(str(link), other)))
        yield Figure(
            name=f"image at 115,200 baud, {buffer_bytes} bytes at once",
            value=100 * statistics.median(ours) / LIMIT_BPS,
            unit="%",
            limit=wanted,
            sense=">=",
            peer=f"of {LIMIT_BPS:.0f} B/s; smpclient "
            f"{100 * statistics.median(theirs) / LIMIT_BPS:.0f} %",
        )


def _ours(port: str, data: bytes) -> float:
    """Bytes of the image a second."""
    with closing(Board(SmpLine(open_port(port, BAUD)))) as board:
        board.parameters()
        begun_s = time.monotonic()
        upload(board, data, lambda _done, _all: None, time.monotonic)
        return len(data) / (time.monotonic() - begun_s)


async def _smpclient(port: str, data: bytes) -> float:
    async with SMPClient(SMPSerialTransport(baudrate=BAUD), port) as client:
        begun_s = time.monotonic()
        async for _offset in client.upload(data):
            pass
        return len(data) / (time.monotonic() - begun_s)
