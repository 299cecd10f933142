"""How far a computer has come on its way to be a unit."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from config.language import tell
from edge.provisioning.certificates import checked_chain, fingerprint, read_certificates
from edge.provisioning.errors import ProvisioningError, WrongInputError
from edge.provisioning.identity import Places, read_identity, verdict
from edge.provisioning.machine import Machine
from edge.provisioning.requests import key_print, load_key
from telemetry.commands.device_key import DeviceKey

State = Literal["provisioned", "waits_for_certificate", "not_provisioned", "other_computer"]


@dataclass(slots=True)
class Result:
    """What stands now."""

    state: State
    unit: str = ""
    kind: str = ""
    hub: str = ""
    contact: str = ""
    key_sha256: str = ""  # of the TLS key
    device_key: str = ""  # kid
    certificate_sha256: str | None = None
    until: str | None = None
    did: list[str] = field(default_factory=list)


def has_certificate(places: Places, unit: str, now: datetime) -> bool:
    """One for this unit and its key, that has not ended. Never raises."""
    try:
        key = load_key(places.key.read_bytes())
        checked_chain(places.certificate.read_bytes(), unit, key.public_key(), [], now)
    except (OSError, ValueError, WrongInputError):
        return False
    return True


def not_begun() -> ProvisioningError:
    return ProvisioningError(
        tell("this computer is no unit yet"), tell("make it one: sudo patrol-edge provision")
    )


def standing(places: Places, machine: Machine) -> Result:
    """How far it has come. Raises ProvisioningError, OSError."""
    found = read_identity(places)
    if verdict(places, machine) == "other":
        return Result(state="other_computer", unit=found.unit if found else "?")
    if found is None:
        there = places.config.exists()  # made by hand: nothing of it is ours to judge
        return Result(state="provisioned" if there else "not_provisioned")
    result = Result(
        state="provisioned" if places.config.exists() else "waits_for_certificate",
        unit=found.unit,
        kind=found.answers.kind,
        hub=found.answers.hub,
        contact=found.answers.contact,
    )
    try:
        result.key_sha256 = key_print(load_key(places.key.read_bytes()).public_key())
        result.device_key = DeviceKey(places.device_key, make=False)().public.kid
    except (OSError, ValueError):
        result.state = "not_provisioned"
    if places.certificate.exists():
        leaf = read_certificates(places.certificate.read_bytes(), "unit.pem")[0]
        result.certificate_sha256 = fingerprint(leaf)
        result.until = f"{leaf.not_valid_after_utc:%Y-%m-%d}"
    return result
