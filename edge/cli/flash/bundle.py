"""`patrol-edge bundle`: make, sign and look at the files that are flashed onto units."""

import argparse
import re
from pathlib import Path

from edge.bundles.manifest import KINDS
from edge.cli.flash import bundle_build, bundle_diff, bundle_look, bundle_sign
from edge.cli.parser import Parts, add_command, add_part, number_in
from edge.cli.unit.asking import add_unit_files

HELP = """\
A bundle (.peb) is one file with a configuration, an overlay, zones, a model, a runtime, firmware or
a list of keys; it says for which units it is, counts up with each release, and is signed.

  patrol-edge bundle build --kind config unit.yaml --name night --serial 12 --for-unit dog-07 \\
      --days 90 --sign anna.key -o night.peb
  patrol-edge bundle sign night.peb --key ben.key
  patrol-edge bundle verify night.peb --trust trust.json --unit dog-07
  patrol-edge bundle diff old.peb night.peb

Keys are made by `patrol-edge keys new NAME`; whose signatures count is said by `patrol-edge trust`.
docs/bundles.md has the format, and how two people sign.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "bundle", "make, sign and look at what is flashed onto units", HELP
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _register_build(parts)
    sign = add_part(parts, "sign", bundle_sign.sign, "add a signature; the rest stays as it is")
    sign.add_argument("file", type=Path, metavar="FILE.peb")
    sign.add_argument("--key", required=True, type=Path, metavar="KEY", help="the private key")
    sign.add_argument("--kid", help="what the list of keys calls it, where that is another name")
    sign.add_argument("-o", "--out", type=Path, metavar="FILE", help="default: the file itself")
    inspect = add_part(parts, "inspect", bundle_look.inspect, "say what it says; proves nothing")
    verify = add_part(parts, "verify", bundle_look.verify, "check it as a unit does, and say each")
    verify.add_argument("--trust", type=Path, metavar="FILE", help="list of keys; default: this "
                        "unit's, and whether this unit would take it")  # fmt: skip
    add_unit_files(verify)
    verify.add_argument("--unit", metavar="ID", help="would this unit take it")
    verify.add_argument("--unit-kind", choices=bundle_build.UNIT_KINDS, help="of what kind it is")
    verify.add_argument("--unit-class", metavar="CLASS", help="and class")
    verify.add_argument("--runtime", metavar="X.Y.Z", help="and with this runtime")
    verify.add_argument("--highest", type=int, metavar="N", help="and that had this serial")
    verify.add_argument("--at", type=bundle_build.moment, metavar="TIME", help="at this time")
    for part in (inspect, verify):
        part.add_argument("file", type=Path, metavar="FILE.peb")
    differ = add_part(parts, "diff", bundle_diff.diff, "say what differs between two")
    differ.add_argument("old", type=Path, metavar="A", help="a bundle, or a unit's file")
    differ.add_argument("new", type=Path, metavar="B", help="a bundle, or a unit's file")
    for part in (sign, inspect, verify, differ):
        part.add_argument("--json", action="store_true", help="one JSON object")


def _register_build(parts: Parts) -> None:
    build = add_part(parts, "build", bundle_build.build, "make a bundle of files")
    add = build.add_argument
    add("files", nargs="+", metavar="[NAME=]FILE|DIR", help="what it carries")
    add("--kind", required=True, choices=KINDS)
    add("-o", "--out", type=Path, metavar="FILE", help="default: NAME-SERIAL.peb")
    add("--name", required=True, help="for people, e.g. night-shift")
    add("--serial", required=True, type=int, metavar="N", help="a unit refuses to go back")
    add("--for-unit", action="append", default=[], metavar="ID", help="may be given several times")
    add("--for-kind", action="append", default=[], choices=bundle_build.UNIT_KINDS)
    add("--for-class", action="append", default=[], metavar="CLASS", help="unit.class")
    add("--not-before", type=bundle_build.moment, metavar="TIME", help="default: from now on")
    end = build.add_mutually_exclusive_group()
    end.add_argument("--not-after", type=bundle_build.moment, metavar="TIME")
    end.add_argument(
        "--days", type=number_in(1, 3650), default=365.0, help="good for so long (365)"
    )
    add("--overlay-key", action="append", default=[], metavar="KEY",
        help="config: an overlay may change it and what is below, e.g. cameras.*.fps")  # fmt: skip
    add("--local-key", action="append", default=[], metavar="KEY",
        help="config: the unit's own file has the last word about it")  # fmt: skip
    add("--base", metavar="FILE.peb|ID:SERIAL", help="overlay: what it goes onto")
    add("--machine", choices=("x86_64", "aarch64"), help="runtime: where it runs")
    add("--python", metavar="3.N", type=_python, help="runtime: with which Python")
    add("--runtime-min", metavar="X.Y.Z", help="the oldest runtime that can use it")
    add("--schema-version", type=int, metavar="N", help="of what it carries; default: this one's")
    add("--note", default="", metavar="TEXT", help="for whoever flashes it")
    add("--sign", action="append", default=[], type=Path, metavar="KEY", help="a private key")
    add("--at", type=bundle_build.moment, metavar="TIME",
        help="as if it were this time; with the same files the same bytes")  # fmt: skip
    add("--id", metavar="UUID", help="default: follows from what it holds")
    add("--json", action="store_true", help="the manifest as JSON")


def _python(text: str) -> str:
    if not re.fullmatch(r"3\.\d{1,2}", text):
        raise argparse.ArgumentTypeError(f"{text} is not like 3.11")
    return text
