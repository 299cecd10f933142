"""`patrol-edge gnss`: recordings played back; the other commands are beside this module."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.body import gnss_configure, gnss_monitor, gnss_simulate
from edge.cli.console import DONE, FAILED, USAGE, CommandError, complain, note, say
from edge.cli.parser import add_command, number_in

if TYPE_CHECKING:
    from drivers.gnss.receiver import NmeaReceiver
    from drivers.samples import GnssEpoch

CHUNK_BYTES = 65_536
# A recording is shown as it is: this refuses only what no unit can do between two epochs.
REPLAY_MAX_SPEED_MPS = 350.0

REPLAY_HELP = """\
Read a log of NMEA 0183 sentences, whatever else is in it, and print one line per epoch with a
fix: all sentences of one instant, fused. The last line, on stderr, counts the sentences by kind
and what was dropped by cause.

--max-speed is for jumps, not a limit on the speed shown: a position is left out (counted as
jump) if it is farther from the last one that was believed than 50 m, for the receiver's own
errors, plus that speed times the time between them. At 1 Hz, a jump of less than 50 m is never
left out. Three such positions in a row that agree with each other are believed: the receiver
really is there.

  patrol-edge gnss replay drive.log
  patrol-edge gnss replay drive.log --json | jq -c '[.lat_deg, .lon_deg]'
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "gnss",
        help="see what a receiver says, play its log, or simulate one",
        description="Look at a satellite receiver or into its recordings, or stand in for one.",
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _register_replay(parts)
    gnss_monitor.register(parts)
    gnss_configure.register(parts)
    gnss_simulate.register(parts)


def _register_replay(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(parts, "replay", "print the positions in a recorded NMEA log", REPLAY_HELP)
    parser.add_argument("log", type=Path, metavar="LOG", help="the recording, any bytes")
    parser.add_argument("--json", action="store_true", help="one JSON object per epoch")
    parser.add_argument("--all", action="store_true", help="epochs without a fix, too")
    parser.add_argument(
        "--max-speed",
        type=number_in(0.1, 10_000),
        default=REPLAY_MAX_SPEED_MPS,
        metavar="M/S",
        help="leave out jumps that need more than this; see above (default: %(default)g m/s)",
    )
    parser.set_defaults(handler=replay_log)


# --- replay ----------------------------------------------------------------------------------


def replay_log(args: argparse.Namespace) -> int:
    from drivers.gnss.receiver import NmeaReceiver

    receiver = NmeaReceiver(max_speed_mps=args.max_speed, live=False)
    write = _write_json if args.json else _write_row
    for epoch in _epochs(args.log, receiver):
        if epoch.has_fix or args.all:
            write(epoch)
    sys.stdout.flush()  # results before the summary, where both go to one place
    if not receiver.sentences:
        complain(
            CommandError(
                f"no NMEA sentence with a right checksum in {args.log}",
                "is it a GNSS log, and was it recorded at the receiver's baud rate?",
            )
        )
    note(_summary(receiver))
    return DONE if receiver.sentences else FAILED


def _epochs(path: Path, receiver: "NmeaReceiver") -> "Iterator[GnssEpoch]":
    if path.is_char_device() or path.is_block_device():  # /dev/zero never ends
        raise CommandError(f"{path} is a device, not a recording", "give a log file", USAGE)
    try:
        with path.open("rb") as log:
            while data := log.read(CHUNK_BYTES):
                yield from (timed.epoch for timed in receiver.feed(data, 0.0))
    except OSError as error:
        raise _no_log(path, error) from error
    yield from (timed.epoch for timed in receiver.finish())


def _no_log(path: Path, error: OSError) -> CommandError:
    if isinstance(error, PermissionError):
        return CommandError(f"{path} may not be read by this user", f"look at: ls -l {path}")
    wrong = isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError)
    cure = "give the path of a recorded log file" if wrong else "copy it again"
    return CommandError(f"cannot read {path}: {error.strerror}", cure, USAGE if wrong else FAILED)


def _write_json(epoch: "GnssEpoch") -> None:
    values = {
        "utc": epoch.utc and epoch.utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
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
    say(json.dumps(values))


def _write_row(epoch: "GnssEpoch") -> None:
    when = epoch.utc.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if epoch.utc else "(no date yet)"
    row = [
        f"{when:23} {epoch.fix.value:9}",
        _cell(epoch.lat_deg, "12.7f", "°"),
        _cell(epoch.lon_deg, "12.7f", "°"),
        _cell(epoch.alt_msl_m, "8.1f", " m"),
        _cell(epoch.speed_mps, "6.2f", " m/s"),
        _cell(epoch.course_deg, "6.1f", "°"),
        _cell(epoch.satellites_used, "3d", " sats"),
        "hdop " + _cell(epoch.hdop, "5.2f", ""),
        "+".join(epoch.talkers),
    ]
    say("  ".join(row))


def _cell(value: float | None, form: str, unit: str) -> str:
    """The value, or as many blanks with a dash."""
    width = int(form.partition(".")[0].rstrip("d"))
    return (f"{'-':>{width}}" if value is None else format(value, form)) + unit


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _summary(receiver: "NmeaReceiver") -> str:
    counts = receiver.counters()
    told = [f"{kind} {count}" for kind, count in receiver.kinds.most_common()]
    kinds = ": " + " ".join(told) if told else ""
    fixes = f"{counts.get('fixes', 0)} fixes in {counts.get('epochs', 0)} epochs"
    return f"{fixes}; {receiver.sentences} sentences{kinds}{_dropped(receiver)}"


def _dropped(receiver: "NmeaReceiver") -> str:
    causes = {
        cause: count
        for cause, count in sorted(receiver.counters().items())
        if cause not in ("sentences", "epochs", "fixes")
    }
    if not causes:
        return "; nothing dropped"
    return "; dropped: " + " ".join(f"{cause} {count}" for cause, count in causes.items())
