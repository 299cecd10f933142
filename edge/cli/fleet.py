"""`patrol-edge fleet`: a simulated fleet, for load tests of a hub and its broker."""

import argparse
import resource
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from config.models import UnitKind
from config.wording import shown
from edge.cli.console import USAGE, CommandError, note
from edge.cli.parser import add_command, number_in

if TYPE_CHECKING:
    from edge.cli.fleet_run import Running
    from edge.fleet.fleet import LinkPlan
    from edge.fleet.plan import FleetPlan
    from edge.fleet.streets import Streets

FLEET_HELP = """\
Be a fleet of patrol units, for load tests of a hub: each with a connection, a will, sequences and a
life of its own. They drive along streets, stand, turn, see persons and vehicles, are sent somewhere
and, now and then, call for help; they lose their links and deliver afterwards what waited. They
honour the hub's acknowledgements, answer `ping` and `rebirth`, and refuse other commands.

  patrol-edge fleet --units 500 --duration 600
  patrol-edge fleet --broker mqtts://hub.example --ca ca.pem --cert '{unit}.pem' --key '{unit}.key'
  patrol-edge fleet --units 200 --outages 600:60 --streets beats.geojson --json

The same --seed gives the same lives. Units of a second run count their sequences from 1 again,
which a hub takes for units that lost their disks; --numbers FILE lets them go on, --prefix makes
others.
Runs until Ctrl-C, or for --duration; then it waits for what is not acknowledged, says goodbye for
every unit, and reports.
"""
DEFAULT_BROKER = "mqtt://localhost:1883"
BROKER_HELP = f"default: {DEFAULT_BROKER}; may be repeated: the nodes of one cluster"
SPARE_FILES = 64
MOST_UNITS = 100_000
LAST_PORTS = 28_000  # that Linux gives to connections from one address to one other, by default


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(commands, "fleet", "simulate a fleet, for load tests of a hub", FLEET_HELP)
    add = parser.add_argument
    add("--broker", action="append", metavar="URL", help=BROKER_HELP)
    add("--root", default="patrol/v1", help="the topic root")
    add("--units", type=_count, default=20, metavar="N", help="default: 20")
    add("--prefix", default="fleet", help="units are called PREFIX-001 and so on; default: fleet")
    add("--kinds", type=_kinds, metavar="KIND,...", help="in turn; default: dog, car, drone")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--center", type=_place, metavar="LAT,LON", help="a grid of streets there")
    where.add_argument("--streets", type=Path, metavar="FILE", help="GeoJSON lines, or a route")
    add(
        "--rate",
        type=number_in(0.01, 1000),
        default=1.0,
        metavar="X",
        help="X times the messages; default: 1",
    )
    add("--duration", type=number_in(0.1, 1e9), metavar="S", help="end after so many seconds")
    add("--outages", type=_pair, metavar="EVERY:FOR", help="mean seconds between, and of an outage")
    add("--shifts", type=_pair, metavar="ON:OFF", help="seconds on duty, and off duty")
    add(
        "--ramp",
        type=number_in(0.1, 1e5),
        default=200.0,
        metavar="N",
        help="connects per second; default: 200",
    )
    add("--ack", choices=("hub", "broker"), default="hub", help="whose word counts: default hub")
    add("--protocol", choices=("auto", "5", "3.1.1"), default="auto", help="of MQTT")
    add("--seed", type=int, default=1, metavar="N", help="another one, other lives; default: 1")
    add("--numbers", type=Path, metavar="FILE", help="keep sequences there from run to run")
    add("--through-outbox", type=Path, metavar="DIR", help="few units, with real outboxes there")
    add("--username", help="for the broker; {unit} stands for the unit's name")
    add("--password-file", type=Path, metavar="FILE", help="mode 0600")
    add("--ca", type=Path, metavar="PEM", help="who signed the broker's certificate")
    add("--cert", metavar="PEM", help="of the units; {unit} stands for the unit's name")
    add("--key", metavar="PEM", help="and its key")
    add("--json", action="store_true", help="a line of figures every second, and the report")
    parser.set_defaults(handler=run)


# --- arguments -----------------------------------------------------------------------------------


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= MOST_UNITS:
        raise argparse.ArgumentTypeError(f"{text} is not within 1..{MOST_UNITS}")
    return count


def _kinds(text: str) -> tuple[UnitKind, ...]:
    known: dict[str, UnitKind] = {kind: kind for kind in get_args(UnitKind)}
    words = [word.strip() for word in text.split(",")]
    if wrong := [word for word in words if word not in known]:
        raise argparse.ArgumentTypeError(f"{shown(wrong[0])} is none of {', '.join(known)}")
    return tuple(known[word] for word in words)


def _place(text: str) -> tuple[float, float]:
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not LAT,LON, such as 52.52,13.405") from None
    if not (-85 <= lat <= 85 and -180 <= lon <= 180):
        raise argparse.ArgumentTypeError(f"{text}: latitude comes first, -85 to 85 degrees")
    return lat, lon


