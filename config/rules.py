"""What the unit raises an alert for. Each rule has a name of its user's choice and a `kind`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.hours import Hours
from config.language import tell
from config.section import Section
from config.zones import ZoneName

Label = Literal["person", "bicycle", "car", "motorcycle", "bus", "truck"]
LABELS: tuple[Label, ...] = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
VEHICLES: tuple[Label, ...] = ("car", "motorcycle", "bus", "truck")
Direction = Literal["both", "forward", "backward"]
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
    active: tuple[Hours, ...] = Field(
        (),
        max_length=16,
        examples=[["22:00-06:00", "sat,sun 00:00-24:00"]],
        description="when it runs: days and local hours; default: always, and while the time of "
        "day is unknown",
    )
    utc_offset_h: float = Field(
        8.0, ge=-12, le=14, description="what local time is ahead of UTC, for `active`"
    )


class ZoneRule(AlertRule):
    """A rule about certain objects in certain zones."""

    zones: tuple[ZoneName, ...] = Field(min_length=1, max_length=64, description="names of zones")
    labels: tuple[Label, ...] = Field(("person",), min_length=1, description="what it is about")
    cameras: tuple[str, ...] = Field((), description="whose pictures it looks at; default: all")
    own_radius_m: float = Field(
        8.0, ge=0, le=100, description="who is so near to one of our own units is one of us"
    )


class IntrusionRule(ZoneRule):
    """Somebody is where nobody should be."""

    kind: Literal["intrusion"]
    probability: Probability = Field(0.8, description="that it is inside, from which on it counts")


class TripwireRule(ZoneRule):
    """Somebody crosses a line."""

    kind: Literal["tripwire"]
    direction: Direction = Field(
        "both", description="forward: from the line's left to its right, as it is drawn"
    )


class LoiteringRule(ZoneRule):
    """Somebody stays in a zone for long without getting anywhere; zones of kind exclusion (a
    queue, a bus stop) do not count."""

    kind: Literal["loitering"]
    min_duration_s: float = Field(0.0, ge=0, le=3600, description="beyond dwell_s")
    dwell_s: float = Field(
        90.0, ge=5, le=7200, description="for so long; 30 near schools and cash machines"
    )
    efficiency: Probability = Field(
        0.35, description="distance won per distance walked, below which nobody gets anywhere"
    )
    reseen: bool = Field(
        False,
        description="while the unit drives faster than 2 m/s: tell of who stands where somebody "
        "stood dwell_s ago, on the pass before; the same person or not, a human has to say",
    )
    within_m: float = Field(
        3.0, ge=0.5, le=50, description="who ends so near to where they were has won no distance"
    )


class CarriagewayRule(ZoneRule):
    """A person on foot is on the carriageway, and neither on a crossing nor one of ours."""

    kind: Literal["carriageway"]
    min_duration_s: float = Field(3.0, ge=0, le=3600, description="what is over sooner")
    probability: Probability = Field(0.9, description="that the feet are on it")
    max_speed_mps: float = Field(
        3.5, gt=0, le=10, description="faster is nobody on foot, but on a bicycle that was not seen"
    )
    wandering_s: float = Field(
        30.0, ge=5, le=3600, description="on it for so long without getting anywhere: severity 1"
    )


class WrongWayRule(ZoneRule):
    """A vehicle drives against the direction of a lane."""

    kind: Literal["wrong_way"]
    min_duration_s: float = Field(2.0, ge=0, le=3600, description="what is over sooner")
    labels: tuple[Label, ...] = Field(VEHICLES, min_length=1, description="what it is about")
    speed_mps: float = Field(2.0, gt=0, le=50, description="slower is not driving")
    angle_deg: float = Field(
        120.0, ge=90, lt=180, description="from the lane's direction; more is against it"
    )
    probability: Probability = Field(0.9, description="that it does, from which on it counts")


class FastRule(ZoneRule):
    """Something moves faster than it should. Advice, never a measurement for a fine."""

    kind: Literal["fast"]
    speed_mps: float = Field(4.0, gt=0, le=100, description="faster than this; a run is 3 to 6")
    probability: Probability = Field(0.95, description="that it is faster, from which on it counts")


class CameraStateRule(AlertRule):
    """A camera is covered, blinded, moved, blurred, or its picture frozen. Moved and blurred are
    only seen while the unit stands."""

    kind: Literal["camera_state"]
    severity: int = Field(2, ge=1, le=4, description="1 is the most severe: red")
    min_duration_s: float = Field(3.0, ge=1, le=3600, description="what is over sooner")
    clear_after_s: float = Field(2.0, ge=0, le=3600, description="the view is back for so long")
    cool_down_s: float = Field(10.0, ge=0, le=86_400, description="the same is not told again")
    cameras: tuple[str, ...] = Field((), description="which are watched; default: all")
    every_s: float = Field(0.2, ge=0.05, le=1.0, description="between two looks at a camera")
    adapt_s: float = Field(
        15.0, ge=5, le=600, description="what comes more slowly (dusk, fog) is no tampering"
    )
    accept_after_s: float = Field(
        600.0, ge=30, le=86_400, description="a new view that stays so long is the usual one"
    )
    lost_share: float = Field(
        0.75, gt=0.3, le=1, description="of the structure in the picture that must be gone"
    )
    moved_share: float = Field(
        0.03, gt=0.01, le=0.5, description="shift of the view, as a share of the picture's side"
    )
    bright_share: float = Field(0.3, gt=0.05, le=1, description="of the picture is saturated")


class LeftObjectRule(AlertRule):
    """Something was put down and nobody who was there is near it any more. Only while the unit
    stands, and from the picture alone."""

    kind: Literal["left_object"]
    min_duration_s: float = Field(0.0, ge=0, le=3600, description="beyond unattended_s")
    gap_s: float = Field(8.0, gt=0, le=600, description="unseen for this long is gone")
    cameras: tuple[str, ...] = Field((), description="which are watched; default: all")
    unattended_s: float = Field(
        30.0, ge=2, le=7200, description="since whoever may have brought it was near"
    )
    accept_after_s: float = Field(
        1800.0, ge=60, le=86_400, description="what stays for so long belongs to the view"
    )


class StoppedRule(ZoneRule):
    """A vehicle stands where none should."""

    kind: Literal["stopped"]
    severity: int = Field(3, ge=1, le=4, description="1 is the most severe: red")
    min_duration_s: float = Field(0.0, ge=0, le=3600, description="beyond stands_s")
    labels: tuple[Label, ...] = Field(VEHICLES, min_length=1, description="what it is about")
    stands_s: float = Field(60.0, ge=1, le=7200, description="it has stood for so long")


class IllegalParkingRule(ZoneRule):
    """A vehicle stands in a zone when the unit comes by, and is still there when it comes by
    again: two passes, as the field does it (10 to 12 minutes)."""

    kind: Literal["illegal_parking"]
    severity: int = Field(3, ge=1, le=4, description="of the second pass; the first is a 4")
    min_duration_s: float = Field(0.0, ge=0, le=3600, description="beyond look_s")
    gap_s: float = Field(10.0, gt=0, le=600, description="unseen for this long is gone")
    cool_down_s: float = Field(3600.0, ge=0, le=86_400, description="not told again so soon")
    labels: tuple[Label, ...] = Field(VEHICLES, min_length=1, description="what it is about")
    look_s: float = Field(
        3.0, ge=0.5, le=600, description="seen to stand for so long, in each pass"
    )
    wait_min: float = Field(10.0, ge=0.1, le=240, description="between the passes, at least")
    expires_min: float = Field(60.0, ge=1, le=1440, description="then a first pass is forgotten")
    confidence: Probability = Field(0.7, description="that it is the same vehicle, at least")

    @model_validator(mode="after")
    def _remembered_for_long_enough(self) -> Self:
        if self.expires_min <= self.wait_min:
            raise ValueError(tell("a first pass is forgotten before its second; raise expires_min"))
        return self


class CrowdLevel(Section):
    """From when on a crowd is told, and how severe that is."""

    per_m2: float = Field(gt=0, le=10, description="persons per m² of visible ground")
    sustained_s: float = Field(ge=0, le=600, description="for so long")


CROWD_LEVELS = (
    CrowdLevel(per_m2=1.0, sustained_s=55.0),
    CrowdLevel(per_m2=2.0, sustained_s=30.0),
    CrowdLevel(per_m2=3.5, sustained_s=15.0),
    CrowdLevel(per_m2=5.0, sustained_s=10.0),
)


class CrowdRule(ZoneRule):
    """Too many people on too little ground. For zones with other levels write another rule."""

    kind: Literal["crowd"]
    min_duration_s: float = Field(0.0, ge=0, le=3600, description="beyond sustained_s of its level")
    clear_after_s: float = Field(10.0, ge=0, le=3600, description="it is over for so long")
    gap_s: float = Field(30.0, gt=0, le=600, description="out of sight for this long is gone")
    levels: tuple[CrowdLevel, CrowdLevel, CrowdLevel, CrowdLevel] = Field(
        CROWD_LEVELS, description="notice, yellow, orange, red: severity 4, 3, 2, 1"
    )
    clear_share: float = Field(
        0.8, gt=0.2, lt=1, description="of its density, below which a level is over"
    )
    min_area_m2: float = Field(
        12.0, gt=0, le=10_000, description="less visible ground tells nothing"
    )
    saturated_per_m2: float = Field(
        1.5, gt=0, le=10, description="from here on boxes hide one another, and a count is too low"
    )
    trend_s: float = Field(60.0, ge=10, le=900, description="the trend is that of so long a time")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        densities = [level.per_m2 for level in self.levels]
        if densities != sorted(set(densities)):
            raise ValueError(tell("each level of a crowd must be denser than the one before it"))
        return self


class CountRule(Section):
    """How many cross a line, by direction and class."""

    kind: Literal["count"]
    zones: tuple[ZoneName, ...] = Field(min_length=1, max_length=64, description="names of lines")
    labels: tuple[Label, ...] = Field(LABELS, min_length=1, description="what is counted")
    cameras: tuple[str, ...] = Field((), description="whose pictures it looks at; default: all")
    period_s: float = Field(60.0, ge=10, le=3600, description="a message each")


# A line each, so that two rules can come at the same time.
AlertRuleConfig = (
    IntrusionRule
    | TripwireRule
    | LoiteringRule
    | CarriagewayRule
    | WrongWayRule
    | FastRule
    | CameraStateRule
    | CrowdRule
    | LeftObjectRule
    | StoppedRule
    | IllegalParkingRule
)  # fmt: skip
RuleConfig = Annotated[AlertRuleConfig | CountRule, Field(discriminator="kind")]
