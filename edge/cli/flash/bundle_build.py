"""`patrol-edge bundle build`: a bundle of files, looked into before it is made."""

import argparse
import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from config.language import localized, tell
from config.migrations import CURRENT
from config.models import UnitKind
from edge.cli.console import DONE, USAGE, CommandError, note, say
from edge.cli.flash.bundle_errors import told_as_errors

if TYPE_CHECKING:
    from edge.bundles.desk import Draft
    from edge.bundles.manifest import Manifest

UNIT_KINDS: tuple[str, ...] = get_args(UnitKind)
HELP = tell("patrol-edge bundle build --help")
LAST_YEAR = 9000  # a calendar's end, from which no day can be counted on, is far behind it


def moment(text: str) -> datetime:
    """A time with its zone, for `type=`; a date alone is its beginning in UTC."""
    wrong = argparse.ArgumentTypeError(f"{text} is no time like 2026-12-31, or 2026-12-31T20:00Z")
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise wrong from error
    if not 1970 <= value.year < LAST_YEAR:
        raise wrong
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def build(args: argparse.Namespace) -> int:
    from edge.bundles.desk import look_into
    from edge.bundles.gathering import gather
    from edge.bundles.writing import write_bundle
    from edge.cli.flash.bundle_sign import signer
    from edge.cli.flash.progress import bar

    keys = [signer(path, None) for path in args.sign]
    with told_as_errors(exit_code=USAGE):
        gathered = gather(args.files, args.kind)
        draft = _draft(args, gathered.files)
        notes = look_into(draft)
    out: Path = args.out or Path(f"{args.name}-{args.serial}.peb")
    with told_as_errors(out), bar(out.name, quiet=args.json) as progress:
        write_bundle(out, draft.manifest, draft.files, keys, progress)
    for name in gathered.left_out:
        note(tell("left out: {file}", file=name))
    for line in notes:
        note(line)
    _tell(args, out, draft.manifest, len(keys))
    return DONE


def _tell(args: argparse.Namespace, out: Path, manifest: "Manifest", signatures: int) -> None:
    from edge.cli.flash.bundle_words import made_for_words

    if args.json:
        facts = manifest.model_dump(mode="json", exclude_none=True)
        say(json.dumps({"path": str(out), "signatures": signatures, "manifest": facts}))
        return
    count = len(manifest.files)
    told = tell(
        "{file}: {what}, for {units}, until {until:%Y-%m-%d}; files: {count}",
        file=str(out), what=manifest.told, count=count, units=made_for_words(manifest),
        until=manifest.not_after,
    )  # fmt: skip
    say(localized(told))
    if not signatures:
        note(tell("nobody has signed it yet: patrol-edge bundle sign {file} --key KEY",
                  file=str(out)))  # fmt: skip


def _draft(args: argparse.Namespace, files: dict[str, Path]) -> "Draft":
    from pydantic import ValidationError

    from edge.bundles.desk import Draft
    from edge.bundles.judging import first_fault
    from edge.bundles.manifest import Manifest
    from edge.bundles.writing import content_of

    base, base_draft = _base(args)
    try:
        claims = _claims(args, files, base)
        # The id follows from all the rest, so that the same input makes the same bundle.
        manifest = Manifest(**claims, id=args.id or id_from(claims["issued_at"], b""))
        if args.id is None:
            manifest = Manifest(**claims, id=id_from(claims["issued_at"], content_of(manifest)))
    except ValidationError as error:
        raise CommandError(first_fault(error), HELP, USAGE) from error
    return Draft(manifest=manifest, files=files, base=base_draft)


def id_from(at: datetime, content: bytes) -> str:
    """A bundle's id, the same for the same content."""
    from telemetry.contract.uuid7 import uuid7

    digest = int.from_bytes(hashlib.sha256(content).digest())
    return uuid7(at, lambda bits: digest >> (256 - bits))


def _claims(args: argparse.Namespace, files: dict[str, Path], base: Any) -> dict[str, Any]:
    from edge.bundles.writing import described

    now = args.at or _now()
    begin = args.not_before or now
    end = args.not_after or begin + timedelta(days=args.days)
    return {
        "kind": args.kind,
        "name": args.name,
        "serial": args.serial,
        "made_for": {"units": args.for_unit, "kinds": args.for_kind, "classes": args.for_class},
        "schema_version": args.schema_version or _schema(args.kind),
        "runtime_min": args.runtime_min,
        "issued_at": now,
        "not_before": begin,
        "not_after": end,
        "files": tuple(described(name, path) for name, path in files.items()),
        "overlay_keys": tuple(args.overlay_key),
        "local_keys": tuple(args.local_key),
        "base": base,
        "platform": _platform(args),
        "note": args.note,
    }


def _schema(kind: str) -> int:
    """Configurations are written for the runtime that builds; the others have had no second one."""
    return CURRENT if kind in ("config", "overlay") else 1


def _now() -> datetime:
    """Whole seconds; of SOURCE_DATE_EPOCH where that is set (reproducible-builds.org)."""
    from drivers.clock import SystemClock

    told = os.environ.get("SOURCE_DATE_EPOCH", "")
    if told.isdecimal():
        return datetime.fromtimestamp(int(told), UTC)
    return SystemClock().utc().replace(microsecond=0)


def _platform(args: argparse.Namespace) -> dict[str, str] | None:
    if args.kind != "runtime":
        return None
    if args.machine is None or args.python is None:
        text = tell("a runtime says where it runs")
        raise CommandError(text, tell("give --machine x86_64 --python 3.11"), USAGE)
    return {"machine": args.machine, "python": args.python}


def _base(args: argparse.Namespace) -> "tuple[dict[str, Any] | None, Draft | None]":
    """What an overlay goes onto, and its files where it is at hand. Raises CommandError."""
    from edge.cli.flash.bundle_base import draft_of

    if args.base is None:
        return None, None
    bundle, colon, serial = str(args.base).rpartition(":")
    if colon and serial.isdecimal() and not Path(args.base).exists():
        return {"bundle": bundle, "serial": int(serial)}, None
    draft = draft_of(Path(args.base))
    if draft.manifest.kind != "config":
        text = tell("{file} is no configuration", file=args.base)
        raise CommandError(text, tell("give the bundle that the overlay goes onto"), USAGE)
    return {"bundle": draft.manifest.id, "serial": draft.manifest.serial}, draft
