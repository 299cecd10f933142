"""The list of keys whose bundles a unit takes, as it comes to it for the first time."""

from pathlib import Path

from pydantic import ValidationError

from config.language import tell
from edge.bundles.trust import Trust
from edge.provisioning.errors import WrongInputError

TRUST_BYTES = 256 * 1024


def checked_trust(data: bytes, there: Path) -> int:
    """Its serial. `there`: where the unit has a list, perhaps. Raises WrongInputError, OSError."""
    try:
        if len(data) > TRUST_BYTES:
            raise ValueError("too large")  # noqa: TRY301 - told like the others
        trust = Trust.model_validate_json(data)
    except (ValidationError, ValueError) as error:
        told = tell("that is no list of trusted keys (trust.json)")
        raise WrongInputError(told, tell("copy it again from whoever signs bundles")) from error
    if there.exists() and there.read_bytes() != data:
        _refuse_another(there, trust)
    return trust.serial


def _refuse_another(there: Path, trust: Trust) -> None:
    """A list is followed by a signed one, never replaced by hand (TUF)."""
    try:
        serial = Trust.model_validate_json(there.read_bytes()).serial
    except ValidationError:
        return
    raise WrongInputError(
        tell(
            "the unit has a list of trusted keys already, serial {old}; this is {new}",
            old=serial,
            new=trust.serial,
        ),
        tell("flash the new list as a bundle, or patrol-edge factory-reset first"),
    )
