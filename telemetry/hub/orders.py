"""Commands as a hub gives them: the claims, checked by the contract, signed with the hub's key."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from config.section import UNIT_ID_PATTERN
from config.wording import nearest
from telemetry.commands.jws import PrivateKey, sign
from telemetry.contract.commands import COMMANDS, Command
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import rfc3339_ms

GOOD_FOR_S = 30.0


class BadOrderError(Exception):
    """The contract does not have this command, or not with these arguments. The text says what."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that the units know."""

    key: PrivateKey
    kid: str


def claims_of(
    name: str,
    args: dict[str, Any],
    unit: str,
    issuer: str,
    now: datetime,
    *,
    good_for_s: float = GOOD_FOR_S,
) -> dict[str, Any]:
    """The claims of a command that is given now. Raises BadOrderError."""
    claims = {
        "id": uuid7(now),
        "name": name,
        "args": args,
        "issuer": issuer,
        "issued_at": rfc3339_ms(now),
        "expires_at": rfc3339_ms(now + timedelta(seconds=good_for_s)),
        "unit": unit,
    }
    kind = COMMANDS.get(name)
    if kind is None:
        near = nearest(name, COMMANDS)
        meant = f"do you mean {near}?" if near else f"there is: {', '.join(sorted(COMMANDS))}"
        raise BadOrderError(f"there is no command {name}; {meant}")
    if not re.fullmatch(UNIT_ID_PATTERN, unit):
        raise BadOrderError(f"'{unit}' is no unit's id: 1 to 32 of a-z, 0-9 and -")
    try:
        Command.model_validate_json(json.dumps(claims), strict=True)
    except ValidationError as error:
        raise BadOrderError(_first_problem(error)) from error
    try:
        kind.args.model_validate_json(json.dumps(args), strict=True)
    except ValidationError as error:
        raise BadOrderError(f"{name}: {_first_problem(error)}") from error
    return claims


def payload_of(claims: dict[str, Any], signer: Signer | None) -> bytes:
    """What goes on the wire; without a key the claims themselves, for the bench."""
    if signer is None:
        return json.dumps(claims, separators=(",", ":")).encode()
    return sign(claims, signer.key, signer.kid).encode()


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
