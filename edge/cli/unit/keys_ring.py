"""A unit's keyring as a technician changes it: what is dangerous is refused, with the cure."""

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.language import said
from config.wording import in_days
from drivers.clock import SystemClock
from edge.cli.console import FAILED, USAGE, CommandError
from edge.cli.unit.asking import state_folder
from edge.commands.key_facts import EXPIRING
from edge.running.state_lock import STATE_MODE
from edge.timebase import PLAUSIBLE_FROM
from telemetry.commands.files import FileRefusedError, one_at_a_time, replace
from telemetry.commands.jws import KID, KeyTextError, PrivateKey, PublicKey
from telemetry.commands.keyring import KeyringFile, read_keyring, write_keyring
from telemetry.commands.keys import KeyEntry, new_private_key
from telemetry.commands.strict_json import BadJsonError, loads_object
from telemetry.contract.commands import Role
from telemetry.contract.wire_types import short, text

PUBLIC_BYTES = 16 * 1024
SUDO = "run it with sudo, or as the service's user"
STATES = {
    "valid": "valid",
    "not_yet_valid": "not yet valid",
    "expired": "EXPIRED",
    "revoked": "REVOKED",
}


def make_pair(issuer: str, path: Path) -> tuple[Path, dict[str, str]]:
    """The private key at the path, and its public part beside it. Returns where that is, and what.

    Raises CommandError.
    """
    if issuer != short(issuer) or not issuer.strip():
        raise CommandError("that is no name for a hub", "give one like hub-1", USAGE)
    public = path.with_suffix(".pub")
    for each in (path, public):
        if each.exists():
            cure = "give another name with --out; a key that is in use must not be lost"
            raise CommandError(f"{each} is there already", cure, USAGE)
    with _told(path):
        key = new_private_key(path).public
        content = {"kid": key.kid, "public": key.text, "issuer": issuer}
        replace(public, json.dumps(content).encode() + b"\n", 0o644)
    return public, content


def in_file(path: Path) -> dict[str, Any]:
    """What key is in this file, public or private. Raises CommandError."""
    data = _content(path)
    try:
        return {"kid": PrivateKey.from_pem(data).public.kid, "kind": "a private key"}
    except KeyTextError:
        return dict(_public_in(path, data)) | {"kind": "a public key"}


@dataclass(slots=True)
class Ring:
    """The keyring of one unit, and the time to judge its dates by."""

    path: Path
    content: KeyringFile
    now: datetime

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Ring":
        """The unit's keyring, as its file or `--keyring` says. Raises CommandError."""
        path = args.keyring or _keyring_of(args)
        try:
            content = read_keyring(path)
        except FileNotFoundError:
            content = KeyringFile()
        except PermissionError as error:
            raise CommandError(f"{path} may not be read by this user", SUDO) from error
        except FileRefusedError as error:
            own = os.access(path, os.R_OK)  # else it is the service's, and to stay so
            raise CommandError(said(error), error.cure if own else SUDO) from error
        return cls(path, content, SystemClock().utc())

    # --- what there is ---

    def find(self, which: str) -> KeyEntry:
        """By its name, or the start of it. Raises CommandError."""
        exact = self.content.find(which)
        found = [key for key in self.content.keys if key.kid.startswith(which)]
        if exact is not None or len(found) == 1:
            return exact or found[0]
        what = "several keys begin so" if found else "there is no such key"
        raise CommandError(f"{which}: {what}", "`patrol-edge keys list` shows them", USAGE)

    def line(self, entry: KeyEntry) -> str:
        until = entry.revoked_at or entry.not_after
        when = f"{until:%Y-%m-%d}" if until else "for ever"
        state = STATES[entry.state(self.now)]
        word = "since" if state in ("REVOKED", "EXPIRED") else "until"
        return f"{entry.kid}  {entry.issuer:<16} {'+'.join(entry.roles):<22} {state} {word} {when}"

    def facts(self, entry: KeyEntry) -> dict[str, Any]:
        return entry.model_dump(mode="json", exclude_none=True, exclude_defaults=True) | {
            "state": entry.state(self.now)
        }

    def warnings(self) -> Iterator[str]:
        for key in self.content.keys:
            if (
                key.state(self.now) == "valid"
                and key.not_after
                and key.not_after < self.now + EXPIRING
            ):
                when = in_days((key.not_after - self.now).days)
                yield f"{key.kid} of {key.issuer} ends {when}; install its successor now"
        if self.content.keys and not self._commanders(self.content):
            yield "no valid commander's key: no hub can command this unit"

    # --- changing it ---

    def install(
        self, path: Path, roles: tuple[Role, ...], days: int, issuer: str | None
    ) -> KeyEntry:
        """Raises CommandError."""
        if self.now < PLAUSIBLE_FROM:
            told = f"this computer's clock says {self.now:%Y-%m-%d}"
            raise CommandError(told, "set the clock first: the key's dates hang on it")
        found = _public_in(path, _content(path))
        self._check_new(found)
        entry = KeyEntry(
            kid=found["kid"],
            public=found["public"],
            issuer=short(issuer or found["issuer"]),
            roles=roles,
            not_after=self.now + timedelta(days=days),
            added_at=self.now,
        )
        self._write(self.content.put(entry))
        return entry

    def revoke(self, which: str, reason: str, *, even_the_last: bool) -> KeyEntry:
        """Raises CommandError."""
        entry = self.find(which)
        if entry.revoked_at is not None:
            return entry
        gone = entry.model_copy(update={"revoked_at": self.now, "revoked_why": text(reason)})
        after = self.content.put(gone)
        if self._commanders(self.content) and not self._commanders(after) and not even_the_last:
            raise CommandError(
                f"{entry.kid} is the last key that can command this unit",
                "install its successor first; if it was stolen, revoke it now with --last",
            )
        self._write(after)
        return gone

    def remove(self, which: str) -> KeyEntry:
        """Raises CommandError."""
        entry = self.find(which)
        state = entry.state(self.now)
        if state not in ("revoked", "expired"):
            cure = f"`patrol-edge keys revoke {entry.kid}` first"
            raise CommandError(f"{entry.kid} is still {STATES[state]}", cure)
        if entry.not_after is None or self.now < entry.not_after:
            told = f"{entry.kid} stays listed as revoked until it would have ended anyway"
            raise CommandError(told, "or else somebody could install it again by mistake")
        self._write(self.content.without(entry.kid))
        return entry

    def _check_new(self, found: dict[str, str]) -> None:
        for key in self.content.keys:
            if key.public == found["public"] and key.revoked_at is not None:
                cure = "make a new one on the hub: `patrol-edge keys new`"
                raise CommandError(f"{key.kid} was revoked on this unit, for good", cure)
            if (key.public == found["public"]) != (key.kid == found["kid"]):
                cure = f"look at both: `patrol-edge keys show {key.kid}`"
                raise CommandError("another key of this name is installed", cure)

    def _commanders(self, content: KeyringFile) -> bool:
        return any(
            "commander" in key.roles and key.state(self.now) == "valid" for key in content.keys
        )

    def _write(self, content: KeyringFile) -> None:
        with _told(self.path):
            self.path.parent.mkdir(mode=STATE_MODE, parents=True, exist_ok=True)
            with one_at_a_time(self.path.parent):
                if self.path.exists() and read_keyring(self.path) != self.content:
                    raise CommandError("somebody else has changed the keyring", "do it again")
                write_keyring(self.path, content)
        self.content = content


