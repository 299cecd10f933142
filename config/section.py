"""What every section of the unit file is made of."""

from pydantic import BaseModel, ConfigDict

UNIT_ID_PATTERN = r"^[a-z0-9-]{1,32}$"
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,31}$"
KEPT_TO_ITSELF = "mode 0600, owned by the service's user; or credential:NAME"


class Section(BaseModel):
    """Base of every section: unknown keys are refused, and values are never echoed."""

    # By alias: `class` is a word of Python, so that its field has another name.
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, serialize_by_alias=True
    )
