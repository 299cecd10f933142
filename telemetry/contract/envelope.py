"""The envelope: CloudEvents 1.0, JSON format, structured mode, with our extension attributes.

Stored rows hold the unchanging part (the *body*). `sequence`, which the outbox knows only
at commit, and `historical` and `senttime`, which are known only when it is sent, are put around
it by `seal`. So the id and all that a retry must not change are written once.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from telemetry.contract.registry import BY_TYPE
from telemetry.contract.topics import Leaf
from telemetry.contract.up_message import UpMessage
from telemetry.contract.wire_types import (
    U64_MAX,
    Message,
    Priority,
    Short,
    TimeQuality,
    UtcTime,
    Uuid,
    rfc3339_ms,
)

CONTENT_TYPE = "application/cloudevents+json"
MAX_MESSAGE_BYTES = 256 * 1024  # a reader refuses more before it looks inside

Data = TypeVar("Data", bound=UpMessage)
Down = TypeVar("Down", bound=Message)


def _fits_u64(text: str) -> str:
    if int(text) > U64_MAX:
        raise ValueError("larger than an unsigned 64-bit number")
    return text


U64Text = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,19})$"), AfterValidator(_fits_u64)]


class Envelope(Message):
    """The attributes around `data`. Extension attributes are those after `dataschema`."""

    specversion: Literal["1.0"] = "1.0"
    id: Uuid = Field(description="unique; the same over all retries")
    source: str = Field(pattern=r"^/units/[a-z0-9-]{1,32}$")
    type: str = Field(pattern=r"^patrol\.[a-z_.]+\.v[0-9]+$", max_length=100)
    time: UtcTime = Field(description="of the capture, not of the sending")
    dataschema: str = Field(max_length=200)
    bootid: Short = Field(description="one run of the unit's software")
    priority: Priority
    timequality: TimeQuality = Field(description="what the unit's clock was set by")
    sequence: U64Text | None = Field(
        None, description="u64, per unit, +1 for each stored message; absent in status"
    )
    historical: bool = Field(False, description="it waited for a link")
    senttime: UtcTime | None = None

    @property
    def unit(self) -> str:
        return self.source.removeprefix("/units/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message as its producer hands it over: everything but who, and when it is sent."""

    data: UpMessage
    time: datetime  # of the capture, time zone UTC
    time_quality: TimeQuality
    priority: int  # 0..4, 0 is the most urgent

    @classmethod
    def of(cls, data: UpMessage, time: datetime, time_quality: TimeQuality) -> "Draft":
        """A draft with the priority that its kind of message has by default."""
        return cls(data=data, time=time, time_quality=time_quality, priority=data.PRIORITY)

    @property
    def kind(self) -> Leaf:
        return self.data.LEAF

    @property
    def type(self) -> str:
        return self.data.TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who speaks: the same in every message of one run."""

    unit: str  # UNIT_ID_PATTERN
    boot_id: str  # one run of the process; a UUIDv7 will do


_WHOSE = re.compile(rb'"id":"[^"]*","source":"/units/([a-z0-9-]+)"')


def unit_of(body: bytes) -> str | None:
    """Whose message this is; None if it does not begin as a body does."""
    found = _WHOSE.match(body)
    return None if found is None else found[1].decode("ascii")


def schema_id(message_type: str) -> str:
    return f"urn:patrol-edge:schema:{message_type}"


def body_of(sender: Sender, draft: Draft, message_id: str) -> bytes:
    """The unchanging part: the members of the JSON object, without its braces."""
    who, schema = _unchanging(sender, draft.type)
    data = draft.data.model_dump_json(exclude_none=True)
    # Ids, times and the like hold nothing that JSON would have to escape.
    return (
        f'"id":"{message_id}",{who},"time":"{rfc3339_ms(draft.time)}",{schema},'
        f'"priority":{draft.priority},"timequality":"{draft.time_quality}","data":{data}'
    ).encode()


@lru_cache(maxsize=256)
def _unchanging(sender: Sender, message_type: str) -> tuple[str, str]:
    """What is the same in all messages of a type, in one run: before the time, and after it."""
    before = {"source": f"/units/{sender.unit}", "type": message_type}
    after = {"dataschema": schema_id(message_type), "bootid": sender.boot_id}
    one, other = (json.dumps(each, separators=(",", ":"))[1:-1] for each in (before, after))
    return one, other


def seal(body: bytes, sequence: int | None, *, historical: bool, sent: datetime) -> bytes:
    """The message as it goes on the wire."""
    number = "" if sequence is None else f'"sequence":"{sequence}",'
    head = f'{{"specversion":"1.0",{number}'
    late = "true" if historical else "false"
    tail = f',"historical":{late},"senttime":"{rfc3339_ms(sent)}"}}'
    return head.encode() + body + tail.encode()


# --- reading ---------------------------------------------------------------------------------


class BadMessageError(Exception):
    """These bytes are not the message they should be. `cause` is for counting."""

    def __init__(self, cause: str, text: str) -> None:
        super().__init__(text)
        self.cause = cause


class _Outer(BaseModel):
    """Only what is needed to know which message it is."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    type: str


class Wire(Envelope, Generic[Data]):
    """A whole message with an envelope."""

    data: Data


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message that a reader has understood. `data` is None for a type it does not know."""

    envelope: Envelope
    data: UpMessage | None


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def read_up(payload: bytes) -> Received:
    """A unit's message. Fields that this version does not know are ignored.

    Raises BadMessageError: cause `too_large`, `not_an_envelope` or `invalid`.
    """
    _check_size(payload)
    try:
        message_type = _Outer.model_validate_json(payload).type
    except ValidationError as error:
        raise BadMessageError("not_an_envelope", _first_problem(error)) from error
    model = BY_TYPE.get(message_type)
    try:
        if model is None:
            envelope = Envelope.model_validate_json(payload, strict=True, extra="ignore")
            return Received(envelope=envelope, data=None)
        wire = _WIRES[model].model_validate_json(payload, strict=True, extra="ignore")
    except ValidationError as error:
        raise BadMessageError("invalid", _first_problem(error)) from error
    return Received(envelope=wire, data=wire.data)


def read_down(model: type[Down], payload: bytes) -> Down:
    """A message without an envelope (ack, hub state). Unknown fields are ignored.

    Raises BadMessageError: cause `too_large` or `invalid`.
    """
    _check_size(payload)
    try:
        return model.model_validate_json(payload, strict=True, extra="ignore")
    except ValidationError as error:
        raise BadMessageError("invalid", _first_problem(error)) from error


def _check_size(payload: bytes) -> None:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise BadMessageError("too_large", f"{len(payload)} bytes; at most {MAX_MESSAGE_BYTES}")


_WIRES: dict[type[UpMessage], type[Wire[UpMessage]]] = {
    model: Wire[model]  # type: ignore[valid-type]  # a type made at run time, one per message
    for model in BY_TYPE.values()
}
