"""`patrol-edge gnss`: GNSS recordings played back, and a receiver to test against."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, FAILED, USAGE, CommandError, complain, note, say

if TYPE_CHECKING:
    from drivers.gnss_outlets import Outlet
    from drivers.gnss_receiver import NmeaReceiver
    from drivers.gnss_simulator import GnssSimulator
    from drivers.samples import GnssEpoch

CHUNK_BYTES = 65_536
# A recording is shown as it is: this refuses only what no unit can do between two epochs.
REPLAY_MAX_SPEED_MPS = 350.0

REPLAY_HELP = """\
Read a log of NMEA 0183 sentences, whatever else is in it, and print one line per epoch with a
fix: all sentences of one instant, fused. The last line, on stderr, counts the sentences by kind
and what was dropped by cause.

  patrol-edge gnss replay drive.log
  patrol-edge gnss replay drive.log --json | jq -c '[.lat_deg, .lon_deg]'
"""
SIMULATE_HELP = """\
Send what a GNSS receiver would send on a patrol: by default into a pseudo-terminal, which a
reader opens like a serial port. Ends with Ctrl-C, or after --duration.

  patrol-edge gnss simulate --link /tmp/gnss
  patrol-edge gnss simulate --route beat.yaml --rate 10 --outage 60:20 --garbage 0.05
  patrol-edge gnss simulate --stdout --fast --duration 600 > drive.log

A route file is YAML (crs: wgs84, waypoints: a list of lat_deg and lon_deg, and, if you like,
loop: true and speed_mps:) or GeoJSON with a LineString.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "gnss",
        help="play a GNSS log, or simulate a receiver",
        description="Look into the recordings of a satellite receiver, or stand in for one.",
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _register_replay(parts)
    _register_simulate(parts)


def _register_replay(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = parts.add_parser(
        "replay",
        help="print the positions in a recorded NMEA log",
        description=REPLAY_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("log", type=Path, metavar="LOG", help="the recording, any bytes")
    parser.add_argument("--json", action="store_true", help="one JSON object per epoch")
    parser.add_argument("--all", action="store_true", help="epochs without a fix, too")
    parser.add_argument(
        "--max-speed",
        type=_number_in(0.1, 10_000),
        default=REPLAY_MAX_SPEED_MPS,
        metavar="M/S",
        help="refuse a position that needs more than this (default: %(default)g m/s)",
    )
    parser.set_defaults(handler=replay_log)


def _register_simulate(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = parts.add_parser(
        "simulate",
        help="be a receiver that follows a route",
        description=SIMULATE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--link", type=Path, metavar="PATH", help="name the pseudo-terminal so")
    where.add_argument("--stdout", action="store_true", help="write to stdout instead")
    where.add_argument("--tcp", type=_port, metavar="PORT", help="serve on this port of localhost")
    add = parser.add_argument
    add("--route", default="demo", metavar="FILE", help="route file, or demo (the default)")
    add("--loop", action="store_true", help="go around for ever, whatever the route file says")
    add("--speed", type=_number_in(0, 100), metavar="M/S", help="default: the route's own, or 5")
    add("--rate", type=_number_in(0.1, 20), default=1.0, metavar="HZ", help="default: 1")
    add("--error", type=_number_in(0, 1000), default=1.5, metavar="M", help="1 sigma; default: 1.5")
    add(
        "--outage",
        type=_outage,
        action="append",
        default=[],
        metavar="FROM:FOR",
        help="no fix from so many seconds after the start, for so many; may be repeated",
    )
    add("--garbage", type=_number_in(0, 1), default=0.0, metavar="SHARE", help="of bursts, damaged")
    add("--seed", type=int, default=1, metavar="N", help="another one, other errors; default: 1")
    add("--duration", type=_number_in(0, 1e9), metavar="S", help="end after so many seconds")
    add("--fast", action="store_true", help="with --stdout and --duration: do not wait")
    parser.set_defaults(handler=simulate)


def _number_in(low: float, high: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)  # argparse tells a ValueError as a wrong value
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not within {low:g}..{high:g}")
        return value

    return number


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not a port, 0..65535")
    return port


def _outage(text: str) -> tuple[float, float]:
    begin, colon, length = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text} is not FROM:FOR in seconds, such as 60:20")
    return float(begin), float(length)


# --- replay ----------------------------------------------------------------------------------


def replay_log(args: argparse.Namespace) -> int:
    from drivers.gnss_receiver import NmeaReceiver

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
    try:
        with path.open("rb") as log:
            while data := log.read(CHUNK_BYTES):
                yield from (timed.epoch for timed in receiver.feed(data, 0.0))
    except OSError as error:
        raise CommandError(
            f"cannot read {path}: {error.strerror}", "give the path of a recorded log file", USAGE
        ) from error
    yield from (timed.epoch for timed in receiver.finish())


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


# --- simulate --------------------------------------------------------------------------------


def simulate(args: argparse.Namespace) -> int:
    from drivers.base import DeviceUnavailableError

    if args.fast and not (args.stdout and args.duration is not None):
        raise CommandError("--fast alone never ends", "add --stdout and --duration S", USAGE)
    simulator = _simulator(args)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the link is taken away
    try:
        outlet = _outlet(args)
    except DeviceUnavailableError as error:
        raise CommandError(str(error), exit_code=FAILED) from error
    note(f"a receiver at {args.rate:g} Hz: {outlet.name}")
    try:
        _send(simulator, outlet, args)
    except KeyboardInterrupt:
        note(f"stopped after {simulator.elapsed_s:g} s")
    finally:
        outlet.close()
    return DONE


def _simulator(args: argparse.Namespace) -> "GnssSimulator":
    from drivers.clock import SystemClock
    from drivers.gnss_route import DEMO_PLACES, Route, RouteError, read_route
    from drivers.gnss_simulator import GnssSimulator, SimulatorPlan

    route, speed_mps = Route(DEMO_PLACES, loop=True), None
    if args.route != "demo":
        try:
            file = read_route(Path(args.route))
        except RouteError as error:
            raise CommandError(str(error), "see patrol-edge gnss simulate --help", USAGE) from error
        route, speed_mps = file.route(loop=args.loop or file.loop), file.speed_mps
    if args.speed is not None:
        speed_mps = args.speed
    plan = SimulatorPlan(
        route=route,
        speed_mps=5.0 if speed_mps is None else speed_mps,
        rate_hz=args.rate,
        error_m=args.error,
        outages=tuple(args.outage),
        garbage=args.garbage,
        seed=args.seed,
    )
    return GnssSimulator(plan, SystemClock().utc())


def _outlet(args: argparse.Namespace) -> "Outlet":
    from drivers.gnss_outlets import PtyOutlet, TcpOutlet

    if args.stdout:
        return StandardOutput()
    return PtyOutlet(args.link) if args.tcp is None else TcpOutlet(args.tcp)


class StandardOutput:
    """The bytes to wherever this command's output goes."""

    name = "stdout"

    def write(self, data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def close(self) -> None:
        pass


def _send(simulator: "GnssSimulator", outlet: "Outlet", args: argparse.Namespace) -> None:
    from drivers.gnss_simulator import paced

    end_s = float("inf") if args.duration is None else args.duration

    def wait(seconds: float) -> bool:
        if simulator.elapsed_s >= end_s:
            return True
        if not args.fast:
            time.sleep(seconds)
        return False

    for burst in paced(simulator, time.monotonic, wait):
        outlet.write(burst)