def _pair(text: str) -> tuple[float, float]:
    try:
        first, second = (float(part) for part in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not two numbers, such as 600:60") from None
    if not (1 <= first <= 1e8 and 1 <= second <= 1e8):
        raise argparse.ArgumentTypeError(f"{text}: both are seconds, 1 or more")
    return first, second


# --- making --------------------------------------------------------------------------------------


def run(args: argparse.Namespace) -> int:
    """0 if all went well; 1 if the broker was not reached, or messages were left over."""
    from edge.running.supervisor import block_stop_signals

    # Before numpy comes with the rest: its threads inherit the mask, or would take the signal.
    block_stop_signals()
    from edge.cli.fleet_run import drive, report

    plan, streets = _plan(args), _streets(args)
    _allow_files(args.units)
    link, numbers = _link(args, plan), _numbers(args.numbers)
    fleet = _fleet(args, plan, link, streets, numbers)
    try:
        told = drive(fleet, args.duration, as_json=args.json)
    finally:
        fleet.close()
    _keep_numbers(args.numbers, numbers | fleet.sequences)
    return report(told, as_json=args.json)


def _fleet(
    args: argparse.Namespace,
    plan: "FleetPlan",
    link: "LinkPlan",
    streets: "Streets",
    numbers: dict[str, int],
) -> "Running":
    from drivers.clock import SystemClock
    from edge.fleet.fleet import Fleet
    from edge.fleet.outbox_fleet import MOST_UNITS as MOST_OUTBOXES
    from edge.fleet.outbox_fleet import OutboxFleet

    folder: Path | None = args.through_outbox
    if folder is None:
        return Fleet(plan, link, streets, SystemClock(), numbers)
    if args.units > MOST_OUTBOXES or args.outages or args.shifts or args.numbers:
        text = f"--through-outbox is for up to {MOST_OUTBOXES} units that stay on their links"
        raise CommandError(text, "leave out --outages, --shifts, --numbers; fewer --units", USAGE)
    try:
        return OutboxFleet(plan, link, streets, SystemClock(), folder)
    except OSError as error:
        text = f"--through-outbox: cannot make {error.filename}: {error.strerror}"
        raise CommandError(text, "give a folder that can be written", USAGE) from error


def _plan(args: argparse.Namespace) -> "FleetPlan":
    import re

    from config.section import UNIT_ID_PATTERN
    from edge.fleet.plan import FleetPlan, unit_names

    chosen = {"kinds": args.kinds, "center": args.center}
    plan = FleetPlan(
        units=args.units,
        prefix=args.prefix,
        rate=args.rate,
        outages=args.outages,
        shifts=args.shifts,
        seed=args.seed,
        **{name: value for name, value in chosen.items() if value is not None},
    )
    longest = unit_names(plan)[-1]
    if not re.fullmatch(UNIT_ID_PATTERN, longest):
        text = f"--prefix: {shown(longest)} is no unit's name"
        raise CommandError(text, "a-z, 0-9 and -, at most 32 with the number", USAGE)
    return plan


def _streets(args: argparse.Namespace) -> "Streets":
    from edge.fleet.plan import FleetPlan
    from edge.fleet.streets import StreetsError, grid, read_streets

    if args.streets is None:
        return grid(args.center or FleetPlan(units=1).center)
    try:
        return read_streets(args.streets)
    except StreetsError as error:
        text, _, cure = str(error).partition("; ")
        raise CommandError(f"--streets: {text}", cure, USAGE) from error


def _allow_files(units: int) -> None:
    """Each connection is an open file. Raises the soft limit as far as it may."""
    needed = units + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and needed > hard:
        text = f"{units} units need {needed} open files, and the limit is {hard}"
        raise CommandError(
            text, f"as root: ulimit -n {needed}; or take --units {hard - SPARE_FILES}", USAGE
        )
    if soft != resource.RLIM_INFINITY and needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    if units > LAST_PORTS:
        note(
            f"note: from one address, Linux opens about {LAST_PORTS} connections to another: see "
            "net.ipv4.ip_local_port_range, or run a second fleet elsewhere"
        )


def _link(args: argparse.Namespace, plan: "FleetPlan") -> "LinkPlan":
    from config.addresses import broker_address
    from edge.fleet.access import AccessPlan
    from edge.fleet.fleet import LinkPlan
    from edge.fleet.plan import unit_names
    from telemetry.link.transport import TransportConfigError

    try:
        access = AccessPlan(
            brokers=tuple(map(broker_address, args.broker or [DEFAULT_BROKER])),
            username=args.username,
            password_file=args.password_file,
            ca=args.ca,
            cert=args.cert,
            key=args.key,
        )
        access.check(unit_names(plan)[0])  # so that a wrong file is told before anything starts
    except ValueError as error:
        text, _, cure = str(error).partition("; ")
        raise CommandError(f"--broker: {text}", cure, USAGE) from error
    except TransportConfigError as error:
        text, _, cure = str(error).partition("; ")
        raise CommandError(text, cure, USAGE) from error
    return LinkPlan(
        access=access,
        root=args.root.strip("/"),
        protocol=args.protocol,
        ack=args.ack,
        ramp_per_s=args.ramp,
    )


def _numbers(path: Path | None) -> dict[str, int]:
    from edge.fleet.numbers import NumbersError, read_numbers

    try:
        return {} if path is None else read_numbers(path)
    except NumbersError as error:
        raise CommandError(
            f"--numbers: {error}", "give the file of an earlier run, or none", USAGE
        ) from error


def _keep_numbers(path: Path | None, numbers: dict[str, int]) -> None:
    from edge.fleet.numbers import NumbersError, write_numbers

    try:
        if path is not None:
            write_numbers(path, numbers)
    except NumbersError as error:
        raise CommandError(f"--numbers: {error}", "use another --prefix next time") from error
