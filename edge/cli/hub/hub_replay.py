"""`patrol-edge hub replay`: a record, judged anew or published again."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.hub.broker_options import add_broker_options, link_of, root_of
from edge.cli.hub.hub_view import summary
from edge.cli.parser import number_in

if TYPE_CHECKING:
    from telemetry.hub.record import Entry, Unreadable
    from telemetry.hub.replay import Judgement

TELL_EVERY = 1000


def register(errands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = errands.add_parser(
        "replay",
        help="judge a record anew, or publish it again",
        description="Judges each message of a record of `hub --record` as if it came now, and says "
        "whether the verdicts are those of then. With --to, publishes what the units had said to a "
        "broker instead, at the pace of then.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="oldest first")
    add_broker_options(parser, inherited=True)
    parser.add_argument("--to", metavar="URL", help="publish it to this broker")
    parser.add_argument(
        "--speed", type=number_in(0, 1_000_000), default=1.0, metavar="X",
        help="with --to: so many times as fast; 0: as fast as it goes",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object per message")
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    """0 done, and all verdicts as before; 1 other verdicts, or the broker failed; 2 wrong usage."""
    return _publish(args) if args.to is not None else _judge(args)


def _entries(files: list[Path]) -> "Iterator[Entry | Unreadable]":
    from telemetry.hub.record import read_record

    for path in files:
        try:
            yield from read_record(path)
        except OSError as error:
            raise CommandError(
                f"cannot read {path}: {error.strerror}", "give a file of `hub --record`", USAGE
            ) from error


def _judge(args: argparse.Namespace) -> int:
    from edge.hub_words import as_json
    from telemetry.hub.ledger import HubLedger
    from telemetry.hub.replay import Judgement

    judgement = Judgement(HubLedger(root_of(args)))
    refusals: dict[str, int] = {}
    for each in _entries(args.files):
        arrival = judgement.take(each)
        if arrival is None:
            continue
        if arrival.verdict == "invalid":
            refusals[arrival.cause] = refusals.get(arrival.cause, 0) + 1
        if args.json:
            say(json.dumps(as_json(arrival)))
    summary(judgement.ledger.views(), judgement.heard, refusals)
    return _told(judgement)


def _told(judgement: "Judgement") -> int:
    for cause, count in sorted(judgement.unreadable.items()):
        note(f"{count} lines could not be read: {cause.replace('_', ' ')}")
    if not judgement.heard:
        raise CommandError("the record holds no message", "is it a file of `hub --record`?")
    if judgement.differing:
        note(f"{judgement.differing} messages are judged differently than they were then")
        return FAILED
    note("all verdicts as they were then")
    return DONE


def _publish(args: argparse.Namespace) -> int:
    from drivers.clock import SystemClock
    from edge.hub import hub_name
    from telemetry.hub.client import ErrandError
    from telemetry.hub.record import Entry
    from telemetry.hub.replay import publish_again
    from telemetry.link.paho_transport import PahoTransport

    clock = SystemClock()
    args.broker = args.to
    link = link_of(args, hub_name(clock))
    begun_s = clock.mono_s()

    def tell(count: int) -> None:
        if count % TELL_EVERY == 0:
            note(f"{count} messages published")

    try:
        sent, refused = publish_again(
            (each for each in _entries(args.files) if isinstance(each, Entry)),
            PahoTransport(), link, clock, speed=args.speed or None, tell=tell,
        )  # fmt: skip
    except ErrandError as error:
        raise CommandError(str(error), "check --to, and the broker's access rules") from error
    note(f"{sent} messages published in {clock.mono_s() - begun_s:.1f} s, {refused} refused")
    return FAILED if refused or not sent else DONE
