"""What `hub flash` and `hub overlay` have in common: who orders, and where units fetch."""

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.hub.broker_options import add_broker_options, link_of, root_of
from edge.cli.hub.hub_send import command_signer, in_words
from edge.cli.parser import number_in

if TYPE_CHECKING:
    from edge.firmware.campaign import State
    from edge.rollout.parcel import Parcel
    from edge.rollout.rollout import Rollout, Show
    from edge.rollout.serving import FileServer
    from telemetry.contract.replies import Reply
    from telemetry.hub.following import Line

WITHIN_S = 900.0
WATCH_S = 60.0


def add_rollout_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_broker_options(parser, inherited=True)
    add("--name", default=argparse.SUPPRESS, metavar="ID", help="what this client calls itself")
    add("--key", type=Path, metavar="FILE", help="the hub's private key for commands, PEM")
    add("--kid", metavar="ID", help="what the units know it as; default: its print")
    add("--unsigned", action="store_true", help="without a signature, on the bench")
    add("--issuer", default="hub flash", help="who asks; goes into the units' journals")
    add("--serve", metavar="ADDRESS[:PORT]",
        help="serve the file here; default: this computer, towards the broker")  # fmt: skip
    add("--url", metavar="URL",
        help="the file lies there already ({sha256} and {name} are filled in)")  # fmt: skip
    add("--force", action="store_true", help="also while a task is under way; it is on record")
    add("--canary", action="append", default=[], metavar="UNIT",
        help="before all others; default: the first, where there are several")  # fmt: skip
    add("--watch-s", type=number_in(0, 86_400), default=WATCH_S, metavar="S",
        help=f"how long canaries must stay well before the rest; default {WATCH_S:g}")  # fmt: skip
    add("--go-on", action="store_true", help="also after a unit that failed (a canary's stops)")
    add("--state", type=Path, metavar="FILE",
        help="remember which are done; the same again goes on from there")  # fmt: skip
    add("--timeout", type=number_in(1, 86_400), default=WITHIN_S, metavar="S",
        help=f"for each unit, to its last reply; default {WITHIN_S:g}")  # fmt: skip
    add("--json", action="store_true", help="one JSON object per reply, and the report")


def units_in(text: str) -> list[str]:
    """`car-07,car-08`. Raises CommandError."""
    units = [unit for unit in text.split(",") if unit]
    if not units or len(set(units)) != len(units):
        raise CommandError(f"{text!r} names no unit, or one twice", "car-07,car-08,…", USAGE)
    return units


def line_of(args: argparse.Namespace) -> "Line":
    """The way to the units."""
    from drivers.clock import SystemClock
    from edge.hub import hub_name
    from telemetry.hub.following import Line
    from telemetry.link.paho_transport import PahoTransport

    clock = SystemClock()
    link = link_of(args, args.name or hub_name(clock))
    return Line(open=PahoTransport, link=link, root=root_of(args), clock=clock)


def roll_out(args: argparse.Namespace, line: "Line", files: Mapping[str, Path]) -> int:
    """Give each unit its bundle, and follow it. 0: all have it, 1: one has not."""
    from edge.bundles.refusal import BundleError
    from edge.firmware.campaign import CampaignError
    from telemetry.hub.orders import BadOrderError

    try:
        with _served(args, line) as server:
            return _rolled_out(args, _rollout(args, line, files, server))
    except CampaignError as error:
        raise CommandError(str(error), error.cure) from error
    except BundleError as error:
        raise CommandError(str(error), error.cure or "give a bundle, NAME.peb", USAGE) from error
    except BadOrderError as error:
        raise CommandError(str(error), "see --help", USAGE) from error
    except KeyboardInterrupt:
        cure = "what was begun goes on on the unit; the same command again follows it or goes on"
        raise CommandError("interrupted", cure) from None


