"""Who may command the unit, read from its keyring by somebody who is not the unit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from config.models import Settings
from telemetry.commands.keyring import Keyring
from telemetry.commands.keys import KeyEntry

EXPIRING = timedelta(days=30)  # so long before a key ends, health says so


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """As CommandingHealth has them."""

    signed: bool
    keyring: Path
    keyring_missing: bool
    keyring_fault: str | None
    keyring_cure: str
    keys_expiring: tuple[str, ...]
    keys_over: bool
    valid: int


def key_facts(settings: Settings, now: datetime) -> KeyFacts:
    """Reads the file once."""
    keyring = Keyring(settings.security.keyring or settings.state_dir / "keyring.json")
    keyring.refresh()
    return KeyFacts(
        signed=settings.security.commands == "signed",
        keyring=keyring.path,
        keyring_missing=keyring.missing,
        keyring_fault=keyring.fault,
        keyring_cure=keyring.cure,
        keys_expiring=tuple(expiring(keyring.known, now)),
        keys_over=keyring.over(now),
        valid=sum(key.state(now) == "valid" for key in keyring.known),
    )


def expiring(keys: Sequence[KeyEntry], now: datetime) -> Iterator[str]:
    """Those that end soon: `KID of ISSUER on DATE`."""
    for key in keys:
        if key.state(now) == "valid" and key.not_after and key.not_after - now < EXPIRING:
            yield f"{key.kid} of {key.issuer} on {key.not_after:%Y-%m-%d}"
