"""Lists of keys as they are made at the office."""

import argparse
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.language import localized, tell
from edge.bundles.manifest import KINDS, Kind, Manifest
from edge.cli.console import DONE, USAGE, CommandError, note, say
from edge.cli.flash.bundle_errors import told_as_errors

if TYPE_CHECKING:
    from edge.bundles.signatures import Envelope
    from edge.bundles.trust import Trust, TrustKey

ALL = "all"


def init(args: argparse.Namespace) -> int:
    if args.out.exists():
        text = tell("{file} is there already", file=str(args.out))
        raise CommandError(text, tell("give another name with -o; or: trust add"), USAGE)
    keys = [_key(word, args.days) for word in args.key]
    return _write(args, {"serial": 1, "keys": keys, "needed": _needed(args.needed)}, args.out)


def add(args: argparse.Namespace) -> int:
    old = _read(args.list)
    keys = [*old.keys, *(_key(word, args.days) for word in args.key)]
    needed = {**old.needed, **_needed(args.needed)}
    serial = old.serial + 1
    claims = {"serial": serial, "keys": keys, "needed": needed}
    return _write(args, claims, args.out or args.list.with_name(f"trust-{serial}.json"))


def revoke(args: argparse.Namespace) -> int:
    from telemetry.contract.wire_types import text as bounded

    old = _read(args.list)
    gone = find(old, args.which)
    why = {"revoked_at": args.at or _now(), "revoked_why": bounded(args.why)}
    keys = [key.model_copy(update=why) if key is gone else key for key in old.keys]
    serial = old.serial + 1
    claims = {"serial": serial, "keys": keys, "needed": old.needed}
    return _write(args, claims, args.out or args.list.with_name(f"trust-{serial}.json"))


def make_next(args: argparse.Namespace) -> int:
    """A bundle with the new list; says who still has to sign it."""
    from edge.bundles.trust import FILE
    from edge.bundles.writing import write_bundle
    from edge.cli.flash.bundle_sign import signer

    old, new = _read(args.old), _read(args.new)
    if new.serial <= old.serial:
        text = tell("the new list has serial {new}, the old one {old}",
                    new=new.serial, old=old.serial)  # fmt: skip
        raise CommandError(text, tell("make it with `trust add` or `trust revoke`"), USAGE)
    keys = [signer(path, None) for path in args.sign]
    out: Path = args.out or Path(f"trust-{new.serial}.peb")
    data = args.new.read_bytes()
    with told_as_errors(out):
        envelope = write_bundle(out, _manifest(args, new, data), {FILE: data}, keys)
    _tell_next(args, out, envelope, (old, new))
    return DONE


def _manifest(args: argparse.Namespace, new: "Trust", data: bytes) -> Manifest:
    """Raises CommandError, BundleError."""
    from pydantic import ValidationError

    from edge.bundles.judging import first_fault
    from edge.bundles.trust import FILE
    from edge.bundles.writing import described
    from edge.cli.flash.bundle_build import UNIT_KINDS, id_from

    now = args.at or _now()
    kinds = args.for_kind or ([] if args.for_unit else UNIT_KINDS)
    claims: dict[str, Any] = {
        "id": id_from(now, data),
        "kind": "trust",
        "name": "keys",
        "serial": new.serial,
        "made_for": {"units": args.for_unit, "kinds": kinds},
        "issued_at": now,
        "not_before": now,
        "not_after": now + timedelta(days=args.days),
        "files": (described(FILE, data),),
    }
    try:
        return Manifest(**claims)
    except ValidationError as error:
        raise CommandError(first_fault(error), tell("patrol-edge trust --help"), USAGE) from error


def _tell_next(
    args: argparse.Namespace, out: Path, envelope: "Envelope", lists: "tuple[Trust, Trust]"
) -> None:
    counts = [signatures_in(envelope, trust) for trust in lists]
    if args.json:
        told = {"path": str(out), "serial": lists[1].serial, "old": counts[0], "new": counts[1]}
        say(json.dumps(told))
        return
    say(localized(tell("{file}: the list of keys with serial {serial}",
                       file=str(out), serial=lists[1].serial)))  # fmt: skip
    for label, count in ((tell("old list"), counts[0]), (tell("new list"), counts[1])):
        signed, needed, missing = count["signed"], count["needed"], ", ".join(count["may_sign"])
        line = tell("{label}: {signed} of {needed} signatures",
                    label=label, signed=signed, needed=needed)  # fmt: skip
        if signed < needed:
            line = tell("{line}; {names} may sign: patrol-edge bundle sign {file} --key KEY",
                        line=line, names=missing, file=str(out))  # fmt: skip
        note(line)


