"""The keys that may command this unit: a JSON file, several keys valid at once.

Rotation: install the new key, let the hub change over, revoke the old one.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from telemetry.commands.files import FileRefusedError, read_guarded, replace
from telemetry.commands.jws import PublicKey
from telemetry.commands.keys import KeyEntry
from telemetry.commands.strict_json import BadJsonError, loads_object

MAX_KEYS = 500
KEYRING_MODE = 0o644  # public keys; only the owner may add to them


class KeyringFile(BaseModel):
    """The file, as it is written."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: Literal[1] = 1
    keys: tuple[KeyEntry, ...] = Field((), max_length=MAX_KEYS)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        if len({key.kid for key in self.keys}) != len(self.keys):
            raise ValueError("two keys have the same kid")
        return self

    def find(self, kid: str) -> KeyEntry | None:
        return next((key for key in self.keys if key.kid == kid), None)

    def put(self, entry: KeyEntry) -> "KeyringFile":
        """With this key, in the place of one of the same name. Raises ValidationError."""
        others = [key for key in self.keys if key.kid != entry.kid]
        return KeyringFile(keys=(*others, entry))

    def without(self, kid: str) -> "KeyringFile":
        return KeyringFile(keys=tuple(key for key in self.keys if key.kid != kid))


def read_keyring(path: Path) -> KeyringFile:
    """Raises FileRefusedError (with its cure), FileNotFoundError."""
    cure = f"restore {path} from a copy, or delete it and install the keys again"
    try:
        # By way of JSON: strict, but arrays may be tuples and texts may be times.
        content = loads_object(read_guarded(path))
        return KeyringFile.model_validate(content)
    except BadJsonError as error:
        raise FileRefusedError(f"{path} is no keyring: {error}", cure) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FileRefusedError(f"{path} is no keyring: {where}: {first['msg']}", cure) from error


def write_keyring(path: Path, keyring: KeyringFile) -> None:
    """Replace the file, power-cut safe. Raises OSError."""
    text = keyring.model_dump_json(indent=1, exclude_none=True)
    replace(path, text.encode() + b"\n", KEYRING_MODE)


@dataclass(slots=True)
class Keyring:
    """The file as it is now: read again whenever it has changed. One thread.

    A file that cannot be read gives no keys at all: going on with what was known before would go on
    with keys that were revoked in it.
    """

    path: Path
    fault: str | None = None  # why the file cannot be used
    cure: str = ""
    missing: bool = False  # known once it was looked for
    known: tuple[KeyEntry, ...] = ()  # as last read; any thread may look
    _stamp: tuple[int, ...] | None = field(default=None, repr=False)
    _keys: dict[str, tuple[KeyEntry, PublicKey]] = field(default_factory=dict, repr=False)

    def find(self, kid: str) -> tuple[KeyEntry, PublicKey] | None:
        self.refresh()
        return self._keys.get(kid)

    def entries(self) -> list[KeyEntry]:
        self.refresh()
        return [entry for entry, _ in self._keys.values()]

    @property
    def is_unusable(self) -> bool:
        """As last looked for: it is missing, or cannot be believed."""
        return self.missing or self.fault is not None

    def over(self, now: datetime) -> bool:
        """There are keys, and none of them is valid. Any thread."""
        keys = self.known
        return bool(keys) and all(key.state(now) != "valid" for key in keys)

    def refresh(self) -> None:
        """Read the file if it is not the one that was read last."""
        stamp = _stamp(self.path)
        if stamp == self._stamp and stamp is not None:
            return
        known: tuple[KeyEntry, ...] = ()
        self.fault, self.cure, self.missing = None, "", False
        try:
            known = read_keyring(self.path).keys
        except FileNotFoundError:
            self.missing = True
        except FileRefusedError as error:
            self.fault, self.cure = str(error), error.cure
        self._keys = {key.kid: (key, PublicKey(key.public)) for key in known}
        self.known = known  # in one step: others look meanwhile
        self._stamp = stamp


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Tells one state of the file from another: a replaced file is another inode."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
