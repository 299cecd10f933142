"""`patrol-edge firmware sign`: a package, made where the signing key is."""

import argparse
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from edge.cli.console import DONE, USAGE, CommandError, say
from edge.cli.hub.signing import signer_of
from edge.cli.parser import Parts, add_part, number_in

if TYPE_CHECKING:
    from edge.firmware.manifest import Manifest

HELP = """\
Make a package of built files and sign it. The units that shall take it know the key's public part
with the role technician (`patrol-edge keys new`, `patrol-edge keys install --role technician`).
--serial counts up with each release of a model: a unit refuses to go back.

  patrol-edge firmware sign lamp.signed.bin --model patrol-lamp --hardware 1 2 --version 1.4.0 \\
      --serial 14 --key firmware.key --out lamp-1.4.0.pefw
  patrol-edge firmware sign 0x0:boot.bin 0x8000:table.bin 0x10000:app.bin --kind esp32 \\
      --chip esp32s3 --model patrol-horn --hardware 3 --version 2.0.1 --serial 9 --key firmware.key
"""


def register(parts: Parts) -> None:
    parser = add_part(parts, "sign", sign, "make a package of built files", HELP)
    add = parser.add_argument
    add("files", nargs="+", metavar="[ADDRESS:]FILE", help="for MCUboot one, signed by imgtool")
    add("--model", required=True, metavar="NAME", help="as the board says it")
    add("--hardware", required=True, nargs="+", metavar="REV", help="the revisions it is for")
    add("--version", required=True, metavar="X.Y.Z")
    add("--serial", required=True, type=int, metavar="N", help="of the release; counts up")
    add("--kind", choices=("smp", "esp32", "stm32-dfu"), default="smp", help="default: smp")
    add("--chip", metavar="NAME", help="esp32: esp32, esp32s3, ...")
    add("--usb", metavar="VVVV:PPPP", help="stm32-dfu: vendor and product, usually 0483:df11")
    add("--days", type=number_in(1, 3650), default=365.0, help="how long it is good (365)")
    add("--note", default="", metavar="TEXT", help="for whoever flashes it")
    add("--key", required=True, type=Path, metavar="FILE", help="the private key")
    add("--out", type=Path, metavar="FILE", help="default: MODEL-VERSION.pefw")
    add("--json", action="store_true", help="the manifest as JSON")


def sign(args: argparse.Namespace) -> int:
    from edge.firmware.package import ENDING, PackageError, write_package

    signer = signer_of(args.key, None)
    if signer is None:
        raise CommandError("a package needs a key", "give --key", USAGE)
    parts = dict(_part(word) for word in args.files)
    files = {path.name: _content(path) for path in parts}
    if len(files) != len(parts):
        raise CommandError("two files have the same name", "name them differently", USAGE)
    manifest = _manifest(args, {path.name: address for path, address in parts.items()}, files)
    out = args.out or Path(f"{args.model}-{args.version}{ENDING}")
    try:
        write_package(out, manifest, files, signer.key, signer.kid)
    except PackageError as error:
        raise CommandError(str(error), error.cure, USAGE) from error
    except OSError as error:
        raise CommandError(f"{out}: {error.strerror}", "choose another place") from error
    if args.json:
        say(json.dumps(manifest.model_dump(mode="json") | {"path": str(out)}))
    else:
        say(f"{out}: {manifest.told}, signed by {signer.kid}, good for {args.days:.0f} days")
    return DONE


def _part(word: str) -> tuple[Path, int | None]:
    """Raises CommandError."""
    address, colon, path = word.rpartition(":")
    if not colon:
        return Path(word), None
    try:
        return Path(path), int(address, 0)
    except ValueError as error:
        raise CommandError(f"{word}: no address", "write 0x10000:FILE", USAGE) from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", "check the name", USAGE) from error


def _manifest(
    args: argparse.Namespace, addresses: dict[str, int | None], files: dict[str, bytes]
) -> "Manifest":
    """Raises CommandError naming what is wrong."""
    from edge.firmware.manifest import Manifest

    now = datetime.now(UTC)
    try:
        return Manifest.model_validate(
            {
                "model": args.model,
                "hardware": args.hardware,
                "version": args.version,
                "kind": args.kind,
                "serial": args.serial,
                "issued_at": now,
                "expires_at": now + timedelta(days=args.days),
                "files": [
                    {
                        "name": name,
                        "sha256": hashlib.sha256(data).hexdigest(),
                        "size_bytes": len(data),
                        "address": addresses[name],
                    }
                    for name, data in files.items()
                ],
                "chip": args.chip,
                "usb": args.usb,
                "note": args.note,
            }
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the package"
        told = first["msg"].removeprefix("Value error, ")
        if where == "version":
            told = f"{args.version} is not X.Y.Z, such as 1.4.0"
        raise CommandError(f"{where}: {told}", "patrol-edge firmware sign --help", USAGE) from error
