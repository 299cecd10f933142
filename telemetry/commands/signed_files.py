"""Files that a key of the keyring has signed, like a command, but good for longer.

A file is one compact JWS whose type is its own, so that it can be taken for nothing else.
"""

from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from telemetry.commands.jws import BadTokenError, PublicKey, verify
from telemetry.commands.keyring import Keyring
from telemetry.commands.keys import KeyEntry
from telemetry.commands.strict_json import canonical
from telemetry.contract.commands import Role

M = TypeVar("M", bound=BaseModel)


class SignedFileError(Exception):
    """The file is refused. `code` is one of the codes of refused commands."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def signed_claims(
    token: bytes, typ: str, keyring: Keyring, role: Role, now: datetime
) -> tuple[dict[str, Any], KeyEntry]:
    """What the file says, and whose key signed it: a valid one with this role.

    Raises SignedFileError.
    """
    entry: KeyEntry | None = None

    def find(kid: str) -> PublicKey | None:
        nonlocal entry
        found = keyring.find(kid)
        entry = found[0] if found else None
        return found[1] if found else None

    try:
        claims = verify(token, find, typ)
    except BadTokenError as error:
        raise SignedFileError(error.code, str(error)) from error
    if entry is None:
        raise SignedFileError("unknown_key", "no key of this name is known here")
    state = entry.state(now)
    if state != "valid":
        code = "key_revoked" if state == "revoked" else "key_expired"
        raise SignedFileError(code, f"the key {entry.kid} is {state.replace('_', ' ')}")
    if role not in entry.roles:
        raise SignedFileError("role_not_allowed", f"the key {entry.kid} is no {role}'s")
    return claims, entry


def of_model(model: type[M], content: dict[str, Any]) -> M:
    """Raises SignedFileError naming the first field that is wrong."""
    try:
        return model.model_validate_json(canonical(content), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SignedFileError("invalid_arguments", f"{where}: {first['msg']}") from error
