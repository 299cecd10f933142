"""`patrol-edge firmware config`: a board's own settings, against the unit file's."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from edge.cli.body.firmware_bench import Bench, add_bench_options, add_wait_options, in_words
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.parser import Parts, add_command, add_part

if TYPE_CHECKING:
    from firmware_bridge.management.board import Board

TYPES = ("bool", "int", "float", "text", "hex")
HELP = """\
What a board keeps by itself, by name. `diff` compares it with what stands below
boards.NAME.settings in the unit file, and `set` without a name writes all that differs.

  patrol-edge firmware config diff lamp
  patrol-edge firmware config set lamp
  patrol-edge firmware config get lamp light/most_percent
  patrol-edge firmware config set lamp light/most_percent 80
"""


def register(parts: Parts) -> None:
    parser = add_command(parts, "config", "a board's settings: get, set, diff", HELP)
    below = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, does, told in (
        ("get", get, "read one setting, or all of the unit file"),
        ("set", put, "write one setting, or all that differ, and keep them"),
        ("diff", diff, "what differs from the unit file"),
    ):
        part = add_part(below, name, does, told)
        part.add_argument("board", metavar="BOARD", help="its name in the unit file, or bench")
        if name != "diff":
            part.add_argument("name", nargs="?", metavar="NAME", help="default: all of the file")
            part.add_argument("--type", choices=TYPES, help="default: as in the unit file")
        if name == "set":
            part.add_argument("value", nargs="?", metavar="VALUE")
        add_bench_options(part)
        add_wait_options(part)


def get(args: argparse.Namespace) -> int:
    bench = Bench.of(args)
    name = bench.one(args.board)
    wanted = bench.boards[name].settings
    names = [args.name] if args.name else list(wanted)
    kinds = {each: args.type or _type(wanted.get(each)) for each in names}
    with bench.borrowed(name), in_words(), bench.flasher().open(name, bench.boards[name]) as board:
        found = {each: _value(board, each, kinds[each]) for each in names}
    if args.json:
        say(json.dumps(found))
    else:
        for each, value in found.items():
            say(f"{each} = {_shown(value)}")
    return FAILED if None in found.values() else DONE


def diff(args: argparse.Namespace) -> int:
    """Exit code 1 if something differs."""
    bench = Bench.of(args)
    name = bench.one(args.board)
    with bench.borrowed(name), in_words(), bench.flasher().open(name, bench.boards[name]) as board:
        rows = _differences(board, bench.boards[name].settings)
    if args.json:
        say(json.dumps(rows))
    else:
        for row in rows:
            say(f"{row['name']}: {_shown(row['board'])} on the board, {row['file']} in the file")
        if not rows:
            note(f"{name} has what the unit file says")
    return FAILED if rows else DONE


def put(args: argparse.Namespace) -> int:
    from firmware_bridge.management.settings import SettingValueError, encode, parse

    bench = Bench.of(args)
    name = bench.one(args.board)
    wanted = bench.boards[name].settings
    if (args.name is None) != (args.value is None):
        raise CommandError("a value is missing", "write NAME VALUE, or neither", USAGE)
    try:
        if args.name is None:
            changes = {each: encode(value) for each, value in wanted.items()}
        else:
            kind = args.type or _type(wanted.get(args.name))
            if kind == "hex" and args.type is None:
                raise CommandError(
                    f"{args.name} stands in no unit file, so its type is not known",
                    "give --type bool, int, float, text or hex",
                    USAGE,
                )
            changes = {args.name: parse(args.value, kind)}  # type: ignore[arg-type]  # of TYPES
    except SettingValueError as error:
        raise CommandError(str(error), "write another value", USAGE) from error
    with bench.borrowed(name), in_words(), bench.flasher().open(name, bench.boards[name]) as board:
        written = _written(board, changes)
    if args.json:
        say(json.dumps({"board": name, "written": written}))
    else:
        say(f"{name}: {', '.join(written)} written and kept" if written else f"{name}: as it was")
    return DONE


def _written(board: "Board", changes: dict[str, bytes]) -> list[str]:
    """Those that were different; read back, and kept over a reset."""
    written = []
    for each, raw in changes.items():
        if board.setting(each) == raw:
            continue
        board.set(each, raw)
        if board.setting(each) != raw:
            raise CommandError(f"{each}: the board has not taken it", "does it allow that value?")
        written.append(each)
    if written:
        board.save_settings()
    return written


def _differences(board: "Board", wanted: dict[str, Any]) -> list[dict[str, Any]]:
    from firmware_bridge.management.settings import encode

    rows = []
    for name, value in wanted.items():
        raw = board.setting(name)
        if raw != encode(value):
            rows.append({"name": name, "board": _decoded(raw, _type(value)), "file": value})
    return rows


def _value(board: "Board", name: str, kind: str) -> Any:
    return _decoded(board.setting(name), kind)


def _decoded(raw: bytes | None, kind: str) -> Any:
    """None if the board has none; hexadecimal, if it is none of that type."""
    from firmware_bridge.management.settings import SettingValueError, decode

    if raw is None:
        return None
    try:
        return decode(raw, kind)  # type: ignore[arg-type]  # argparse and _type give only those
    except SettingValueError:
        return raw.hex()


def _type(value: Any) -> str:
    """As in the unit file; of a setting that is not there, its bytes."""
    from firmware_bridge.management.settings import type_of

    return "hex" if value is None else type_of(value)


def _shown(value: Any) -> str:
    return "(not there)" if value is None else str(value)
