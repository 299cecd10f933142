"""Whose signatures count: keys with roles, and how many of them each kind of bundle needs.

As in TUF (theupdateframework.io, specification 1.0, section 6.1): the list is signed itself, its
serial only goes up, and the next one needs the signatures of the old list and of the new one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from pydantic import Field, model_validator

from edge.bundles.manifest import Kind, Name, Remark
from telemetry.commands.jws import KID
from telemetry.commands.public_key import KeyState, PublicText, state_of
from telemetry.contract.wire_types import Message, UtcTime

FILE = "trust.json"  # the one file of a bundle of kind trust
# One signature is enough for what the hub edits daily; the code that runs and the list of keys
# itself need two people.
NEEDED: dict[Kind, int] = {
    "config": 1,
    "overlay": 1,
    "zones": 1,
    "model": 1,
    "firmware": 1,
    "runtime": 2,
    "trust": 2,
}


class TrustKey(Message):
    """One public key, and which kinds of bundles it may sign."""

    kid: str = Field(pattern=rf"^{KID.pattern}$")
    public: PublicText
    owner: Name = Field(description="the person or the hub that has the private key")
    roles: tuple[Kind, ...] = Field(min_length=1, max_length=7)
    not_before: UtcTime | None = None
    not_after: UtcTime | None = None
    revoked_at: UtcTime | None = None
    revoked_why: Remark = ""

    def state(self, now: datetime) -> KeyState:
        return state_of(self, now)


class Trust(Message):
    """The list."""

    format: int = Field(1, ge=1, le=1)
    serial: int = Field(ge=1, le=2**53)
    keys: tuple[TrustKey, ...] = Field(min_length=1, max_length=100)
    needed: Mapping[Kind, int] = Field(
        default_factory=dict, description="signatures for a kind, where not as usual"
    )

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if len({key.kid for key in self.keys}) != len(self.keys):
            raise ValueError("two keys have the same kid")
        if len({key.public for key in self.keys}) != len(self.keys):
            raise ValueError("one key is listed twice, so it could sign twice")
        if any(not 1 <= count <= 10 for count in self.needed.values()):
            raise ValueError("needed: 1 to 10 signatures")
        able = sum("trust" in key.roles and key.revoked_at is None for key in self.keys)
        if able < self.signatures_for("trust"):
            raise ValueError("too few keys could ever sign the next list")
        return self

    def signatures_for(self, kind: Kind) -> int:
        """How many different keys must have signed such a bundle."""
        return self.needed.get(kind, NEEDED[kind])

    def find(self, kid: str) -> TrustKey | None:
        return next((key for key in self.keys if key.kid == kid), None)
