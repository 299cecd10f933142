"""What is flashed onto a unit: the order to do it, what is in use, and how each flash ended."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from telemetry.contract.bundle import Bundle
from telemetry.contract.topics import Leaf
from telemetry.contract.up_message import UpMessage
from telemetry.contract.wire_types import Code, Message, Short, Text, UtcTime, Uuid

Way = Literal["hub", "usb", "serial", "ssh", "command_line"]
FlashStep = Literal["on_trial", "committed", "rolled_back", "refused", "set_by_hand"]

# Why a bundle is not taken, or did not stay. In `code` of a reply `failed` to `config.apply`, and
# of the event; also what the commands of this computer end with. A hub may meet further ones.
FlashCode = Literal[
    "fetch_failed",
    "too_large",
    "malformed",
    "unsigned",
    "bad_signature",
    "unknown_key",
    "key_revoked",
    "key_expired",
    "role_not_allowed",
    "too_few_signatures",
    "no_trust",
    "wrong_unit",
    "wrong_base",
    "unsupported",
    "replayed",
    "not_yet_valid",
    "expired",
    "clock_unset",
    "invalid_config",
    "invalid_model",
    "invalid_runtime",
    "storage",
    "busy",
    "wrong_state",
    "rolled_back",
    "interrupted",
    "cancelled",
]
# Why a trial ended with what was before it: in `code` of the event `rolled_back`.
BackCode = Literal["unhealthy", "crash_loop", "slot_damaged", "configuration_wrong", "by_hand"]

_Serial = Field(ge=1, le=2**53, description="counts up with each release")


class ConfigApply(Bundle):
    """A signed bundle (`.peb`) of any kind to fetch and flash."""

    force: bool = Field(
        False, description="also while a task is under way; stands in the unit's journal"
    )


class FlashedLane(Message):
    """What is in use of one lane. Without `bundle`: what the unit came with."""

    lane: Code = Field(description="config, overlay, zones, model, runtime")
    bundle: Uuid | None = None
    name: Short | None = None
    serial: int | None = Field(None, ge=1, le=2**53)
    slot: Literal["a", "b"] | None = None
    since: UtcTime | None = Field(None, description="when it came into use, where that is known")
    highest: int = Field(0, ge=0, le=2**53, description="serial: none is taken that is not above")


class FlashTrial(Message):
    """A flash that has to prove itself before it stays."""

    lane: Code
    bundle: Uuid
    name: Short
    serial: int = _Serial
    begun: UtcTime
    by: Short
    order: Uuid | None = Field(None, description="the command that waits for its end")


class Flashed(Message):
    """All that is flashed, as it is now."""

    lanes: tuple[FlashedLane, ...] = Field((), description="those that were ever flashed")
    trial: FlashTrial | None = None
    runtime: Literal["a", "b"] | None = Field(
        None, description="the slot of the software that runs; absent: as installed"
    )
    config_digest: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="of the configuration that is in force"
    )
    safe_mode: bool = Field(False, description="position, health and commands only, after crashes")


class FlashResult(Message):
    """`result` of `config.apply` where it succeeded: what is in effect from now on."""

    kind: Code
    bundle: Uuid
    name: Short
    serial: int = _Serial
    lane: Code | None = Field(None, description="not of trust and firmware, which have no slots")
    slot: Literal["a", "b"] | None = None
    notes: tuple[Text, ...] = Field((), description="what became of each board, of firmware; ...")


class FlashEvent(UpMessage):
    """A flash went on trial, stayed, went back, or was refused: whoever did it, in whatever way."""

    TYPE: ClassVar[str] = "patrol.event.flash.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 1

    what: FlashStep
    way: Way | None = Field(None, description="how the bundle came; absent where nobody knows")
    by: Short = Field(description="the hub's issuer, local:USER, usb, ...")
    order: Uuid | None = Field(None, description="the command, if the hub asked for it")
    kind: Code | None = Field(None, description="of the bundle; absent of one that says nothing")
    lane: Code | None = None
    bundle: Uuid | None = None
    name: Short | None = None
    serial: int | None = Field(None, ge=1, le=2**53)
    code: Code | None = Field(None, description="why it was refused or rolled back")
    text: Text = ""
    forced: bool = False

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if (self.code is not None) != (self.what in ("rolled_back", "refused")):
            raise ValueError("what was refused or rolled back says why, and nothing else does")
        return self
