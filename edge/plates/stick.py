"""Plate lists that come on a stick: signed by a hub's key, like a command, but good for longer.

One line of the file is one compact JWS over `{"units": [...], "issued_at": ..., "args": ...}`; its
`args` are those of `plates.list`. Its type is another than a command's, so that neither can be
taken for the other. An old file is refused by the list's version, not by its age.
"""

from datetime import datetime
from typing import Any

from pydantic import ValidationError

from telemetry.commands.jws import BadTokenError, PrivateKey, PublicKey, sign, verify
from telemetry.commands.keyring import Keyring
from telemetry.commands.keys import KeyEntry
from telemetry.commands.strict_json import canonical
from telemetry.contract.plates import PlatesList
from telemetry.contract.wire_types import Message, UtcTime

TYPE = "patrol-plates+jws"
MOST_BYTES = 60 * 1024  # a line, with what the socket puts around it
EVERY_UNIT = "*"


class StickError(Exception):
    """The line is refused. `code` is one of the codes of refused commands."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


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
        """The list, and who signed it. Raises StickError."""
        entry: KeyEntry | None = None

        def find(kid: str) -> PublicKey | None:
            nonlocal entry
            found = self._keyring.find(kid)
            entry = found[0] if found else None
            return found[1] if found else None

        try:
            claims = verify(token.encode("utf-8", "replace"), find, TYPE)
        except BadTokenError as error:
            raise StickError(error.code, str(error)) from error
        self._judge_key(entry, now)
        return self._list_in(claims), entry.issuer if entry else "?"

    def _judge_key(self, entry: KeyEntry | None, now: datetime) -> None:
        if entry is None:
            raise StickError("unknown_key", "no key of this name is known here")
        state = entry.state(now)
        if state != "valid":
            code = "key_revoked" if state == "revoked" else "key_expired"
            raise StickError(code, f"the key {entry.kid} is {state.replace('_', ' ')}")
        if "commander" not in entry.roles:
            raise StickError("role_not_allowed", "lists need a commander's key")

    def _list_in(self, content: dict[str, Any]) -> PlatesList:
        try:
            claims = _Claims.model_validate_json(canonical(content), strict=True)
            wanted = PlatesList.model_validate_json(canonical(claims.args), strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise StickError("invalid_arguments", f"{where}: {first['msg']}") from error
        if EVERY_UNIT not in claims.units and self._unit not in claims.units:
            raise StickError("wrong_unit", f"it is for {', '.join(claims.units)[:80]}")
        return wanted


def signed(
    wanted: PlatesList, units: tuple[str, ...], issued_at: datetime, key: PrivateKey, kid: str
) -> str:
    """One line of a file, made where the hub is."""
    claims = _Claims(
        units=units, issued_at=issued_at, args=wanted.model_dump(mode="json", exclude_none=True)
    )
    return sign(claims.model_dump(mode="json"), key, kid, TYPE)
