"""`patrol-edge outbox`: what waits on the unit's disk, for technicians."""

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.language import said
from edge.cli.console import DONE, USAGE, CommandError, note, say
from edge.cli.parser import Handler, Parts, add_part
from edge.cli.unit.asking import add_unit_files, state_folder

if TYPE_CHECKING:
    from telemetry.outbox.look import Look

FILE = "outbox.db"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "outbox",
        help="show what waits on the disk; export it; lay a message aside",
        description="The queue on the unit's disk, while the unit runs or when it does not.",
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    status = _part(parts, "status", show_status, "how much waits since when, and what is wrong")
    status.add_argument("--json", action="store_true", help="one JSON object")
    peek = _part(parts, "peek", show_next, "the next messages, in the order they would be sent")
    peek.add_argument("--limit", type=_count, default=10, metavar="N", help="at most (10)")
    peek.add_argument("--json", action="store_true", help="one JSON object per line")
    export = _part(parts, "export", export_all, "write all that waits to a file, a line each")
    export.add_argument("file", type=Path, metavar="FILE", help="it is made with mode 0600")
    export.add_argument("--json", action="store_true", help="the result as one JSON object")
    for name, handler, told in (
        ("park", park, "lay messages aside, so that they are not sent"),
        ("unpark", unpark, "send messages that were laid aside"),
    ):
        moving = _part(parts, name, handler, told)
        moving.add_argument("sequence", type=_count, nargs="*", metavar="SEQUENCE")
        moving.add_argument("--json", action="store_true", help="the result as one JSON object")
        if name == "unpark":
            moving.add_argument("--all", action="store_true", help="all that were laid aside")


def _part(parts: Parts, name: str, handler: Handler, told: str) -> argparse.ArgumentParser:
    parser = add_part(parts, name, handler, told)
    add_unit_files(parser)
    return parser


def _count(text: str) -> int:
    value = int(text)  # argparse tells a ValueError as a wrong value
    if not 0 < value < 2**53:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


@contextmanager
def _look(folder: Path) -> Iterator["Look"]:
    from telemetry.outbox.look import Look, LookError

    try:
        with Look.open(folder / FILE) as look:
            yield look
    except LookError as error:
        raise CommandError(said(error), error.cure) from error


# --- looking ---------------------------------------------------------------------------------


def show_status(args: argparse.Namespace) -> int:
    folder = state_folder(args)
    with _look(folder) as look:
        told = _status(folder, look)
    if args.json:
        say(json.dumps(told))
        return DONE
    from edge.cli.unit.outbox_words import status_lines

    for line in status_lines(told):
        say(line)
    return DONE


def _status(folder: Path, look: "Look") -> dict[str, Any]:
    from edge.running.state_lock import is_in_use

    seen = look.overview()
    now_ms = _now_ms()
    ages = [None if ms is None else max(0, now_ms - ms) / 1000 for ms in seen.oldest_put_ms]
    return {
        "file": str(folder / FILE),
        "running": is_in_use(folder),
        "depth": sum(seen.depth),
        "by_priority": [
            {"priority": number, "depth": depth, "bytes": size, "oldest_age_s": age}
            for number, (depth, size, age) in enumerate(
                zip(seen.depth, seen.body_bytes, ages, strict=True)
            )
        ],
        "file_bytes": seen.file_bytes + seen.log_bytes,
        "last_sequence": seen.last_sequence,
        "drops": seen.drops,
        "thinned_within_m": seen.sweep.tolerance_m,
        "set_aside": [str(path) for path in seen.set_aside],
        "parked": [
            {
                "sequence": row.sequence,
                "priority": row.priority,
                "kind": row.kind,
                "id": row.id,
                "cause": row.cause,
                "refusals": row.refusals,
                "parked_s_ago": max(0, now_ms - row.parked_ms) / 1000,
            }
            for row in look.parked()
        ],
    }


def _now_ms() -> int:
    from drivers.clock import SystemClock

    return round(SystemClock().utc().timestamp() * 1000)


