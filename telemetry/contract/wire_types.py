"""The field types of the wire: one notation for each quantity, rounded to what it is worth."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from config.section import UNIT_ID_PATTERN
from config.wording import one_line

TimeQuality = Literal["gnss", "ntp", "rtc", "none"]

U64_MAX = 2**64 - 1


class Message(BaseModel):
    """Base of every message: a writer may not invent fields; `envelope.read` lets readers ignore.

    A value that is not known is None here and left out on the wire. Readers treat an absent field
    and a null alike.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )


def rfc3339_ms(moment: datetime) -> str:
    """`2026-11-22T02:51:40.123Z`: RFC 3339, UTC, milliseconds cut off (not rounded up)."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def _in_utc(moment: datetime) -> datetime:
    # A date at the end of the calendar cannot be moved to another zone; that is the writer's fault.
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a date that UTC cannot express") from error


def _places(digits: int) -> AfterValidator:
    return AfterValidator(lambda value: round(value, digits))


UtcTime = Annotated[
    AwareDatetime,
    AfterValidator(_in_utc),
    PlainSerializer(rfc3339_ms, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]

# 1e-7 degrees is 11 mm at the equator; more digits only cost bytes.
Latitude = Annotated[float, Field(ge=-90, le=90), _places(7)]
Longitude = Annotated[float, Field(ge=-180, le=180), _places(7)]
Bearing = Annotated[float, Field(ge=0, le=360, description="degrees from true north"), _places(1)]
Metres = Annotated[float, _places(2)]
Distance = Annotated[float, Field(ge=0, description="metres"), _places(2)]
Speed = Annotated[float, Field(ge=0, description="metres per second"), _places(2)]
Seconds = Annotated[float, Field(ge=0), _places(3)]
Milliseconds = Annotated[int, Field(ge=0)]
Ratio = Annotated[float, Field(ge=0, le=1), _places(4)]
Percent = Annotated[float, Field(ge=0, le=100), _places(1)]
Celsius = Annotated[float, Field(ge=-100, le=300), _places(1)]
Count = Annotated[int, Field(ge=0)]
SHORT_LENGTH, TEXT_LENGTH = 80, 500
Short = Annotated[str, Field(min_length=1, max_length=SHORT_LENGTH)]
Text = Annotated[str, Field(max_length=TEXT_LENGTH)]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
Priority = Annotated[int, Field(ge=0, le=4, description="0 is the most urgent")]
UnitId = Annotated[str, Field(pattern=UNIT_ID_PATTERN)]
Uuid = Annotated[
    str,
    Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"),
]


def short(words: str) -> str:
    """Words of others (a file's name, a device's) as `Short` takes them: never empty."""
    return text(words, SHORT_LENGTH) or "-"


def text(words: str, length: int = TEXT_LENGTH) -> str:
    """Words of others (an error's) as `Text` takes them: one printable line, cut to the length.

    Paths may hold line breaks, and bytes that are no UTF-8, which JSON cannot carry.
    """
    line = one_line(" ".join(words[: 4 * length].split()), length)
    return words if line == words else line  # the same, with the pattern that it was made from
