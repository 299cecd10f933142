"""What a simulated unit answers to commands. It has no keys: it reads a JWS and checks nothing.

A real unit verifies; see the contract. Here a hub's sending, and its reading of replies, is tried.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from telemetry.contract.commands import COMMANDS, MAX_COMMAND_BYTES, Command, expired
from telemetry.contract.replies import RefusalCode, Reply


class UnreadableCommandError(Exception):
    """These bytes are no command; `str` is the cause, for counting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The replies, in order, and whether the unit shall tell state and health again."""

    replies: tuple[Reply, ...]
    rebirth: bool = False


def read_command(payload: bytes) -> Command:
    """From JSON, or from the middle of a compact JWS. Raises UnreadableCommandError."""
    if len(payload) > MAX_COMMAND_BYTES:
        raise UnreadableCommandError("too_large")
    claims = payload
    if not payload.lstrip().startswith(b"{"):
        parts = payload.split(b".")
        if len(parts) != 3:
            raise UnreadableCommandError("malformed")
        try:
            padding = b"=" * (-len(parts[1]) % 4)
            claims = base64.b64decode(parts[1] + padding, altchars=b"-_", validate=True)
        except binascii.Error as error:
            raise UnreadableCommandError("malformed") from error
    try:
        return Command.model_validate_json(claims, strict=True, extra="ignore")
    except ValidationError as error:
        raise UnreadableCommandError("malformed") from error


def answer(command: Command, unit: str, now: datetime, *, retained: bool) -> Answer:
    """What a unit with next to no capabilities says."""
    refusal = _why_not(command, unit, now, retained=retained)
    if refusal is not None:
        code, words = refusal
        return Answer(
            replies=(
                Reply(
                    command=command.id, name=command.name, status="rejected", code=code, text=words
                ),
            )
        )
    steps = (
        Reply(command=command.id, name=command.name, status="received"),
        Reply(command=command.id, name=command.name, status="accepted"),
        Reply(command=command.id, name=command.name, status="succeeded"),
    )
    return Answer(replies=steps, rebirth=command.name == "rebirth")


def _why_not(
    command: Command, unit: str, now: datetime, *, retained: bool
) -> tuple[RefusalCode, str] | None:
    if retained:
        return "retained", "a retained command is as old as it likes"
    if command.unit != unit:
        return "wrong_unit", f"this is {unit}"
    if expired(command, now):
        return "expired", "too late to begin with it"
    if command.name not in COMMANDS or command.name not in ("ping", "rebirth"):
        return "unsupported", "a simulated unit obeys ping and rebirth only"
    return None