def signatures_in(envelope: "Envelope", trust: "Trust") -> dict[str, Any]:
    """How many count under this list, of how many; and who else may sign."""
    signed = {each.kid for each in envelope.signatures}
    able = [key for key in trust.keys if "trust" in key.roles and key.state(_now()) == "valid"]
    return {
        "signed": sum(key.kid in signed for key in able),
        "needed": trust.signatures_for("trust"),
        "may_sign": [key.owner for key in able if key.kid not in signed],
    }


# --- what they share -----------------------------------------------------------------------------


def find(trust: "Trust", which: str) -> "TrustKey":
    """By its name, the start of it, or its owner. Raises CommandError."""
    found = [key for key in trust.keys if key.kid.startswith(which) or key.owner == which]
    if len(found) == 1:
        return found[0]
    text = tell("{which}: no key of the list is called so", which=which)
    if found:
        text = tell("{which}: several keys are called so", which=which)
    raise CommandError(text, tell("`patrol-edge trust show FILE` shows them"), USAGE)


def _read(path: Path) -> "Trust":
    """Raises CommandError."""
    from edge.bundles.chain import MOST_BYTES, parse_trust

    with told_as_errors(path, USAGE), path.open("rb") as file:
        return parse_trust(file.read(MOST_BYTES))


def _key(word: str, days: float | None) -> "TrustKey":
    from pydantic import ValidationError

    from edge.bundles.judging import first_fault
    from edge.bundles.trust import TrustKey
    from edge.cli.unit.keys_ring import in_file

    name, equals, kinds = word.rpartition("=")
    if not equals:
        text = tell("{word} does not say what the key may sign", word=word)
        raise CommandError(text, tell("write FILE.pub=all, or FILE.pub=config,zones"), USAGE)
    found = in_file(Path(name))
    if "public" not in found:
        text = tell("{file} is a PRIVATE key, which never leaves its owner", file=name)
        raise CommandError(text, tell("give its .pub file"), USAGE)
    end = None if days is None else _now() + timedelta(days=days)
    roles = KINDS if kinds == ALL else tuple(dict.fromkeys(kinds.split(",")))
    try:
        return TrustKey.model_validate(
            {"kid": found["kid"], "public": found["public"], "owner": found["issuer"],
             "roles": roles, "not_after": end}
        )  # fmt: skip
    except ValidationError as error:
        cure = tell("a kind is one of: {kinds}", kinds=", ".join(KINDS))
        raise CommandError(f"{word}: {first_fault(error)}", cure, USAGE) from error


def _needed(words: list[str]) -> dict[Kind, int]:
    found: dict[Kind, int] = {}
    for word in words:
        name, _, count = word.partition("=")
        kind = next((each for each in KINDS if each == name), None)
        if kind is None or not count.isdecimal():
            text = tell("{word} is not like runtime=3", word=word)
            raise CommandError(text, tell("patrol-edge trust --help"), USAGE)
        found[kind] = int(count)
    return found


def _write(args: argparse.Namespace, claims: dict[str, Any], out: Path) -> int:
    from pydantic import ValidationError

    from config.writing import write_atomically
    from edge.bundles.judging import first_fault
    from edge.bundles.trust import Trust
    from edge.cli.flash.trust_unit import lines

    try:
        trust = Trust(**claims)
    except ValidationError as error:
        cure = tell("see docs/bundles.md, the keys")
        raise CommandError(first_fault(error), cure, USAGE) from error
    text = trust.model_dump_json(exclude_none=True, indent=1) + "\n"
    with told_as_errors(out):
        write_atomically(out, text, 0o644)
    if args.json:
        say(json.dumps(trust.model_dump(mode="json", exclude_none=True) | {"path": str(out)}))
        return DONE
    for line in lines(trust, _now()):
        say(line)
    note(tell("written: {file}", file=str(out)))
    return DONE


def _now() -> datetime:
    from drivers.clock import SystemClock

    return SystemClock().utc().astimezone(UTC).replace(microsecond=0)
