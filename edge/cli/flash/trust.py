"""`patrol-edge trust`: whose signatures on bundles count."""

import argparse
from pathlib import Path

from edge.bundles.manifest import KINDS
from edge.cli.flash import trust_desk, trust_unit
from edge.cli.flash.bundle_build import UNIT_KINDS, moment
from edge.cli.parser import Parts, add_command, add_part, number_in
from edge.cli.unit.asking import add_unit_files

HELP = """\
A unit takes a bundle if keys of its list have signed it, as many as that kind of bundle needs: two
people for a runtime and for the list itself, one for all else. The list is installed by hand, once;
each later one is a bundle that the old list and the new one have signed.

at the office:
  patrol-edge trust init --key anna.pub=all --key ben.pub=all --key hub-1.pub=config,overlay,zones
  patrol-edge trust add trust.json --key dora.pub=all -o trust-2.json
  patrol-edge trust revoke trust-2.json 3f2a --why "laptop stolen" -o trust-3.json
  patrol-edge trust next trust.json trust-3.json --sign anna.key --sign ben.key -o trust-3.peb
on a unit:
  sudo patrol-edge trust install trust.json
  patrol-edge trust show

A kind is one of: {kinds}.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands,
        "trust",
        "say whose signatures on bundles count",
        HELP.format(kinds=", ".join(KINDS)),
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _register_editing(parts)
    _register_next(parts)
    show = add_part(parts, "show", trust_unit.show, "the list that counts, with fingerprints")
    show.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: this unit's")
    install = add_part(parts, "install", trust_unit.install, "on a unit: begin with this list")
    install.add_argument("file", type=Path, metavar="FILE.json")
    for part in (show, install):
        add_unit_files(part)
        part.add_argument("--anchor", type=Path, metavar="FILE", help="instead of the unit's own")
        part.add_argument("--json", action="store_true", help="one JSON object")


def _register_editing(parts: Parts) -> None:
    init = add_part(parts, "init", trust_desk.init, "at the office: make the first list")
    init.add_argument("-o", "--out", type=Path, default=Path("trust.json"), metavar="FILE")
    _add_needed(init)
    add = add_part(parts, "add", trust_desk.add, "the next list, with keys more")
    revoke = add_part(parts, "revoke", trust_desk.revoke, "the next list, without a key for good")
    for part in (add, revoke):
        part.add_argument("list", type=Path, metavar="LIST.json", help="the one before")
    revoke.add_argument("which", metavar="KEY", help="its first characters will do, or the owner")
    revoke.add_argument("--why", default="", metavar="TEXT", help="in a few words")
    revoke.add_argument("--at", type=moment, metavar="TIME", help="default: now")
    _add_needed(add)
    for part in (init, add):
        part.add_argument(
            "--key", action="append", required=True, metavar="FILE.pub=KINDS",
            help="what it may sign: all, or e.g. config,overlay; may be given several times",
        )  # fmt: skip
        part.add_argument("--days", type=number_in(1, 7300), metavar="N",
                          help="the new keys end after so many; default: for ever")  # fmt: skip
    for part in (add, revoke):
        part.add_argument("-o", "--out", type=Path, metavar="FILE", help="default: trust-N.json")
    for part in (init, add, revoke):
        part.add_argument("--json", action="store_true", help="the list as JSON")


def _add_needed(part: argparse.ArgumentParser) -> None:
    part.add_argument(
        "--needed", action="append", default=[], metavar="KIND=N",
        help="so many signatures for this kind, where not as usual",
    )  # fmt: skip


def _register_next(parts: Parts) -> None:
    after = add_part(parts, "next", trust_desk.make_next, "a bundle that brings the next list")
    after.add_argument("old", type=Path, metavar="OLD.json", help="the list that units have")
    after.add_argument("new", type=Path, metavar="NEW.json")
    after.add_argument("--sign", action="append", default=[], type=Path, metavar="KEY")
    after.add_argument("--for-unit", action="append", default=[], metavar="ID",
                       help="default: for all units")  # fmt: skip
    after.add_argument("--for-kind", action="append", default=[], choices=UNIT_KINDS)
    after.add_argument("--days", type=number_in(1, 3650), default=365.0, help="to be installed")
    after.add_argument("--at", type=moment, metavar="TIME", help="as if it were this time")
    after.add_argument("-o", "--out", type=Path, metavar="FILE", help="default: trust-N.peb")
    after.add_argument("--json", action="store_true", help="one JSON object")