def _rollout(
    args: argparse.Namespace, line: "Line", files: Mapping[str, Path], server: "FileServer | None"
) -> "Rollout":
    from edge.rollout.rollout import How, Rollout

    def url_of(parcel: "Parcel") -> str:
        if server is None:
            filled = str(args.url).replace("{sha256}", parcel.sha256)
            return filled.replace("{name}", parcel.path.name)
        return server.offer(parcel.path, parcel.sha256)

    unknown = sorted(set(args.canary) - set(files))
    if unknown:
        raise CommandError(f"--canary {unknown[0]} is none of the units", "see --help", USAGE)
    how = How(
        line=line,
        signer=command_signer(args),
        issuer=args.issuer,
        url_of=url_of,
        show=_shower(args, alone=len(files) == 1),
        force=args.force,
        within_s=args.timeout,
        on_failure_stop=not args.go_on,
        watch_canaries_s=args.watch_s,
    )
    canaries = args.canary or (list(files)[:1] if len(files) > 1 else [])
    return Rollout(
        how=how, files=files, canaries=frozenset(canaries), state=_state(args.state)
    )  # fmt: skip


def _state(path: Path | None) -> "State":
    from edge.firmware.campaign import State

    if path is None:
        return State(None)
    return State.beside(path.with_name(path.name.removesuffix(".state.json")))


def _rolled_out(args: argparse.Namespace, rollout: "Rollout") -> int:
    results = []
    for done in rollout.go():
        results.append(done)
        if args.json:
            continue
        if done.end == "unchanged":
            say(f"{done.board}: has {done.after} already")
        elif done.well:
            say(f"{done.board}: has {done.after}, {done.took_s or 0:.0f} s after the order")
        else:
            reply = rollout.last.get(done.board)  # whose text was shown when it came
            why = done.text if reply is None else reply.code or reply.status
            say(": ".join(part for part in (done.board, done.end.replace("_", " "), why) if part))
    report = rollout.report(results)
    if args.json:
        say(json.dumps(report, ensure_ascii=False))
    elif rollout.stopped:
        unit, _, why = rollout.stopped.partition(": ")
        note(f"stopped: {unit} failed" if why else f"stopped: {unit}")
    return DONE if report["well"] else FAILED


def _shower(args: argparse.Namespace, *, alone: bool) -> "Show":
    def show(unit: str, reply: "Reply") -> None:
        if args.json:
            told = {"unit": unit} | reply.model_dump(mode="json", exclude_none=True)
            say(json.dumps(told, ensure_ascii=False))
        else:
            note(in_words(reply) if alone else f"{unit}: {in_words(reply)}")

    return show


@contextmanager
def _served(args: argparse.Namespace, line: "Line") -> "Iterator[FileServer | None]":
    """A server for the files, unless they lie somewhere already. Raises CommandError."""
    from edge.rollout.serving import FileServer, address_towards

    if args.url is not None:
        if args.serve is not None:
            raise CommandError("--url and --serve exclude each other", "give one", USAGE)
        yield None
        return
    try:
        if args.serve is None:
            host, port = address_towards(line.link.host, line.link.port), 0
        else:
            host, port = _address(args.serve)
        server = FileServer(host, port)
    except OSError as error:
        told = f"no files can be served on {args.serve or 'this computer'}: {error.strerror}"
        cure = "--serve ADDRESS:PORT, one that units reach; or --url, where the file lies"
        raise CommandError(told, cure, USAGE) from error
    with server:
        yield server


def _address(text: str) -> tuple[str, int]:
    """`192.0.2.7:8080`, `[2001:db8::7]:8080`, without a port: any. Raises CommandError."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (text.count(":") > 1 and not text.startswith("[")):
        host, port = text, "0"
    if not port.isdecimal() or int(port) > 65535 or not host:
        raise CommandError(f"--serve: {text!r} is no ADDRESS:PORT", "192.0.2.7:8080", USAGE)
    return host.strip("[]"), int(port)
