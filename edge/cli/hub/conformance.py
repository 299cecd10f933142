"""`patrol-edge conformance`: does a unit, ours or anybody's, keep the contract?"""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.hub.broker_options import add_broker_options, link_of, root_of
from edge.cli.hub.signing import signer_of
from edge.cli.parser import add_command

if TYPE_CHECKING:
    from telemetry.conformance.judge import Ruling
    from telemetry.conformance.transcript import Transcript
    from telemetry.hub.record import Entry

TIMEOUT_S = 75.0
DESCRIPTION = """\
Watches one unit from the hub's side, does to it what hubs and brokers do (acknowledges late or not
at all, begins new sessions, sends nonsense, commands), and judges every rule of the contract
(docs/contract/rules.md) by what is seen on the wire: PASS, FAIL, or NOT RUN with what was lacking.

Run it while no other hub is on the broker: that one would acknowledge what the kit withholds.
Without --key only commands that must be refused are sent. --disturb takes the unit's client id for
a moment, which the broker must allow; --tasks sends the unit a task and cancels it."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "conformance", "judge a unit by the rules of the hub contract", DESCRIPTION
    )
    add_broker_options(parser)
    parser.add_argument("--unit", required=True, metavar="ID", help="which unit")
    parser.add_argument("--key", type=Path, metavar="FILE", help="a private key the unit obeys")
    parser.add_argument("--kid", metavar="ID", help="what the unit knows it as; default: its print")
    parser.add_argument("--unsigned", action="store_true", help="the unit obeys without signatures")
    parser.add_argument("--disturb", action="store_true", help="break the unit's connection, too")
    parser.add_argument("--tasks", action="store_true", help="assign a task, and cancel it")
    parser.add_argument("--watch", type=float, default=0.0, metavar="S", help="look on, at the end")
    parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT_S,
        metavar="S",
        help=f"for what the unit does by itself, such as a repeat; default {TIMEOUT_S:g}",
    )
    parser.add_argument("--rules", nargs="+", metavar="HC-…", help="only these; HC-08 is HC-080 on")
    parser.add_argument("--name", metavar="ID", help="be the hub of this name")
    parser.add_argument("--recording", type=Path, nargs="+", metavar="FILE", help="judge a record")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write one of this run")
    parser.add_argument("--json", action="store_true", help="one JSON array")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="for build servers")
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    """0 no rule is broken, 1 one is, or the unit was not heard; 2 wrong usage."""
    from telemetry.conformance.judge import as_json, as_junit, counted, judge

    chosen = _chosen(args.rules)
    transcript = _recorded(args) if args.recording else _live(args)
    rulings = judge(transcript, chosen)
    if args.junit is not None:
        _write(args.junit, as_junit(rulings, args.unit))
    if args.json:
        say(json.dumps(as_json(rulings), indent=1))
    else:
        _show(rulings)
    counts = counted(rulings)
    note(", ".join(f"{count} {verdict}" for verdict, count in counts.items())
         + f"; {len(transcript.seen)} messages in {transcript.ends_s:.0f} s")  # fmt: skip
    if transcript.foreign_hub and not args.recording:
        note("another hub acknowledged or commanded meanwhile: what it did was judged, too")
    return FAILED if any(ruling.breaks for ruling in rulings) else DONE


def _chosen(patterns: list[str] | None) -> set[str] | None:
    from telemetry.conformance.judge import CHECKED

    if patterns is None:
        return None
    wanted = [part for pattern in patterns for part in pattern.split(",") if part]
    found = {name for name in CHECKED for part in wanted if name.startswith(part)}
    for part in wanted:
        if not any(name.startswith(part) for name in CHECKED):
            raise CommandError(
                f"--rules: the kit judges no {part}", "docs/contract/rules.md lists them", USAGE
            )
    return found


def _show(rulings: "list[Ruling]") -> None:
    for ruling in rulings:
        say(str(ruling))
        if ruling.finding.verdict == "FAIL":
            say(f"        {ruling.rule}")


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(
            f"cannot write {path}: {error.strerror}", "give a file that can be made", USAGE
        ) from error


# --- a record ---


def _recorded(args: argparse.Namespace) -> "Transcript":
    from telemetry.conformance.transcript import Transcript
    from telemetry.hub.record import Entry, read_record

    transcript = Transcript((), root_of(args), args.unit)
    bad = 0
    for path in args.recording:
        try:
            for each in read_record(path):
                if isinstance(each, Entry):
                    transcript.add(each)
                else:
                    bad += 1
        except OSError as error:
            raise CommandError(
                f"cannot read {path}: {error.strerror}", "give a file of `--record`", USAGE
            ) from error
    if bad:
        note(f"{bad} lines of the record could not be read")
    if not transcript.seen:
        raise CommandError(
            f"the record holds nothing from {args.unit} under {root_of(args)}",
            "check --unit and --root",
        )
    return transcript


# --- a live unit ---


def _live(args: argparse.Namespace) -> "Transcript":
    from drivers.clock import SystemClock
    from telemetry.conformance.commander import Commander
    from telemetry.conformance.observer import NoBrokerError, Observer
    from telemetry.conformance.script import Plan, SilentUnitError
    from telemetry.conformance.script import run as play
    from telemetry.contract.uuid7 import uuid7
    from telemetry.link.paho_transport import PahoTransport

    clock = SystemClock()
    signer = signer_of(args.key, args.kid)
    link = link_of(args, args.name or f"conformance-{uuid7(clock.utc())[-12:]}")
    plan = Plan(timeout_s=args.timeout, disturb=args.disturb, tasks=args.tasks, watch_s=args.watch)
    with _keeping(args.record) as keep:
        observer = Observer(PahoTransport(), link, root_of(args), args.unit, clock, keep)
        commander = Commander(observer, clock, signer, unsigned=args.unsigned)
        as_unit = replace(link, client_id=args.unit)
        try:
            play(observer, commander, plan, as_unit, PahoTransport, lambda text: note(f"… {text}"))
        except NoBrokerError as error:
            raise CommandError(f"the broker was not reached: {error}", "check --broker") from error
        except SilentUnitError as error:
            cure = observer.trouble or "check --unit and --root, and that the unit runs"
            raise CommandError(str(error), cure) from error
        finally:
            observer.close()
    if observer.trouble:
        note(observer.trouble)
    return observer.transcript


@contextmanager
def _keeping(path: Path | None) -> "Iterator[Callable[[Entry], None]]":
    """A function that writes entries to the record, or to nowhere."""
    from telemetry.hub.record import Recorder

    if path is None:
        yield lambda _entry: None
        return
    try:
        recorder = Recorder(path)
        try:
            yield recorder.write
            recorder.settle()
        finally:
            recorder.close()
    except OSError as error:
        raise CommandError(
            f"cannot write {path}: {error.strerror}", "give a file that can be made", USAGE
        ) from error
