"""`patrol-edge keys`: make a key for a hub, and say on a unit whose commands it obeys."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, note, say
from edge.cli.parser import Handler, Parts, add_part
from edge.cli.unit.asking import add_unit_options

if TYPE_CHECKING:
    from edge.cli.unit.keys_ring import Ring
    from telemetry.commands.keys import KeyEntry

ROLES = {
    "commander": "all but the technician's: modes, siren, clips, and what an operator may",
    "operator": "tasks, duty, speech, light, recording",
    "technician": "configuration and firmware",
}
YEAR_DAYS = 365
LONGEST_DAYS = 3650


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    roles = "; ".join(f"{role}: {what}" for role, what in ROLES.items())
    parser = commands.add_parser(
        "keys",
        help="make a hub's key; say which keys may command this unit",
        description="A hub signs its commands with a private key, which never leaves it. "
        "Each unit has a keyring of public keys, and obeys those. To change a key: install the "
        f"new one, let the hub change over, revoke the old one. Roles are: {roles}.",
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    new = parts.add_parser(
        "new", help="on the hub: make a key", description="Make a private key, and its .pub file."
    )
    new.add_argument("issuer", metavar="HUB", help="the hub's name, e.g. hub-1")
    new.add_argument("--out", type=Path, metavar="FILE", help="the private key (HUB.key)")
    new.add_argument("--json", action="store_true", help="the public part as one JSON object")
    new.set_defaults(handler=make)
    install = _part(parts, "install", install_key, "obey this key from now on")
    install.add_argument("file", type=Path, metavar="FILE.pub", help="what `keys new` made; or PEM")
    install.add_argument(
        "--role", action="append", choices=ROLES, required=True, help="may be given several times"
    )
    install.add_argument(
        "--days", type=_days, default=YEAR_DAYS, metavar="N", help="valid for so long (365)"
    )
    install.add_argument("--issuer", metavar="HUB", help="call the hub this on this unit")
    _part(parts, "list", show_all, "the keys of this unit, and until when they are valid")
    show = _part(parts, "show", show_one, "one key: of the keyring, or in a file")
    show.add_argument("which", metavar="KEY|FILE")
    revoke = _part(parts, "revoke", revoke_key, "never obey this key again")
    revoke.add_argument("which", metavar="KEY", help="its first characters will do")
    revoke.add_argument("--reason", default="", metavar="TEXT", help="in a few words")
    revoke.add_argument(
        "--last", action="store_true", help="even if no hub can command this unit then"
    )
    remove = _part(parts, "remove", remove_key, "take a key that is over out of the keyring")
    remove.add_argument("which", metavar="KEY", help="its first characters will do")


def _part(parts: Parts, name: str, handler: Handler, told: str) -> argparse.ArgumentParser:
    parser = add_part(parts, name, handler, told)
    add_unit_options(parser)
    parser.add_argument(
        "--keyring", type=Path, metavar="FILE", help="instead of the unit's own keyring"
    )
    return parser


def _days(text: str) -> int:
    value = int(text)  # argparse tells a ValueError as a wrong value
    if not 1 <= value <= LONGEST_DAYS:
        raise argparse.ArgumentTypeError(f"{text} is not within 1..{LONGEST_DAYS}")
    return value


def _ring(args: argparse.Namespace) -> "Ring":
    from edge.cli.unit.keys_ring import Ring

    return Ring.of(args)


# --- on the hub ----------------------------------------------------------------------------------


def make(args: argparse.Namespace) -> int:
    from edge.cli.unit.keys_ring import make_pair

    path: Path = args.out or Path(f"{args.issuer}.key")
    public, content = make_pair(args.issuer, path)
    if args.json:
        say(json.dumps(content))
        return DONE
    say(f"key {content['kid']} of {args.issuer}")
    note(f"{path}: the private key. It stays on the hub; nobody else may ever have it.")
    note(f"{public}: the public part. Copy it to each unit, and there:")
    note(f"  sudo patrol-edge keys install {public.name} --role commander")
    return DONE


# --- on a unit -----------------------------------------------------------------------------------


def install_key(args: argparse.Namespace) -> int:
    ring = _ring(args)
    entry = ring.install(args.file, tuple(dict.fromkeys(args.role)), args.days, args.issuer)
    if args.json:
        say(entry.model_dump_json(exclude_none=True))
        return DONE
    say(ring.line(entry))
    note("this unit obeys it from now on; compare the key's name with the hub's, over the radio")
    return DONE


def show_all(args: argparse.Namespace) -> int:
    ring = _ring(args)
    if args.json:
        say(json.dumps([ring.facts(entry) for entry in ring.content.keys]))
        return DONE
    for entry in ring.content.keys:
        say(ring.line(entry))
    if not ring.content.keys:
        say("no key: no hub can command this unit")
        note("  → `sudo patrol-edge keys install HUB.pub --role commander`")
    for warning in ring.warnings():
        note(f"warning: {warning}")
    return DONE


def show_one(args: argparse.Namespace) -> int:
    from edge.cli.unit.keys_ring import in_file

    path = Path(args.which)
    if path.is_file():
        facts = in_file(path)
    else:
        ring = _ring(args)
        facts = ring.facts(ring.find(args.which))
    if args.json:
        say(json.dumps(facts))
        return DONE
    for name, value in facts.items():
        say(f"{name:<12} {', '.join(value) if isinstance(value, list) else value}")
    return DONE


def revoke_key(args: argparse.Namespace) -> int:
    ring = _ring(args)
    entry = ring.revoke(args.which, args.reason, even_the_last=args.last)
    say(entry.model_dump_json(exclude_none=True) if args.json else ring.line(entry))
    return DONE


def remove_key(args: argparse.Namespace) -> int:
    ring = _ring(args)
    entry: KeyEntry = ring.remove(args.which)
    say(json.dumps({"removed": entry.kid}) if args.json else f"removed {entry.kid}")
    return DONE
