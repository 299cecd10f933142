"""Plate lists that come on a stick: signed by a hub's key, like a command, but good for longer.

One line of the file is one compact JWS over `{"units": [...], "issued_at": ..., "args": ...}`; its
`args` are those of `plates.list`. Its type is another than a command's, so that neither can be
taken for the other. An old file is refused by the list's version, not by its age.
"""

from datetime import datetime
from typing import Any

from telemetry.commands.jws import PrivateKey, sign
from telemetry.commands.keyring import Keyring
from telemetry.commands.signed_files import SignedFileError, of_model, signed_claims
from telemetry.contract.plates import PlatesList
from telemetry.contract.wire_types import Message, UtcTime

TYPE = "patrol-plates+jws"
MOST_BYTES = 60 * 1024  # a line, with what the socket puts around it
EVERY_UNIT = "*"


class _Claims(Message):
    units: tuple[str, ...]
    issued_at: UtcTime
    args: dict[str, Any]


class SignedLists:
    """Checks lines against the keys that may command this unit."""

    def __init__(self, unit: str, keyring: Keyring) -> None:
        self._unit = unit
        self._keyring = keyring

    def verified(self, token: str, now: datetime) -> tuple[PlatesList, str]:
        """The list, and who signed it. Raises SignedFileError."""
        data = token.encode("utf-8", "replace")
        content, entry = signed_claims(data, TYPE, self._keyring, "commander", now)
        claims = of_model(_Claims, content)
        wanted = of_model(PlatesList, claims.args)
        if EVERY_UNIT not in claims.units and self._unit not in claims.units:
            raise SignedFileError("wrong_unit", f"it is for {', '.join(claims.units)[:80]}")
        return wanted, entry.issuer


def signed(
    wanted: PlatesList, units: tuple[str, ...], issued_at: datetime, key: PrivateKey, kid: str
) -> str:
    """One line of a file, made where the hub is."""
    claims = _Claims(
        units=units, issued_at=issued_at, args=wanted.model_dump(mode="json", exclude_none=True)
    )
    return sign(claims.model_dump(mode="json"), key, kid, TYPE)
