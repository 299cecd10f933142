"""What a listed public key has in common, whatever it may sign: its text, and when it counts."""

from datetime import datetime
from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, Field

from config.language import said
from telemetry.commands.jws import KeyTextError, PublicKey

KeyState = Literal["valid", "not_yet_valid", "expired", "revoked"]


class Dated(Protocol):
    """A key with dates. None: it always counts, and is not revoked."""

    @property
    def not_before(self) -> datetime | None: ...
    @property
    def not_after(self) -> datetime | None: ...
    @property
    def revoked_at(self) -> datetime | None: ...


def state_of(key: Dated, now: datetime) -> KeyState:
    if key.revoked_at is not None:  # for good: a date can be wrong, and a clock too
        return "revoked"
    if key.not_before is not None and now < key.not_before:
        return "not_yet_valid"
    if key.not_after is not None and now >= key.not_after:
        return "expired"
    return "valid"


def _is_a_key(text: str) -> str:
    try:
        PublicKey(text)
    except KeyTextError as error:
        raise ValueError(said(error)) from error
    return text


PublicText = Annotated[
    str,
    Field(min_length=43, max_length=43, description="Ed25519: 32 bytes, base64url"),
    AfterValidator(_is_a_key),
]
