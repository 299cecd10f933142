"""The list of keys of a unit: installed once by hand, and shown."""

import argparse
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.language import localized, tell
from edge.bundles.manifest import KINDS
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.flash.bundle_errors import told_as_errors

if TYPE_CHECKING:
    from edge.bundles.trust import Trust
    from telemetry.commands.public_key import KeyState

STATES: dict["KeyState", str] = {
    "valid": tell("valid"),
    "not_yet_valid": tell("NOT YET VALID"),
    "expired": tell("EXPIRED"),
    "revoked": tell("REVOKED"),
}


def show(args: argparse.Namespace) -> int:
    from drivers.clock import SystemClock
    from edge.bundles.chain import Trusted, load_trust, read_anchor, trust_folder

    with told_as_errors():
        if args.file is not None:
            found = Trusted(read_anchor(args.file))
        else:
            from config.slots import slots_folder

            anchor, state = _places(args)
            found = load_trust(anchor, trust_folder(slots_folder(state)))
    now = SystemClock().utc()
    if args.json:
        say(json.dumps(facts(found.trust, now) | {"faults": [str(each) for each in found.faults]}))
    else:
        for line in lines(found.trust, now):
            say(line)
        for fault in found.faults:
            note(tell("warning: {fault}", fault=fault))
    return FAILED if found.faults else DONE


def install(args: argparse.Namespace) -> int:
    """Raises CommandError where there is a list already: the next one comes in a bundle."""
    from drivers.clock import SystemClock
    from edge.bundles.chain import MOST_BYTES, parse_trust
    from edge.running.state_lock import STATE_MODE
    from telemetry.commands.files import replace

    with told_as_errors(args.file, USAGE), args.file.open("rb") as file:
        data = file.read(MOST_BYTES)
        trust = parse_trust(data)
    anchor, state = _places(args)
    if not _is_there(anchor, data):
        try:
            # Public keys: in a folder of root's the service must be able to read them.
            mode = STATE_MODE if anchor.parent == state else 0o755
            anchor.parent.mkdir(mode=mode, parents=True, exist_ok=True)
            replace(anchor, data, 0o644)
        except PermissionError as error:
            text = tell("{folder} may not be changed by this user", folder=str(anchor.parent))
            raise CommandError(text, tell("run it with sudo")) from error
        except OSError as error:
            text = tell("{file} cannot be written: {why}",
                        file=str(anchor), why=error.strerror or error)  # fmt: skip
            raise CommandError(text, tell("make room there")) from error
    now = SystemClock().utc()
    if args.json:
        say(json.dumps(facts(trust, now) | {"path": str(anchor)}))
        return DONE
    for line in lines(trust, now):
        say(line)
    note(tell("{file}: this unit takes what they sign from now on", file=str(anchor)))
    note(tell("compare the fingerprint of the list with the office's, over the phone"))
    return DONE


def _is_there(anchor: Path, data: bytes) -> bool:
    """The very same. Raises CommandError for another one."""
    try:
        same = anchor.read_bytes() == data
    except FileNotFoundError:
        return False
    except OSError as error:
        text = tell("{file} cannot be read: {why}", file=str(anchor), why=error.strerror or error)
        raise CommandError(text, tell("run it with sudo")) from error
    if not same:
        text = tell("{file} is there already: a list is installed by hand once", file=str(anchor))
        cure = tell("flash the bundle with the next list (patrol-edge trust next makes it); where "
                    "all keys are lost, delete that file first")  # fmt: skip
        raise CommandError(text, cure)
    return True


def _places(args: argparse.Namespace) -> tuple[Path, Path]:
    """The file with the first list, and the state folder, where flashing looks for them.

    Raises ConfigError.
    """
    if args.state_dir is not None:  # it needs no unit's file then
        from edge.booting.state_folder import trust_file

        state = args.state_dir.absolute()
        return args.anchor or trust_file(args.config, state), state
    from edge.flashing.unit import unit_of

    unit = unit_of(args.config)
    return args.anchor or unit.trust, unit.state_dir


# --- how it is told ------------------------------------------------------------------------------


def lines(trust: "Trust", now: datetime) -> Iterator[str]:
    """For people, localized: the list, each key with its fingerprint, how many must sign."""
    yield localized(tell("list {serial}, fingerprint {mark}",
                         serial=trust.serial, mark=grouped(fingerprint(trust)[:32])))  # fmt: skip
    for key in trust.keys:
        state = key.state(now)
        until = key.revoked_at or key.not_after
        when = f" {until:%Y-%m-%d}" if until else ""
        told = localized(STATES[state])
        yield f"{key.kid}  {key.owner:<16} {told}{when}  {_kinds(key.roles)}"
        yield f"{'':<18}{grouped(key_fingerprint(key.public))}"
        if key.revoked_why:
            yield f"{'':<18}{key.revoked_why}"
    two = [f"{kind} {count}" for kind, count in needed_of(trust).items() if count > 1]
    if two:
        yield localized(tell("signatures needed: {kinds}; else 1", kinds=", ".join(two)))


def facts(trust: "Trust", now: datetime) -> dict[str, Any]:
    """For programs."""
    keys = [
        key.model_dump(mode="json", exclude_none=True)
        | {"state": key.state(now), "fingerprint": key_fingerprint(key.public)}
        for key in trust.keys
    ]
    return {
        "serial": trust.serial,
        "fingerprint": fingerprint(trust),
        "keys": keys,
        "needed": needed_of(trust),
    }


def needed_of(trust: "Trust") -> dict[str, int]:
    return {kind: trust.signatures_for(kind) for kind in KINDS}


def fingerprint(trust: "Trust") -> str:
    """Of the whole list, however its file is laid out: 64 hex digits."""
    import hashlib

    from telemetry.commands.strict_json import canonical

    content = canonical(trust.model_dump(mode="json", exclude_none=True))
    return hashlib.sha256(content).hexdigest()


def key_fingerprint(public: str) -> str:
    """The whole thumbprint (RFC 7638), of which a key's own name is the beginning."""
    from telemetry.commands.jws import PublicKey

    return PublicKey(public).thumbprint


def grouped(digits: str) -> str:
    """In fours, to be read out."""
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _kinds(roles: tuple[str, ...]) -> str:
    return "all" if set(roles) == set(KINDS) else ",".join(roles)
