"""`patrol-edge gnss simulate`: a receiver to test against."""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, FAILED, USAGE, CommandError, note
from edge.cli.parser import add_command, number_in, tcp_port

if TYPE_CHECKING:
    from drivers.gnss.outlets import Outlet
    from drivers.gnss.simulator import GnssSimulator

SIMULATE_HELP = """\
Send what a GNSS receiver would send on a patrol: by default into a pseudo-terminal, which a
reader opens like a serial port. Ends with Ctrl-C, or after --duration.

  patrol-edge gnss simulate --link /tmp/gnss
  patrol-edge gnss simulate --route beat.yaml --rate 10 --outage 60:20 --garbage 0.05
  patrol-edge gnss simulate --stdout --fast --duration 600 > drive.log
  patrol-edge gnss simulate --link /tmp/gnss --constellations GP,GL,GA,GB --heading --rtk 4
  patrol-edge gnss simulate --link /tmp/gnss --tunnel 60:45 --jamming 180:30 --spoofing 300:60

A route file is YAML (crs: wgs84, waypoints: a list of lat_deg and lon_deg, and, if you like,
loop: true and speed_mps:) or GeoJSON with a LineString.
"""


def register(
    parts: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str = "simulate"
) -> None:
    parser = add_command(parts, name, "be a receiver that follows a route", SIMULATE_HELP)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--link", type=Path, metavar="PATH", help="name the pseudo-terminal so")
    where.add_argument("--stdout", action="store_true", help="write to stdout instead")
    where.add_argument(
        "--tcp", type=tcp_port, metavar="PORT", help="serve on this port of localhost"
    )
    add = parser.add_argument
    add("--route", default="demo", metavar="FILE", help="route file, or demo (the default)")
    add("--loop", action="store_true", help="go around for ever, whatever the route file says")
    add("--speed", type=number_in(0, 100), metavar="M/S", help="default: the route's own, or 5")
    add("--rate", type=number_in(0.1, 20), default=1.0, metavar="HZ", help="default: 1")
    add("--error", type=number_in(0, 1000), default=1.5, metavar="M", help="1 sigma; default: 1.5")
    add(
        "--outage",
        type=_outage,
        action="append",
        default=[],
        metavar="FROM:FOR",
        help="no fix from so many seconds after the start, for so many; may be repeated",
    )
    _add_trouble(add)
    add("--garbage", type=number_in(0, 1), default=0.0, metavar="SHARE", help="of bursts, damaged")
    _add_sky(add)
    add("--seed", type=int, default=1, metavar="N", help="another one, other errors; default: 1")
    add("--duration", type=number_in(0, 1e9), metavar="S", help="end after so many seconds")
    add("--fast", action="store_true", help="with --stdout and --duration: do not wait")
    parser.set_defaults(handler=simulate)


def _add_sky(add: Callable[..., object]) -> None:
    add(
        "--constellations",
        type=_constellations,
        default=("GP", "GB"),
        metavar="LIST",
        help="of GP, GL, GA, GB, GQ: GPS, GLONASS, Galileo, BeiDou, QZSS; default: GP,GB",
    )
    add("--satellites", type=_count, default=12, metavar="N", help="used, on average; default: 12")
    add("--cn0", type=number_in(20, 60), default=46.0, metavar="DBHZ", help="overhead; default: 46")
    add("--heading", action="store_true", help="of two antennas: HDT and THS")
    add(
        "--rtk",
        type=int,
        choices=(2, 4, 5),
        help="corrections are used: 2 DGPS, 4 RTK fixed, 5 RTK float",
    )


def _add_trouble(add: Callable[..., object]) -> None:
    for name, told in (
        ("--tunnel", "signals fade, go, and come back with reflections"),
        ("--jamming", "all signals fall at once, and the fix is lost"),
        ("--spoofing", "all signals alike, and a position 500 m away"),
    ):
        add(name, type=_outage, action="append", default=[], metavar="FROM:FOR", help=told)
    add(
        "--days-back",
        type=_count,
        default=0,
        metavar="N",
        help="a date so many days ago: 365 for last year's, 7168 for a week that rolled over",
    )
    add("--wrong-baud", action="store_true", help="what a UART reads at another speed")


def _constellations(text: str) -> tuple[str, ...]:
    from drivers.gnss.simulated_sentences import SYSTEMS

    names = tuple(dict.fromkeys(text.upper().split(",")))
    for name in names:
        if name not in SYSTEMS:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(SYSTEMS)}")
    return names


def _count(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 20_000:
        raise argparse.ArgumentTypeError(f"{text} is not within 0..20000")
    return number


def _outage(text: str) -> tuple[float, float]:
    begin, colon, length = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text} is not FROM:FOR in seconds, such as 60:20")
    return float(begin), float(length)


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
    from drivers.gnss.route import RouteError, demo_route, read_route
    from drivers.gnss.simulator import Corrections, GnssSimulator, SimulatorPlan

    try:
        file = demo_route() if args.route == "demo" else read_route(Path(args.route))
    except RouteError as error:
        raise CommandError(str(error), "patrol-edge gnss simulate --help", USAGE) from error
    speed_mps = file.speed_mps if args.speed is None else args.speed
    plan = SimulatorPlan(
        route=file.route(loop=args.loop or file.loop),
        speed_mps=5.0 if speed_mps is None else speed_mps,
        rate_hz=args.rate,
        error_m=args.error,
        satellites=min(args.satellites, 60),
        constellations=args.constellations,
        cn0_dbhz=args.cn0,
        heading=args.heading,
        corrections=None if args.rtk is None else Corrections(quality=args.rtk),
        outages=tuple(args.outage),
        tunnels=tuple(args.tunnel),
        jamming=tuple(args.jamming),
        spoofing=tuple(args.spoofing),
        days_back=args.days_back,
        garbage=args.garbage,
        seed=args.seed,
    )
    return GnssSimulator(plan, SystemClock().utc())


def _outlet(args: argparse.Namespace) -> "Outlet":
    from drivers.gnss.outlets import PtyOutlet, TcpOutlet

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
    from drivers.gnss.simulator import at_wrong_speed, paced

    end_s = float("inf") if args.duration is None else args.duration

    def wait(seconds: float) -> bool:
        if simulator.elapsed_s >= end_s:
            return True
        if not args.fast:
            time.sleep(seconds)
        return False

    for burst in paced(simulator, time.monotonic, wait):
        outlet.write(at_wrong_speed(burst, 115_200, 38_400) if args.wrong_baud else burst)
