"""`patrol-edge simulate autopilot`: a drone, rover or boat that speaks MAVLink."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.body.simulating import add_duration, ends_s, played
from edge.cli.console import DONE, CommandError, note
from edge.cli.parser import add_command, number_in, tcp_port

if TYPE_CHECKING:
    from drivers.simulated.mavlink.autopilot import SimulatedAutopilot
    from drivers.simulated.mavlink.bench import Wire

AUTOPILOT_HELP = """\
Be an autopilot: it flies missions, drains its battery, answers orders, and does wrong what it is
told to do wrong. It has no aerodynamics: it trains people and tests the runtime, no aircraft.

  patrol-edge simulate autopilot --udp 127.0.0.1:14550 --takeoff 30
  echo 'lie percent 80' | patrol-edge simulate autopilot --tcp 5760

Lines on stdin are the pilot's hands; `help` lists them. The unit file for it:
  platforms: {drone: {kind: mavlink, bind: 127.0.0.1}}
"""


def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        parts, "autopilot", "be a drone, rover or boat over MAVLink", AUTOPILOT_HELP
    )
    add = parser.add_argument
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--udp", metavar="HOST:PORT", help="send there, and hear what comes back")
    way.add_argument("--tcp", type=tcp_port, metavar="PORT", help="listen on this port of loopback")
    way.add_argument("--link", type=Path, metavar="PATH", help="a pseudo-terminal of this name")
    way.add_argument("--log", type=Path, metavar="FILE", help="write a flight, as .tlog, and end")
    add("--kind", choices=("copter", "rover", "boat"), default="copter", help="default: copter")
    add("--stack", choices=("ardupilot", "px4"), default="ardupilot", help="whose modes it has")
    add("--system", type=int, default=1, metavar="N", help="its number on the line; default: 1")
    add("--takeoff", type=number_in(0, 500), metavar="M", help="begin in the air, this high")
    add("--lat", type=number_in(-90, 90), default=36.6512, metavar="DEG", help="where it starts")
    add("--lon", type=number_in(-180, 180), default=117.1201, metavar="DEG")
    add("--talkative", action="store_true", help="speak without being asked to")
    add("--lost", type=number_in(0, 1), default=0.0, metavar="SHARE", help="of messages, each way")
    add("--seed", type=int, default=1, metavar="N", help="another one, other losses; default: 1")
    add(
        "--at",
        nargs=2,
        action="append",
        default=[],
        metavar=("S", "LINE"),
        help="a pilot's line, then",
    )
    add_duration(parser)
    parser.set_defaults(handler=simulate)


def simulate(args: argparse.Namespace) -> int:
    from drivers.base import DeviceUnavailableError
    from drivers.simulated.mavlink.bench import Pilot, record, serve

    end_s = ends_s(args)
    try:
        autopilot = _autopilot(args)
        wire = None if args.log else _wire(args)
    except DeviceUnavailableError as error:
        raise CommandError(str(error)) from error
    if wire is None:
        try:
            count = record(autopilot, args.log, args.duration or 60.0)
        except OSError as error:
            raise CommandError(f"cannot write {args.log}: {error.strerror}") from error
        note(f"{args.log}: {count} messages")
        return DONE
    script = [(float(at_s), line) for at_s, line in args.at]

    def play() -> None:
        over = lambda: time.monotonic() >= end_s  # noqa: E731
        serve(autopilot, wire, Pilot(autopilot), note, over, sys.stdin.fileno(), script)

    return played(f"an autopilot: {wire.name}", play, wire)


def _autopilot(args: argparse.Namespace) -> "SimulatedAutopilot":
    from drivers.simulated.mavlink.autopilot import SimulatedAutopilot
    from drivers.simulated.mavlink.flight import Spot

    autopilot = SimulatedAutopilot(
        args.kind,
        args.stack,
        system=args.system,
        home=Spot(args.lat, args.lon),
        unix_s=time.time(),
        talkative=args.talkative or args.log is not None,
        seed=args.seed,
    )
    autopilot.faults.lost = args.lost
    if args.takeoff is not None:
        autopilot.take_off(args.takeoff)
    return autopilot


def _wire(args: argparse.Namespace) -> "Wire":
    from drivers.simulated.mavlink.bench import PtyWire, TcpWire, UdpWire

    if args.udp:
        host, _, port = args.udp.rpartition(":")
        if not host or not port.isdecimal():
            raise CommandError(f"{args.udp} is no address", "write --udp 127.0.0.1:14550", 2)
        return UdpWire(host, int(port))
    return PtyWire(args.link) if args.tcp is None else TcpWire(args.tcp)