def show_next(args: argparse.Namespace) -> int:
    from itertools import islice

    from edge.cli.unit.outbox_words import row_line

    with _look(state_folder(args)) as look:
        rows = list(islice(look.waiting(), args.limit))
    for row in rows:
        say(json.dumps(_as_json(row)) if args.json else row_line(row, _now_ms()))
    if not rows:
        note("nothing waits")
    return DONE


def _as_json(row: Any) -> dict[str, Any]:
    return {
        "sequence": row.sequence,
        "priority": row.priority,
        "kind": row.kind,
        "id": row.id,
        "put_ms": row.put_ms,
        "message": row.message(),
    }


def export_all(args: argparse.Namespace) -> int:
    from edge.cli.unit.outbox_export import export

    folder = state_folder(args)
    if args.file.is_dir():
        raise CommandError(f"{args.file} is a folder", "name a file", USAGE)
    with _look(folder) as look:
        total = sum(look.overview().depth)
        lines = (json.dumps(_as_json(row)) + "\n" for row in look.waiting())
        try:
            written = export(args.file, lines, total)
        except OSError as error:
            raise CommandError(
                f"cannot write {args.file}: {error.strerror}",
                "name a file on a disk with room, in a folder that you may write",
            ) from error
    if args.json:
        say(json.dumps({"file": str(args.file), "messages": written}))
    else:
        say(f"{written} messages are in {args.file}")
    return DONE


# --- moving ----------------------------------------------------------------------------------


def park(args: argparse.Namespace) -> int:
    return _move(args, "park", args.sequence)


def unpark(args: argparse.Namespace) -> int:
    sequences = args.sequence
    if args.all:
        with _look(state_folder(args)) as look:
            sequences = [row.sequence for row in look.parked()]
    return _move(args, "unpark", sequences)


def _move(args: argparse.Namespace, verb: str, sequences: list[int]) -> int:
    """Through the unit where it runs, else in the file."""
    if not sequences:
        raise CommandError(
            "no sequence is given", "`patrol-edge outbox status` and `peek` show them", USAGE
        )
    folder = state_folder(args)
    with _look(folder):  # is it there, sound, and ours?
        pass
    moved = _ask_unit(args, folder, verb, sequences)
    if moved is None:
        moved = _move_in_file(folder, verb, sequences)
    missing = sorted(set(sequences) - set(moved))
    if args.json:
        say(json.dumps({"moved": moved, "missing": missing}))
    else:
        words = "laid aside" if verb == "park" else "to be sent again"
        say(f"{len(moved)} message{'s are' if len(moved) != 1 else ' is'} {words}")
    if missing and not moved:
        where = "waits" if verb == "park" else "is laid aside"
        raise CommandError(f"none of {', '.join(map(str, missing))} {where}", "see the status")
    return DONE


def _ask_unit(
    args: argparse.Namespace, folder: Path, verb: str, sequences: list[int]
) -> list[int] | None:
    """What the unit that runs there has moved; None where none runs. Raises CommandError."""
    from edge.cli.unit.asking import ask_unit
    from edge.running.state_lock import is_in_use

    if not is_in_use(folder):
        return None
    args.state_dir = folder
    answer = ask_unit(args, f"outbox.{verb}", {"sequences": sequences})
    return [int(number) for number in answer["moved"]]


def _move_in_file(folder: Path, verb: str, sequences: list[int]) -> list[int]:
    """No unit may run: it alone writes its file. Returns what was moved. Raises CommandError."""
    from edge.running.state_lock import StateInUseError, lock_state
    from telemetry.outbox.moving import move

    try:
        handle = lock_state(folder)
    except StateInUseError as error:
        raise CommandError(
            f"the unit works in {folder}, and it alone may change its queue",
            "stop it first: systemctl stop patrol-edge",
        ) from error
    if handle is None:
        raise CommandError(f"{folder} may not be written by this user", "ask with sudo")
    try:
        return move(folder / FILE, verb == "park", sequences, _now_ms())
    except OSError as error:
        raise CommandError(f"cannot change {folder / FILE}: {error}", "check the disk") from error
    finally:
        os.close(handle)
