"""`patrol-edge hub`: the reference hub. Shows what units say, and acknowledges it."""

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.console import DONE, FAILED, USAGE, CommandError, note
from edge.cli.hub import hub_flash, hub_overlay, hub_replay, hub_send
from edge.cli.hub.broker_options import add_broker_options, link_of, root_of
from edge.cli.hub.hub_view import printer, screen, summary
from edge.cli.parser import number_in

if TYPE_CHECKING:
    from edge.hub import HubSnapshot, Keeping, ReferenceHub

REFRESH_S = 0.5
MIB = 2**20


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "hub",
        help="run the reference hub: validate, acknowledge and show what units send",
        description="Validates what units send, acknowledges it, and shows it: a live table on a "
        "terminal, one line per message otherwise, one JSON object per message with --json. "
        "`hub send` gives a command; `hub replay` judges or publishes a record again.",
    )
    add_broker_options(parser)
    parser.add_argument("--unit", metavar="ID", help="only this unit")
    parser.add_argument("--name", metavar="ID", help="what the hub calls itself; default: new")
    parser.add_argument("--json", action="store_true", help="one JSON object per message")
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="append all that is heard and said to it"
    )
    parser.add_argument(
        "--record-max-mib", type=number_in(1, 1_000_000), metavar="N", help="then begin a new file"
    )
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="what the hub has, over restarts"
    )
    parser.add_argument(
        "--pictures", type=Path, metavar="DIR", help="keep the pictures of units in this folder"
    )
    parser.add_argument("--duration", type=float, metavar="S", help="stop after so many seconds")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--no-ack", action="store_true", help="only listen")
    how.add_argument(
        "--ack", choices=("ids", "up-to"), default="ids",
        help="up-to: by sequence, where everything from a unit's first message on is here",
    )  # fmt: skip
    parser.add_argument("--key", dest="cert_key", type=Path, help=argparse.SUPPRESS)
    parser.set_defaults(handler=run)
    errands = parser.add_subparsers(title="errands", metavar="ERRAND")
    hub_send.register(errands)
    hub_flash.register(errands)
    hub_overlay.register(errands)
    hub_replay.register(errands)


def run(args: argparse.Namespace) -> int:
    """0 if it went well, 1 if the broker was not reached, or the record not written; 2 for a wrong
    address or file."""
    live = not args.json and sys.stdout.isatty()
    hub = _hub(args, None if live else printer(as_json=args.json))
    # Until now SIGTERM ends the process at once; from here on the hub says goodbye.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    hub.start()
    try:
        _watch(hub, args.duration, live=live)
    finally:
        reached, ran = hub.snapshot(), hub.running
        hub.stop()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    ended = hub.snapshot()
    summary(ended.units, ended.messages, ended.refusals)
    return _verdict(ended, connected=reached.connected, ran=ran)


def _hub(args: argparse.Namespace, show: Any) -> "ReferenceHub":
    from drivers.clock import SystemClock
    from edge.hub import ReferenceHub, hub_name
    from telemetry.hub.memory import BadMemoryError

    options = link_of(args, args.name or hub_name(SystemClock()))
    try:
        return ReferenceHub(
            args.broker,
            root=root_of(args),
            unit=args.unit,
            keeping=_keeping(args),
            on_arrival=show,
            acknowledge=False if args.no_ack else args.ack,
            options=options,
        )
    except BadMemoryError as error:
        raise CommandError(
            f"--state: {error}", "give another file, or delete it: the hub then begins anew", USAGE
        ) from error
    except OSError as error:
        name = error.filename or args.record or args.state
        raise CommandError(
            f"cannot use {name}: {error.strerror}", "give a file that can be made", USAGE
        ) from error


def _keeping(args: argparse.Namespace) -> "Keeping":
    from edge.hub import Keeping

    most = args.record_max_mib
    return Keeping(
        record=args.record,
        record_max_bytes=None if most is None else int(most * MIB),
        state=args.state,
        pictures=args.pictures,
    )


def _watch(hub: "ReferenceHub", duration_s: float | None, *, live: bool) -> None:
    from drivers.clock import SystemClock
    from edge.running.supervisor import wait_for_stop_signal

    clock = SystemClock()
    ends_s = None if duration_s is None else clock.mono_s() + duration_s
    told: str | None = None
    with screen(live=live) as show:
        while hub.running and (ends_s is None or clock.mono_s() < ends_s):
            left_s = REFRESH_S if ends_s is None else min(REFRESH_S, ends_s - clock.mono_s())
            if wait_for_stop_signal(max(0.0, left_s)):
                return
            snapshot = hub.snapshot()
            show(snapshot)
            if snapshot.last_error != told and not snapshot.connected:
                told = snapshot.last_error
                note(f"waiting for the broker: {told}")


def _verdict(snapshot: "HubSnapshot", *, connected: bool, ran: bool) -> int:
    """`ran`: the hub still ran when it was told to stop."""
    failure = snapshot.failure
    if isinstance(failure, BrokenPipeError) and failure.filename is None:
        raise failure  # whoever read our output has what he wanted
    if failure is not None:
        raise CommandError(
            f"cannot write {failure.filename or 'the output'}: {failure.strerror}",
            "make room, or record elsewhere; what was not written was not acknowledged either, "
            "and units send it again",
        ) from failure
    if not ran:
        raise CommandError("the hub ended unexpectedly", "start it again, and report the above")
    if not connected and not snapshot.messages:
        raise CommandError(
            f"the broker was not reached: {snapshot.last_error}", "check --broker", FAILED
        )
    return DONE
