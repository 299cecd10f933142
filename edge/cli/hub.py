"""`patrol-edge hub`: the reference hub. Shows what units say, and acknowledges it."""

import argparse
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say

if TYPE_CHECKING:
    from edge.hub import HubSnapshot, ReferenceHub
    from telemetry.hub.ledger import Arrival

REFRESH_S = 0.5
COLUMNS = ("unit", "status", "accepted", "duplicate", "invalid", "missing", "position", "faults")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "hub",
        help="run the reference hub: validate, acknowledge and show what units send",
        description="Validates what units send, acknowledges it, and shows it: a live table on a "
        "terminal, one line per message otherwise, one JSON object per message with --json.",
    )
    parser.add_argument("--broker", default="mqtt://localhost:1883", metavar="URL")
    parser.add_argument("--root", default="patrol/v1", help="the topic root of the units")
    parser.add_argument("--unit", metavar="ID", help="only this unit")
    parser.add_argument("--json", action="store_true", help="one JSON object per message")
    parser.add_argument("--record", type=Path, metavar="FILE", help="append every message to it")
    parser.add_argument("--duration", type=float, metavar="S", help="stop after so many seconds")
    parser.add_argument("--no-ack", action="store_true", help="only listen")
    parser.add_argument("--username", help="for the broker")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="mode 0600")
    parser.add_argument(
        "--ca", type=Path, metavar="PEM", help="who signed the broker's certificate"
    )
    parser.add_argument("--cert", type=Path, metavar="PEM", help="the hub's own certificate")
    parser.add_argument("--key", type=Path, metavar="PEM", help="and its key")
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    """0 if it went well, 1 if the broker was not reached, or the record not written; 2 for a wrong
    address or file."""
    live = not args.json and sys.stdout.isatty()
    hub = _hub(args, None if live else _printer(as_json=args.json))
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
    _summary(hub.snapshot())
    return _verdict(hub.snapshot(), connected=reached.connected, ran=ran)


def _hub(args: argparse.Namespace, show: Any) -> "ReferenceHub":
    from drivers.clock import SystemClock
    from edge.hub import ReferenceHub, hub_options

    try:
        options = replace(
            hub_options(args.broker, SystemClock()),
            username=args.username,
            password_file=args.password_file,
            ca=args.ca,
            cert=args.cert,
            key=args.key,
        )
        return ReferenceHub(
            args.broker,
            root=args.root.strip("/"),
            unit=args.unit,
            record=args.record,
            on_arrival=show,
            acknowledge=not args.no_ack,
            options=options,
        )
    except ValueError as error:
        text, _, cure = str(error).partition("; ")
        raise CommandError(f"--broker: {text}", cure, USAGE) from error
    except OSError as error:
        raise CommandError(
            f"cannot write {args.record}: {error.strerror}", "give a file that can be made", USAGE
        ) from error


def _printer(*, as_json: bool) -> Any:
    from edge import hub

    def show(arrival: "Arrival") -> None:
        say(json.dumps(hub.as_json(arrival)) if as_json else hub.in_words(arrival))
        sys.stdout.flush()

    return show


def _watch(hub: "ReferenceHub", duration_s: float | None, *, live: bool) -> None:
    from drivers.clock import SystemClock

    clock = SystemClock()
    ends_s = None if duration_s is None else clock.mono_s() + duration_s
    told: str | None = None
    with _screen(live=live) as show:
        while hub.running and (ends_s is None or clock.mono_s() < ends_s):
            left_s = REFRESH_S if ends_s is None else min(REFRESH_S, ends_s - clock.mono_s())
            if signal.sigtimedwait((signal.SIGINT, signal.SIGTERM), max(0.0, left_s)) is not None:
                return
            snapshot = hub.snapshot()
            show(snapshot)
            if snapshot.last_error != told and not snapshot.connected:
                told = snapshot.last_error
                note(f"waiting for the broker: {told}")


class _screen:  # noqa: N801 - used like a function, with `with`
    """Gives a function that shows a snapshot: as a live table, or not at all."""

    def __init__(self, *, live: bool) -> None:
        self._live: Any = None
        if live:
            from rich.live import Live

            self._live = Live(refresh_per_second=4)

    def __enter__(self) -> Any:
        if self._live is None:
            return lambda _snapshot: None
        self._live.start()
        return lambda snapshot: self._live.update(table(snapshot))

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()


def table(snapshot: "HubSnapshot") -> Any:
    """All units, a line each, and the newest message below."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    rows = Table(*COLUMNS, title="units heard")
    for view in snapshot.units:
        place = view.position
        where = f"{place.lat_deg:.5f}, {place.lon_deg:.5f}" if place else "-"
        faults = ", ".join(fault.code for fault in view.health.faults) if view.health else "-"
        counts = (view.accepted, view.duplicates, view.invalid, view.missing)
        rows.add_row(view.unit, view.status, *map(str, counts), where, faults or "none")
    link = "connected" if snapshot.connected else f"not connected: {snapshot.last_error or '...'}"
    return Group(rows, Text(f"{link}   {snapshot.newest}", overflow="ellipsis", no_wrap=True))


def _summary(snapshot: "HubSnapshot") -> None:
    note(f"{snapshot.messages} messages from {len(snapshot.units)} units")
    for view in snapshot.units:
        gaps = f", {view.missing} missing" if view.missing else ", nothing missing"
        note(
            f"  {view.unit}: {view.accepted} accepted, {view.duplicates} duplicates, "
            f"{view.invalid} invalid{gaps}"
        )
    for reason, count in sorted(snapshot.refusals.items()):
        note(f"  refused {count}: {reason}")


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
