"""`patrol-edge plates sign`: a list for a stick, made where the hub's key is."""

import argparse
import csv
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge.cli.console import DONE, USAGE, CommandError, note, say
from edge.cli.hub.signing import signer_of
from edge.plates.stick import MOST_BYTES, signed
from perception.plates.formats import parse
from telemetry.contract.plates import MOST_PARTS, PlatesList

PER_PART = 400  # entries of one line, which stays below MOST_BYTES with names of 40 characters


def sign(args: argparse.Namespace) -> int:
    signer = signer_of(args.key, None)
    if signer is None:
        raise CommandError("a list needs a key", "give --key", USAGE)
    entries, now = _entries(args.file), datetime.now(UTC)
    parts = [entries[start : start + PER_PART] for start in range(0, len(entries), PER_PART)]
    if len(parts) > MOST_PARTS:
        raise CommandError(f"{len(entries)} plates are too many", "make several lists", USAGE)
    units = tuple(args.unit)
    lists = [_list(args, part, n, len(parts), now) for n, part in enumerate(parts, start=1)]
    lines = [signed(each, units, now, signer.key, signer.kid) for each in lists]
    if any(len(line) > MOST_BYTES for line in lines):
        raise CommandError("the names of the entries are too long", "shorten them", USAGE)
    try:
        args.out.write_text("\n".join(lines) + "\n", encoding="ascii")
    except OSError as error:
        raise CommandError(f"{args.out}: {error.strerror}", "choose another place") from error
    say(f"{args.out}: {len(entries)} plates of {args.list}, signed by {signer.kid}")
    note("it holds the plates in clear: keep the stick as you would keep the list")
    return DONE


def _list(
    args: argparse.Namespace, entries: list[dict[str, str]], part: int, parts: int, now: datetime
) -> PlatesList:
    try:
        ends = now + timedelta(days=args.days)
        wanted: dict[str, Any] = {
            "list": args.list,
            "version": args.version,
            "mode": "replace",
            "part": part,
            "parts": parts,
            "legal_basis": args.basis,
            "expires_at": ends,
            "priority": args.priority,
            "entries": entries,
            "blind": secrets.token_urlsafe(24),
        }
        return PlatesList.model_validate(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        option = {"legal_basis": "basis", "expires_at": "days"}.get(
            name := str(first["loc"][0]), name
        )
        told = f"--{option}: {first['msg']}"
        raise CommandError(told, "patrol-edge plates sign --help", USAGE) from error


def _entries(path: Path) -> list[dict[str, str]]:
    """Raises CommandError naming the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(n, row) for n, row in enumerate(csv.reader(file), start=1) if any(row)]
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", "check the name", USAGE) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path} is no CSV in UTF-8", "save it as UTF-8", USAGE) from error
    found = []
    for number, row in rows:
        plate = parse(row[1]) if len(row) >= 2 else None
        if plate is None or not row[0].strip() or len(row[0]) > 40:
            cure = "write ENTRY,PLATE: an own name of at most 40 characters, and a plate"
            raise CommandError(f"{path}, line {number}: no entry and plate", cure, USAGE)
        found.append({"entry": row[0].strip(), "plate": plate.text})
    if not found:
        raise CommandError(f"{path} is empty", "write lines of ENTRY,PLATE", USAGE)
    return found
