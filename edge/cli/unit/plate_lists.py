"""Plate lists and hits on a unit, asked of the unit that runs."""

import argparse
import json
from pathlib import Path
from typing import Any

from edge.cli.console import DONE, USAGE, CommandError, note, say
from edge.cli.unit.asking import ask_unit
from edge.plates.stick import MOST_BYTES

OFF = "see that plates.enabled is true in the unit's file"
LARGEST_BYTES = 64 * 1024 * 1024


def install(args: argparse.Namespace) -> int:
    told: dict[str, Any] = {}
    for line in _lines(args.file):
        cure = "`patrol-edge plates status` shows what is installed; " + OFF
        told = ask_unit(args, "plates.import", {"token": line}, cure)
    if args.json:
        say(json.dumps(told, ensure_ascii=False))
        return DONE
    say(f"{told['list']}, version {told['version']}: {told['state']}, {told['entries']} plates")
    for entry in told.get("not_plates", []):
        note(f"  left out, no plate: entry {entry}")
    if told["state"] == "staged":
        note(f"  not in force: parts {told['parts_missing']} are missing")
        note("  → import the files that have them")
    return DONE


def _lines(path: Path) -> list[str]:
    """Raises CommandError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
        lines = content.decode("ascii").split()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", "check the name", USAGE) from error
    except UnicodeDecodeError:
        lines = []
    if not lines or len(content) > LARGEST_BYTES or any(len(each) > MOST_BYTES for each in lines):
        cure = "make one where the hub is: `patrol-edge plates sign`"
        raise CommandError(f"{path} is no signed list", cure, USAGE)
    return lines


def status(args: argparse.Namespace) -> int:
    told = ask_unit(args, "plates.status", cure=OFF)
    if args.json:
        say(json.dumps(told, ensure_ascii=False))
        return DONE
    for each in told["lists"]:
        say(
            f"{each['list']}, version {each['version']}: {each['entries']} plates until "
            f"{each['expires_at']} ({each['legal_basis']})"
        )
    if not told["lists"]:
        say("no list: no plate is looked for")
    for hit in told["pending"]:
        say(
            f"WAITS {hit['episode']}  entry {hit['entry']} of {hit['list']}: {hit['vehicle']} at "
            f"{hit['camera']}, {hit['seen']}, {hit['confidence']:.0%} sure"
        )
    if told["fault"]:
        note(f"warning: {told['fault']}")
    return DONE


def review(args: argparse.Namespace) -> int:
    pending = ask_unit(args, "plates.status", cure=OFF)["pending"]
    found = [hit["episode"] for hit in pending if hit["episode"].endswith(args.episode)]
    if len(found) != 1:
        what = "no hit" if not found else f"{len(found)} hits"
        cure = "`patrol-edge plates status` lists those that wait"
        raise CommandError(f"{what} of this name to review", cure, USAGE)
    wanted = {"episode": found[0], "verdict": args.verdict, "reason": args.reason}
    told = ask_unit(args, "plates.review", wanted)
    said = f"{told['entry']} of {told['list']}: {told['verdict']}"
    say(json.dumps(told, ensure_ascii=False) if args.json else said)
    return DONE