def _keyring_of(args: argparse.Namespace) -> Path:
    if args.state_dir is not None:
        return Path(args.state_dir) / "keyring.json"
    from config.loading import load

    settings = load(args.config).settings
    return settings.security.keyring or state_folder(args) / "keyring.json"


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(PUBLIC_BYTES + 1)
    except FileNotFoundError as error:
        raise CommandError(f"there is no {path}", "copy it here from the hub", USAGE) from error
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", SUDO, USAGE) from error
    if len(data) > PUBLIC_BYTES:
        raise CommandError(f"{path} is too large for a key", "give the .pub file", USAGE)
    return data


def _public_in(path: Path, data: bytes) -> dict[str, str]:
    """kid, public and issuer. Raises CommandError."""
    cure = (
        "give the .pub file that `patrol-edge keys new` or `openssl pkey -pubout` made on the hub"
    )
    if b"PRIVATE KEY" in data:
        wrong = f"{path} is a PRIVATE key: it must never leave the hub. Delete this copy, and "
        raise CommandError(wrong + "if others could read it, make a new one", cure, USAGE)
    try:
        if b"PUBLIC KEY" in data:
            public = PublicKey.from_pem(data)
            return {"kid": public.kid, "public": public.text, "issuer": short(path.stem)}
        found = loads_object(data, max_depth=1)
        public = PublicKey(str(found.get("public")))
    except (BadJsonError, KeyTextError) as error:
        raise CommandError(f"{path} is no public key: {error}", cure, USAGE) from error
    kid, issuer = found.get("kid", public.kid), found.get("issuer", "hub")
    if not isinstance(kid, str) or not KID.fullmatch(kid) or not isinstance(issuer, str):
        raise CommandError(f"{path} is no public key: its kid or issuer is wrong", cure, USAGE)
    return {"kid": kid, "public": public.text, "issuer": issuer}


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise CommandError(f"{path.parent} may not be changed by this user", SUDO) from error
    except FileNotFoundError as error:
        raise CommandError(f"there is no folder {path.parent}", "make it first", USAGE) from error
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}", "", FAILED) from error
    except FileRefusedError as error:
        raise CommandError(said(error), error.cure) from error
    except ValidationError as error:
        raise CommandError(f"{path} holds too many keys", "remove old ones", FAILED) from error
