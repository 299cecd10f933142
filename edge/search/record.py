"""What a unit remembers of its searches: what was asked, and what of the area was seen."""

from pydantic import BaseModel, ConfigDict

from perception.search.likeness import Description
from telemetry.contract.search import SearchStart
from telemetry.contract.wire_types import UtcTime

PERSON = frozenset({"person"})
VEHICLES = frozenset({"car", "bus", "truck", "motorcycle", "bicycle"})


class Kept(BaseModel):
    """What survives a restart: what was asked, and what was seen. No candidate."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    asked: SearchStart
    begun: UtcTime
    seen: str | None = None
    looks: int = 0
    candidates: int = 0


class SearchBook(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    searches: tuple[Kept, ...] = ()


def described(asked: SearchStart) -> Description:
    height = None
    if asked.height_min_m is not None or asked.height_max_m is not None:
        height = (asked.height_min_m or 0.0, asked.height_max_m or 3.0)
    return Description(
        labels=PERSON if asked.kind == "person" else VEHICLES,
        upper=frozenset(asked.upper),
        lower=frozenset(asked.lower),
        colour=frozenset(asked.colour),
        height_m=height,
        types=frozenset(asked.vehicle),
    )


def in_words(asked: SearchStart) -> str:
    """`person, upper red or orange, lower black`."""
    parts: list[str] = [asked.kind]
    for name in ("upper", "lower", "vehicle", "colour"):
        wanted = getattr(asked, name)
        if wanted:
            parts.append(f"{name} {' or '.join(wanted)}")
    if asked.height_min_m is not None or asked.height_max_m is not None:
        parts.append(f"height {asked.height_min_m or '?'} to {asked.height_max_m or '?'} m")
    return ", ".join(parts)
