"""What the unit raises an alert for. Each rule has a name of its user's choice and a `kind`."""

from typing import Annotated, Literal

from pydantic import Field

from config.section import Section
from config.zones import ZoneName

Label = Literal["person", "bicycle", "car", "motorcycle", "bus", "truck"]
Probability = Annotated[float, Field(gt=0, lt=1)]


class AlertRule(Section):
    """What all rules that raise alerts have: how an episode begins, goes on and ends."""

    severity: int = Field(2, ge=1, le=4, description="1 is the most severe: red")
    min_duration_s: float = Field(1.0, ge=0, le=3600, description="what is over sooner is not told")
    clear_after_s: float = Field(
        3.0, ge=0, le=3600, description="the episode ends when it has been over for so long"
    )
    gap_s: float = Field(5.0, gt=0, le=600, description="unseen for this long is gone")
    cool_down_s: float = Field(
        60.0, ge=0, le=86_400, description="the same object is not told again so soon"
    )
    update_every_s: float = Field(10.0, ge=1, le=3600, description="an update while it goes on")


class ZoneRule(AlertRule):
    """A rule about certain objects in certain zones."""

    zones: tuple[ZoneName, ...] = Field(min_length=1, max_length=64, description="names of zones")
    labels: tuple[Label, ...] = Field(("person",), min_length=1, description="what it is about")


class IntrusionRule(ZoneRule):
    """Somebody is where nobody should be."""

    kind: Literal["intrusion"]
    probability: Probability = Field(0.8, description="that it is inside, from which on it counts")


class FastRule(ZoneRule):
    """Something moves faster than it should."""

    kind: Literal["fast"]
    speed_mps: float = Field(4.0, gt=0, le=100, description="faster than this; a run is 3 to 6")
    probability: Probability = Field(0.95, description="that it is faster, from which on it counts")


RuleConfig = Annotated[IntrusionRule | FastRule, Field(discriminator="kind")]
