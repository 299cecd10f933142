"""`patrol-edge hub send`: one command to one unit."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.wording import one_line
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.hub.broker_options import add_broker_options, link_of, root_of
from edge.cli.hub.pairs import json_or_text, object_of
from edge.cli.hub.signing import signer_of
from edge.cli.parser import add_command, number_in

if TYPE_CHECKING:
    from telemetry.contract.replies import Reply
    from telemetry.hub.asking import Question

WAIT_S = 30.0
LONGEST_LINE = 1000
DESCRIPTION = "Signs a command with the hub's key and gives it to a unit."
EPILOG = """\
Arguments are KEY=VALUE: a value is JSON where it can be read as such, and text otherwise; a dot
goes into an object (place.lat_deg=54.18); KEY=@new makes a new id. They are checked before
anything is sent; docs/contract/schemas/command.NAME.json says what there is. They come before
the options.

  patrol-edge hub send dog-07 ping --key hub.pem --wait
  patrol-edge hub send dog-07 task.assign task=@new place.lat_deg=54.18 place.lon_deg=12.1 \\
      --key hub.pem --wait

Exit code 0: sent, or with --wait succeeded; 1: refused, failed, or no answer in time; 2: wrong
usage."""


def register(errands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(errands, "send", "give a command to a unit", DESCRIPTION)
    parser.epilog = EPILOG
    parser.add_argument("unit", metavar="UNIT", help="the unit's id")
    parser.add_argument("command", metavar="NAME", help="of the command: ping, task.assign, ...")
    parser.add_argument("pairs", nargs="*", metavar="KEY=VALUE", help="its arguments")
    parser.add_argument("--args", metavar="JSON", help="all arguments as one JSON object instead")
    add_broker_options(parser, inherited=True)
    parser.add_argument(
        "--name",
        default=argparse.SUPPRESS,
        metavar="ID",
        help="what this client calls itself at the broker; default: new",
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="the hub's private key, PEM")
    parser.add_argument("--kid", metavar="ID", help="what the unit knows it as; default: its print")
    parser.add_argument("--unsigned", action="store_true", help="without a signature, on the bench")
    parser.add_argument("--issuer", default="hub send", help="who asks; goes into the journal")
    parser.add_argument(
        "--expires-s", type=number_in(1, 86_400), default=30.0, metavar="S",
        help="not begun by then: not done; default 30",
    )  # fmt: skip
    parser.add_argument("--wait", action="store_true", help="for the answer, and show it")
    parser.add_argument(
        "--timeout",
        type=number_in(0, 86_400),
        default=WAIT_S,
        metavar="S",
        help=f"how long to wait; default {WAIT_S:g}",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per reply")
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    from drivers.clock import SystemClock
    from edge.hub import hub_name
    from telemetry.contract.commands import COMMANDS
    from telemetry.hub.asking import Question
    from telemetry.hub.orders import BadOrderError, claims_of, payload_of
    from telemetry.link.paho_transport import PahoTransport

    signer = command_signer(args)
    clock = SystemClock()
    try:
        claims = claims_of(
            args.command, _arguments(args), args.unit, args.issuer, clock.utc(),
            good_for_s=args.expires_s,
        )  # fmt: skip
    except BadOrderError as error:
        known = args.command if args.command in COMMANDS else "NAME"
        cure = f"see docs/contract/schemas/command.{known}.json, and --help"
        raise CommandError(str(error), cure, USAGE) from error
    link = link_of(args, args.name or hub_name(clock))
    question = Question(PahoTransport(), link, root_of(args), clock, claims, _shower(args))
    final = _ask(args, question, claims, payload_of(claims, signer))
    if not args.wait:
        note(f"sent {args.command} {claims['id']}")
        return DONE
    if final is None:
        raise CommandError(
            f"no final answer to {args.command} {claims['id']} within {args.timeout:g} s",
            f"is {args.unit} online? It may still answer until the command expires",
        )
    return DONE if final.status == "succeeded" else FAILED


def _ask(
    args: argparse.Namespace, question: "Question", claims: dict[str, Any], payload: bytes
) -> "Reply | None":
    """The last answer, or none. Raises CommandError."""
    from telemetry.hub.client import ErrandError

    try:
        wait_s = args.timeout if args.wait else 0.0
        return question.ask(payload, max(1, int(args.expires_s)), wait_s)
    except ErrandError as error:
        raise CommandError(str(error), "check --broker, and the broker's access rules") from error
    except KeyboardInterrupt:
        told = f"interrupted: {args.command} {claims['id']} may have been sent, and be done"
        cure = f"the unit begins nothing after {claims['expires_at']}"
        raise CommandError(told, cure) from None


def command_signer(args: argparse.Namespace) -> Any:
    """The key of --key; None with --unsigned. Raises CommandError."""
    if args.unsigned == (args.key is not None):
        raise CommandError(
            "a command is signed with --key, or sent with --unsigned",
            "give one of them; units obey unsigned commands on the bench only",
            USAGE,
        )
    return signer_of(args.key, args.kid)


def _shower(args: argparse.Namespace) -> Any:
    def show(reply: "Reply") -> None:
        if args.wait:
            say(reply.model_dump_json(exclude_none=True) if args.json else in_words(reply))

    return show


def in_words(reply: "Reply") -> str:
    """`running 40 %: 8 of 20 MiB`"""
    parts: list[str] = [reply.status]
    if reply.progress is not None:
        parts.append(f"{reply.progress} %")
    if reply.code is not None:
        parts.append(reply.code)
    head = " ".join(parts) + (" (repeated)" if reply.repeat else "")
    tail = [text for text in (reply.text, json.dumps(reply.result) if reply.result else "") if text]
    return one_line(": ".join([head, *tail]), LONGEST_LINE)


# --- arguments ---


def _arguments(args: argparse.Namespace) -> dict[str, Any]:
    if args.args is not None:
        if args.pairs:
            raise CommandError("--args and KEY=VALUE exclude each other", "give one", USAGE)
        found = json_or_text(args.args)
        if not isinstance(found, dict):
            raise CommandError("--args is no JSON object", 'write it as \'{"mode": "x"}\'', USAGE)
        return found
    return object_of(args.pairs)
