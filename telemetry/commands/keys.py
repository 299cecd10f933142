"""One key that may command: what it is called, whose it is, what it may, and from when to when."""

from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from telemetry.commands.files import FileRefusedError, create_private, read_private
from telemetry.commands.jws import KID, KeyTextError, PrivateKey
from telemetry.commands.public_key import KeyState, PublicText, state_of
from telemetry.contract.commands import Role
from telemetry.contract.wire_types import Short, Text, UtcTime

ROLES: tuple[Role, ...] = ("commander", "operator", "technician")


class KeyEntry(BaseModel):
    """A public key, as the keyring lists it. Of a `.pub` file only the first four are taken."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    kid: str = Field(pattern=rf"^{KID.pattern}$", description="in the header of each signature")
    public: PublicText
    issuer: Short = Field(description="the hub, or the person, that has the private key")
    roles: tuple[Role, ...] = Field(min_length=1, max_length=3)
    not_before: UtcTime | None = None
    not_after: UtcTime | None = None
    added_at: UtcTime | None = None
    revoked_at: UtcTime | None = None
    revoked_why: Text = ""

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.not_before and self.not_after and self.not_after <= self.not_before:
            raise ValueError("not_after is not after not_before")
        return self

    def state(self, now: datetime) -> KeyState:
        return state_of(self, now)


class DamagedKeyError(FileRefusedError):
    """What the file holds is no key: no right and no owner would make it one."""


def new_private_key(path: Path) -> PrivateKey:
    """Make a key and its file, mode 0600. Raises FileExistsError, OSError."""
    key = PrivateKey.new()
    create_private(path, key.pem)
    return key


def read_private_key(path: Path) -> PrivateKey:
    """Raises FileRefusedError (with its cure), DamagedKeyError of them, FileNotFoundError."""
    try:
        return PrivateKey.from_pem(read_private(path))
    except KeyTextError as error:
        cure = "make one with `patrol-edge keys new`"
        raise DamagedKeyError(f"{path} is {error}", cure) from error
