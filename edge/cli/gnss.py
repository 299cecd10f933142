"""`patrol-edge gnss`: GNSS recordings played back, and a receiver to test against."""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say

if TYPE_CHECKING:
    from drivers.gnss_receiver import NmeaReceiver
    from drivers.samples import GnssEpoch

CHUNK_BYTES = 65_536
# A recording is shown as it is: this refuses only what no unit can do between two epochs.
REPLAY_MAX_SPEED_MPS = 350.0
REPLAY_HELP = """\
Reads a log of NMEA 0183 sentences, however much else is in it, and prints one line per epoch
with a fix: all sentences of one instant, fused. The last line, on stderr, counts the sentences
by kind and what was dropped by cause.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("gnss", help="play a GNSS log, or simulate a receiver")
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    replay = parts.add_parser(
        "replay",
        help="print the positions in a recorded NMEA log",
        description=REPLAY_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    replay.add_argument("log", type=Path, metavar="LOG", help="the recording, any bytes")
    replay.add_argument("--json", action="store_true", help="one JSON object per epoch")
    replay.add_argument("--all", action="store_true", help="epochs without a fix, too")
    replay.add_argument(
        "--max-speed-mps",
        type=float,
        default=REPLAY_MAX_SPEED_MPS,
        metavar="V",
        help="refuse a position that needs more than this (default: %(default)g)",
    )
    replay.set_defaults(handler=replay_log)


def replay_log(args: argparse.Namespace) -> int:
    from drivers.gnss_receiver import NmeaReceiver

    receiver = NmeaReceiver(max_speed_mps=args.max_speed_mps, live=False)
    write = _write_json if args.json else _write_row
    for epoch in _epochs(args.log, receiver):
        if epoch.has_fix or args.all:
            write(epoch)
    note(_summary(receiver))
    return DONE if receiver.sentences else FAILED


def _epochs(path: Path, receiver: "NmeaReceiver") -> "Iterator[GnssEpoch]":
    try:
        with path.open("rb") as log:
            while data := log.read(CHUNK_BYTES):
                for timed in receiver.feed(data, 0.0):
                    yield timed.epoch
    except OSError as error:
        raise CommandError(
            f"cannot read {path}: {error.strerror}", "give the path of a recorded log file", USAGE
        ) from error
    for timed in receiver.finish():
        yield timed.epoch


def _write_json(epoch: "GnssEpoch") -> None:
    say(
        json.dumps(
            {
                "utc": epoch.utc and epoch.utc.isoformat(timespec="milliseconds"),
                "lat_deg": _rounded(epoch.lat_deg, 9),
                "lon_deg": _rounded(epoch.lon_deg, 9),
                "alt_msl_m": epoch.alt_msl_m,
                "speed_mps": _rounded(epoch.speed_mps, 3),
                "course_deg": epoch.course_deg,
                "fix": epoch.fix.value,
                "satellites_used": epoch.satellites_used,
                "hdop": epoch.hdop,
                "talkers": epoch.talkers,
            }
        )
    )


def _write_row(epoch: "GnssEpoch") -> None:
    say(str(epoch))


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _summary(receiver: "NmeaReceiver") -> str:
    return f"{dict(receiver.kinds)} {receiver.counters()}"
