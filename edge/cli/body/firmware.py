"""`patrol-edge firmware`: what the unit's boards run, and how they get something newer."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.body import firmware_campaign, firmware_flash, firmware_settings, firmware_sign
from edge.cli.body.firmware_bench import (
    Bar,
    Bench,
    add_bench_options,
    add_wait_options,
    in_words,
    told_by,
)
from edge.cli.console import DONE, FAILED, CommandError, note, say
from edge.cli.parser import add_command, add_part

if TYPE_CHECKING:
    from edge.firmware.flasher import Flasher, Found
    from edge.firmware.package import Package

HELP = """\
The boards of a unit and their firmware. With MCUboot a new image runs on trial first, and the board
goes back to the old one by itself unless it is confirmed; so nothing that happens during a flash
leaves it without a firmware that starts. ESP32 and STM32 in their own boot loaders have no
way back. Only signed packages for the board's model and revision are taken.

  patrol-edge firmware list
  patrol-edge firmware flash lamp-1.4.0.pefw
  patrol-edge firmware confirm lamp

docs/firmware.md is the technician's page.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands,
        "firmware",
        "list, flash, confirm, roll back the unit's boards; their settings",
        HELP,
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = add_part(parts, "list", show_list, "what each board is and runs")
    add_bench_options(listing)
    info = add_part(parts, "info", show_one, "everything about a board, or about a package")
    info.add_argument("what", nargs="?", metavar="BOARD|PACKAGE", help="default: the only board")
    add_bench_options(info)
    firmware_flash.register(parts)
    for name, does, told in (
        ("confirm", confirm, "keep what a board runs on trial"),
        ("rollback", roll_back, "go back to what is in a board's other slot"),
    ):
        part = add_part(parts, name, does, told)
        part.add_argument("board", nargs="?", metavar="BOARD", help="default: the only one")
        add_bench_options(part)
        add_wait_options(part)
    firmware_settings.register(parts)
    firmware_campaign.register(parts)
    firmware_sign.register(parts)


# --- looking ---------------------------------------------------------------------------------


def show_list(args: argparse.Namespace) -> int:
    bench = Bench.of(args)
    rows = [_row(bench, name) for name in bench.boards]
    if args.json:
        say(json.dumps(rows))
    else:
        for row in rows:
            say(f"{row['board']:16} {row['model'] or '?':16} {row['state']}")
        if not rows:
            note("no boards in the unit file")
    return FAILED if any(row["fault"] for row in rows) else DONE


def _row(bench: Bench, name: str) -> dict[str, Any]:
    config = bench.boards[name]
    row: dict[str, Any] = {"board": name, "port": config.port, "update": config.update}
    if config.update != "smp":
        told = bench.flasher().ledger.read().boards.get(name)
        state = f"last given {told.version}" if told else "not known: it cannot be asked"
        return row | {"model": config.model, "state": state, "fault": None}
    try:
        found = _found(bench, name)
    except CommandError as error:
        return row | {"model": config.model, "state": f"{error}", "fault": str(error)}
    return row | facts(found) | {"fault": None}


def _found(bench: Bench, name: str) -> "Found":
    """Raises CommandError."""
    with bench.borrowed(name), in_words():
        return bench.flasher().look(name, bench.boards[name])


def facts(found: "Found") -> dict[str, Any]:
    from edge.firmware.flasher import state_words

    return {
        "model": found.identity.model,
        "hardware": found.identity.hardware,
        "system": found.identity.system,
        "state": state_words(found.images),
        "images": [
            {
                "slot": each.slot,
                "version": each.version,
                "hash": each.hash.hex() if each.hash else None,
                "active": each.active,
                "confirmed": each.confirmed,
                "pending": each.pending,
            }
            for each in found.images
        ],
    }


def show_one(args: argparse.Namespace) -> int:
    bench = Bench.of(args)
    if args.what is not None and args.what not in bench.boards and Path(args.what).exists():
        return _show_package(args, bench.package(Path(args.what)))
    name = bench.one(args.what)
    told = _row(bench, name)
    history = [
        entry.model_dump(mode="json")
        for entry in bench.flasher().ledger.read().entries
        if entry.board == name
    ]
    if args.json:
        say(json.dumps(told | {"history": history}))
    else:
        for key in ("board", "port", "model", "hardware", "system", "state"):
            if told.get(key) is not None:
                say(f"{key:10} {told[key]}")
        for each in told.get("images", ()):
            say(f"slot {each['slot']:<5} {each['version']}  {each['hash']}")
        for entry in history[-10:]:
            say(f"{entry['at'][:16]}  {entry['after']} {entry['end']}, by {entry['by']}")
    return FAILED if told["fault"] else DONE


def _show_package(args: argparse.Namespace, package: "Package") -> int:
    manifest = package.manifest
    if args.json:
        told = manifest.model_dump(mode="json") | {"signer": package.signer, "kid": package.kid}
        say(json.dumps(told))
        return DONE
    say(f"for        {manifest.model}, hardware {', '.join(manifest.hardware)}")
    say(f"version    {manifest.version}, serial {manifest.serial}, kind {manifest.kind}")
    say(f"signed     by {package.signer} ({package.kid}) on {manifest.issued_at:%Y-%m-%d}")
    say(f"good until {manifest.expires_at:%Y-%m-%d}")
    for file in manifest.files:
        where = "" if file.address is None else f" at {file.address:#x}"
        say(f"file       {file.name}, {file.size_bytes} bytes{where}")
    if manifest.note:
        say(f"note       {manifest.note}")
    return DONE


# --- doing -----------------------------------------------------------------------------------


def confirm(args: argparse.Namespace) -> int:
    return _settle(args, lambda flasher: flasher.confirm, "stays")


def roll_back(args: argparse.Namespace) -> int:
    return _settle(args, lambda flasher: flasher.roll_back, "runs again, confirmed")


def _settle(
    args: argparse.Namespace, way: "Callable[[Flasher], Callable[..., Any]]", words: str
) -> int:
    bench = Bench.of(args)
    name = bench.one(args.board)
    with (
        bench.borrowed(name) as loan,
        in_words(),
        Bar(name, loan, quiet=args.json) as bar,
    ):
        running = way(bench.flasher())(name, bench.boards[name], told_by(), bar)
    if args.json:
        say(json.dumps({"board": name, "version": running.version, "confirmed": True}))
    else:
        say(f"{name}: {running.version} {words}")
    return DONE
