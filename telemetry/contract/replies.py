"""What a unit answers to a command."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from telemetry.contract.topics import Leaf
from telemetry.contract.up_message import UpMessage
from telemetry.contract.wire_types import Code, Message, Text, Uuid

ReplyStatus = Literal[
    "received",
    "accepted",
    "rejected",
    "running",
    "succeeded",
    "failed",
    "expired",
    "cancelled",
]
FINAL: frozenset[ReplyStatus] = frozenset(
    {"rejected", "succeeded", "failed", "expired", "cancelled"}
)

# Why a command was refused. A hub may meet codes that it does not know: treat them as `rejected`.
RefusalCode = Literal[
    "bad_signature",
    "unknown_key",
    "key_revoked",
    "key_expired",
    "role_not_allowed",
    "wrong_unit",
    "expired",
    "too_old",
    "not_yet_valid",
    "clock_unset",
    "replayed",
    "unsupported",
    "invalid_arguments",
    "malformed",
    "too_large",
    "retained",
    "unsigned",
    "not_commander",
    "busy",
    "interlock",
    "limit",
    "unknown_task",
    "wrong_state",
    "storage",
]


class JournalHead(Message):
    """The newest record of the unit's command journal when this was written.

    A hub that keeps it can tell later whether the journal's end was cut off, or its records made
    anew: record `n` must still have this hash (`patrol-edge journal verify --head N:HASH`).
    """

    n: int = Field(ge=1)
    hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, over all records before")


class Reply(UpMessage):
    """`received`, `accepted` or `rejected`, perhaps `running` with progress, then how it ended.

    A repeated command is answered with the stored replies and is not done again.
    """

    TYPE: ClassVar[str] = "patrol.reply.v1"
    LEAF: ClassVar[Leaf] = "reply"
    PRIORITY: ClassVar[int] = 1

    command: Uuid = Field(description="the id of the command")
    name: str = Field(max_length=64, description="of the command")
    status: ReplyStatus
    code: Code | None = Field(None, description="why not: with rejected, failed, expired")
    text: Text = ""
    progress: int | None = Field(None, ge=0, le=100, description="percent, while running")
    repeat: bool = Field(False, description="this answers a repetition: nothing was done again")
    result: dict[str, Any] | None = Field(None, description="with succeeded; by command")
    journal: JournalHead | None = Field(None, description="with the end of a command")

    @model_validator(mode="after")
    def _refusals_have_a_code(self) -> Self:
        if self.status in ("rejected", "failed", "expired") and self.code is None:
            raise ValueError("rejected, failed and expired say why: a code")
        return self
