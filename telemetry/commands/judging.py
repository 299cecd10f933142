"""Is this message a command that this unit must obey? Pure: it changes nothing and acts on nothing.

Everything that arrives is hostile until its signature is proved; what is said about a message
before that is marked as such, so that nobody remembers it as the signer's word.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field, ValidationError

from config.operations import SecurityConfig
from telemetry.commands.jws import MAX_TOKEN_BYTES, BadTokenError, PublicKey, claims_of, read
from telemetry.commands.keyring import Keyring
from telemetry.commands.keys import ROLES, KeyEntry
from telemetry.commands.strict_json import BadJsonError, canonical, loads_object
from telemetry.commands.trusted_time import ClockUnsetError, TrustedTime
from telemetry.contract.commands import COMMANDS, Command, Role
from telemetry.contract.wire_types import Message, Uuid, short

# Given from afar even while somebody on the spot is in command: they move nothing, and an unlocked
# camera can be locked by whoever may, at any time.
ALWAYS_ALLOWED = frozenset({"ping", "rebirth", "sos.cancel", "media.lock"})
KEY_CODES = {"revoked": "key_revoked", "expired": "key_expired", "not_yet_valid": "not_yet_valid"}


class _Named(Message):
    """What a refusal must be able to name."""

    id: Uuid
    name: str = Field(pattern=r"^[a-z]+(\.[a-z]+)?$", max_length=64)


UNABLE = "this unit cannot do that"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A message whose sender is proved (or taken at its word, on the bench). May be refused yet."""

    command: Command
    digest: str  # SHA-256 of the claims
    kid: str | None
    issuer: str  # whose key it is; on the bench, what the message says
    roles: tuple[Role, ...]
    received_mono_s: float

    @property
    def issued_ms(self) -> int:
        return int(self.command.issued_at.timestamp() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A command that is to be carried out."""

    role: Role
    args: Message
    received: datetime  # UTC, by the clock that it was judged by


class UnprovedError(Exception):
    """Nobody known has signed this. `command` and `kid` are what it claims, where readable.

    `keyless`: no key at all is known here, so that the true hub is turned away like a forger.
    """

    def __init__(
        self,
        code: str,
        text: str,
        *,
        command: tuple[str, str] | None = None,
        kid: str | None = None,
        keyless: bool = False,
    ) -> None:
        super().__init__(text)
        self.code = code
        self.keyless = keyless
        self.command = command  # id and name
        self.kid = kid


class JudgedError(Exception):
    """Somebody known has signed it, and it is refused all the same."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(slots=True)
class Judge:
    """Knows the keys, the time, and what the unit's file says."""

    unit: str
    security: SecurityConfig
    keyring: Keyring
    time: TrustedTime
    handles: Callable[[str], bool]  # whether there is a handler of this name
    unable: Callable[[], str] = lambda: UNABLE  # what is said where there is none

    def identify(self, payload: bytes, received_mono_s: float, *, retained: bool) -> Claimed:
        """Who says what. Raises UnprovedError."""
        if len(payload) > MAX_TOKEN_BYTES:
            raise UnprovedError("too_large", f"{len(payload)} bytes; at most {MAX_TOKEN_BYTES}")
        if retained:
            raise UnprovedError(
                "retained", "a retained command may be as old as the broker", command=_peek(payload)
            )
        if payload.lstrip()[:1] != b"{":
            return self._signed(payload, received_mono_s)
        if self.security.commands == "signed":
            raise UnprovedError(
                "unsigned", "this unit takes signed commands only", command=_peek(payload)
            )
        return self._unsigned(payload, received_mono_s)

    def judge(self, claimed: Claimed, commander: str, floor_ms: int | None) -> Judged:
        """How it is to be carried out. Raises JudgedError.

        `commander`: `hub` or `local`; `floor_ms`: nothing issued up to then is taken (Unix).
        """
        command = claimed.command
        if command.unit != self.unit:
            raise JudgedError("wrong_unit", f"this is {self.unit}")
        received = self._check_time(claimed, floor_ms)
        kind = COMMANDS.get(command.name)
        if kind is None or not self.handles(command.name):
            raise JudgedError("unsupported", self.unable())
        role = next((role for role in ROLES if role in claimed.roles and role in kind.roles), None)
        if role is None:
            raise JudgedError("role_not_allowed", f"needs one of: {', '.join(sorted(kind.roles))}")
        self._check_commander(claimed, commander)
        try:
            # By way of JSON: strict, but arrays may be tuples and texts may be times.
            args = kind.args.model_validate_json(canonical(command.args), strict=True)
        except ValidationError as error:
            raise JudgedError("invalid_arguments", _first_problem(error)) from error
        return Judged(role=role, args=args, received=received)

    def recheck(self, claimed: Claimed, commander: str) -> None:
        """Just before it is done: it may have waited. Raises JudgedError. Any thread.

        A key that was revoked meanwhile, or is gone, and somebody on the spot who has taken control
        end what has not been begun.
        """
        self._check_commander(claimed, commander)
        if claimed.kid is None:
            return
        entry = next((key for key in self.keyring.known if key.kid == claimed.kid), None)
        if entry is None:
            raise JudgedError("unknown_key", "its key is not known here any more")
        if entry.revoked_at is not None:
            raise JudgedError("key_revoked", "its key was revoked while it waited")

    def _signed(self, payload: bytes, received_mono_s: float) -> Claimed:
        try:
            token = read(payload)
            entry, key = self._key_of(token.kid)
            claims = claims_of(token, key)
        except BadTokenError as error:
            raise UnprovedError(
                error.code,
                str(error),
                command=_peek(payload),
                kid=error.kid,
                keyless=error.code == "unknown_key" and self.keyring.is_unusable,
            ) from error
        self._check_key(entry, payload, received_mono_s)
        return _claimed(claims, entry.kid, entry.issuer, entry.roles, received_mono_s)

    def _key_of(self, kid: str) -> tuple[KeyEntry, PublicKey]:
        found = self.keyring.find(kid)
        if found is None:
            told = "no key of this name is known here"
            if self.keyring.missing:
                told = "no key is known here: no keyring was installed yet"
            elif self.keyring.fault:
                told = "no key is known here: the keyring cannot be used, as health says"
            raise BadTokenError("unknown_key", told, kid)
        return found

    def _check_key(self, entry: KeyEntry, payload: bytes, received_mono_s: float) -> None:
        """A key that is over proves nothing any more. Without a known time only revocation counts:
        the command is refused for the clock then."""
        try:
            state = entry.state(self.time.at(received_mono_s))
        except ClockUnsetError:
            state = "revoked" if entry.revoked_at is not None else "valid"
        if state != "valid":
            text = f"the key is {state.replace('_', ' ')}"
            raise UnprovedError(KEY_CODES[state], text, command=_peek(payload), kid=entry.kid)

    def _unsigned(self, payload: bytes, received_mono_s: float) -> Claimed:
        try:
            claims = loads_object(payload)
        except BadJsonError as error:
            raise UnprovedError("malformed", str(error)) from error
        return _claimed(claims, None, short(str(claims.get("issuer", "-"))), ROLES, received_mono_s)

    def _check_time(self, claimed: Claimed, floor_ms: int | None) -> datetime:
        command = claimed.command
        try:
            now = self.time.at(claimed.received_mono_s)
        except ClockUnsetError as error:
            raise JudgedError("clock_unset", str(error)) from error
        if command.expires_at <= command.issued_at:
            raise JudgedError("invalid_arguments", "it expires before it is issued")
        if command.issued_at > now + timedelta(seconds=self.security.clock_skew_s):
            raise JudgedError("not_yet_valid", f"issued in the future; here it is {_told(now)}")
        if now >= command.expires_at:
            raise JudgedError("expired", f"here it is {_told(now)}")
        age_s = (now - command.issued_at).total_seconds()
        if age_s > self.security.max_age_s:
            raise JudgedError("too_old", f"issued {age_s:.0f} s ago; here it is {_told(now)}")
        if floor_ms is None or claimed.issued_ms <= floor_ms:
            raise JudgedError("too_old", "issued before what this unit remembers")
        return now

    def _check_commander(self, claimed: Claimed, commander: str) -> None:
        primary = self.security.primary_hub
        if primary is not None and claimed.issuer != primary:
            raise JudgedError("not_commander", f"only {primary} commands this unit")
        if commander == "local" and claimed.command.name not in ALWAYS_ALLOWED:
            raise JudgedError("not_commander", "somebody on the spot has taken control")


def _claimed(
    claims: dict[str, Any],
    kid: str | None,
    issuer: str,
    roles: tuple[Role, ...],
    received_mono_s: float,
) -> Claimed:
    text = canonical(claims)
    try:
        command = Command.model_validate_json(text, strict=True, extra="ignore")
        command.issued_at.timestamp()  # a time that Unix cannot count
    except (ValidationError, OverflowError) as error:
        why = _first_problem(error) if isinstance(error, ValidationError) else "a time out of range"
        raise UnprovedError("malformed", why, command=_identity(claims), kid=kid) from error
    return Claimed(
        command=command,
        digest=hashlib.sha256(text).hexdigest(),
        kid=kid,
        issuer=issuer,
        roles=roles,
        received_mono_s=received_mono_s,
    )


def _peek(payload: bytes) -> tuple[str, str] | None:
    """Id and name as an unproved message claims them, so that its sender can be answered."""
    try:
        if payload.lstrip()[:1] != b"{":
            part = payload.split(b".", 2)[1]
            payload = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
        return _identity(loads_object(payload))
    except (BadJsonError, IndexError, ValueError, binascii.Error):
        return None


def _identity(claims: dict[str, Any]) -> tuple[str, str] | None:
    try:
        found = _Named.model_validate({"id": claims.get("id"), "name": claims.get("name")})
    except ValidationError:
        return None
    return found.id, found.name


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def _told(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
