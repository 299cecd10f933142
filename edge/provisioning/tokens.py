"""One-time tokens, with which a unit that has no certificate yet asks for its first one.

A token is for one unit and ends. It is spent with the first key that comes with it: the same key
may come again until it ends, and gets the same certificate, since the answer may have been lost on
the way; another key gets nothing. Only digests are kept: whoever reads the file has no token.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from config.language import tell
from edge.provisioning.errors import ProvisioningError
from edge.provisioning.files import SECRET, put
from edge.provisioning.names import checked_unit
from telemetry.commands.files import one_at_a_time

FILE = "tokens.json"
# Crockford's base 32: nothing that is mistaken over the radio. 16 of them are 80 bits.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V"})
LENGTH = 16
MOST = 10_000
KEPT_AFTER = timedelta(days=30)  # so that a late one hears that it has ended
TOKEN = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


class Token(BaseModel):
    """What is kept of one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str
    unit: str
    until: datetime
    made_at: datetime
    key: str | None = None  # the key that it was spent with: SHA-256 of its SubjectPublicKeyInfo
    serial: str | None = None  # the certificate that came of it


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: tuple[Token, ...] = ()


class TokenRefusedError(Exception):
    """`code`: unknown, ended, spent. The text is for the authority's journal, not for the asker."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def plain(text: str) -> str:
    """As it was made, however it was typed: `7k3m 9oxt…` → `7K3M90XT…`."""
    return re.sub(r"[\s-]", "", text).upper().translate(MISREAD)


def looks_right(text: str) -> bool:
    return TOKEN.fullmatch(plain(text)) is not None


def grouped(token: str) -> str:
    """`7K3M-9QXT-2WBN-4HZP`."""
    return "-".join(token[at : at + 4] for at in range(0, len(token), 4))


def _digest(text: str) -> str:
    return hashlib.sha256(plain(text).encode()).hexdigest()


class Tokens:
    """The tokens of one authority, in its folder. Any thread, any process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE

    def make(self, unit: str, hours: float, now: datetime) -> str:
        """A new one, told this once; older ones of the unit that nobody used end with it.

        Raises WrongInputError, ProvisioningError, OSError.
        """
        checked_unit(unit)
        text = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        token = Token(
            digest=_digest(text), unit=unit, until=now + timedelta(hours=hours), made_at=now
        )
        with one_at_a_time(self._folder):
            others = [
                each
                for each in self.read()
                if each.until + KEPT_AFTER > now and not (each.unit == unit and each.key is None)
            ]
            if len(others) >= MOST:
                told = tell("there are {count} tokens already", count=len(others))
                raise ProvisioningError(told, tell("wait until some of them have ended"))
            self._write([*others, token])
        return grouped(text)

    def read(self) -> list[Token]:
        """Raises ProvisioningError."""
        try:
            return list(_File.model_validate_json(self._path.read_bytes()).tokens)
        except FileNotFoundError:
            return []
        except (OSError, ValidationError) as error:
            told = tell("{path} is damaged", path=str(self._path))
            cure = tell("delete it, and make new tokens for the units that still wait")
            raise ProvisioningError(told, cure) from error

    def spend(self, unit: str, text: str, key: str, now: datetime) -> Token:
        """Bind it to this key, on the disk when this returns; its `serial` tells what came of it
        before. Raises TokenRefusedError, ProvisioningError, OSError."""
        with one_at_a_time(self._folder):
            tokens = self.read()
            found = self._valid(tokens, unit, text, now)
            if found.key not in (None, key):
                raise TokenRefusedError("spent", "it was used with another key")
            if found.key is None:
                found = self._replace(tokens, found, {"key": key})
        return found

    def came_of(self, token: Token, serial: str) -> None:
        """Raises ProvisioningError, OSError."""
        with one_at_a_time(self._folder):
            tokens = self.read()
            found = next((each for each in tokens if each.digest == token.digest), None)
            if found is not None:
                self._replace(tokens, found, {"serial": serial})

    @staticmethod
    def _valid(tokens: list[Token], unit: str, text: str, now: datetime) -> Token:
        digest = _digest(text)
        found = [each for each in tokens if hmac.compare_digest(each.digest, digest)]
        if not found or found[0].unit != unit:  # the same to the asker, whichever it is
            raise TokenRefusedError("unknown", "no such token for this unit")
        if found[0].until <= now:
            raise TokenRefusedError("ended", f"it ended at {found[0].until:%Y-%m-%d %H:%M} UTC")
        return found[0]

    def _replace(self, tokens: list[Token], old: Token, changes: dict[str, str]) -> Token:
        new = old.model_copy(update=changes)
        self._write([new if each.digest == old.digest else each for each in tokens])
        return new

    def _write(self, tokens: list[Token]) -> None:
        content = _File(tokens=tuple(tokens)).model_dump_json(indent=1, exclude_none=True)
        put(self._path, content.encode() + b"\n", SECRET)
