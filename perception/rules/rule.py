"""What a rule is given, what it says, and what comes of it."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from perception.place.frame import LocalFrame
from perception.place.placed import GroundPoint, Unplaced
from perception.rules.sight import Sight, Standing

Floats = NDArray[np.float64]
Fact = float | int | str | bool
Phase = Literal["new", "update", "end"]
EndReason = Literal[
    "cleared",  # the condition holds no longer
    "lost",  # its object is not seen any more
    "camera_lost",
    "shutdown",
    "moved_away",  # the unit: what the episode was about is out of sight, or of reach
    "off_hours",  # the rule is not active any more
    "time_jump",  # the stamps leapt; how long it lasted cannot be said
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Claim:
    """What a judge says of one subject in one picture: how far its condition holds.

    Who is not claimed in a picture is not seen in it: that is neither for nor against. Where
    `subject` says who it is, and that one was seen where the zone is, it counts as level 0; so a
    judge need not speak of all those who are nowhere near.
    """

    key: Hashable  # the subject: a track, a zone, a pair of them; the same from picture to picture
    level: float  # 0..1; from `on` of the life on it holds, below `off` it does not
    confidence: float = 1.0  # 0..1, that what is told is so
    severity: int | None = None  # 1..4, 1 the worst; None: the rule's own
    zone: str | None = None
    subject: int | None = None  # who it is about, where it is about one
    label: str | None = None
    tracks: tuple[int, ...] = ()
    place: GroundPoint | None = None
    unplaced: Unplaced | None = None  # why there is no place
    footprint: Floats | None = None  # (N, 2) east, north: the ground it speaks of
    facts: Mapping[str, Fact] = field(default_factory=dict)  # units in their names
    since_mono_s: float | None = None  # when it began, where the judge knows; else the first claim
    over: bool = False  # it is over at once, without waiting for clear_after_s
    momentary: bool = False  # a thing of a moment (a line was crossed): told and ended at once

    @classmethod
    def about(
        cls, each: Standing, zone: str, level: float, facts: Mapping[str, Fact], **more: Any
    ) -> Self:
        """A claim about somebody in a zone; `more`: whatever else a claim has."""
        track = each.track
        usual: dict[str, Any] = {
            "key": (zone, each.subject),
            "level": level,
            "confidence": min(level, 1.0) * track.quality,
            "zone": zone,
            "subject": each.subject,
            "label": track.label,
            "tracks": (track.track_id,),
            "place": track.point,
            "unplaced": track.unplaced if track.point is None else None,
            "facts": facts,
        }
        return cls(**(usual | more))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a judge says of one picture."""

    claims: Sequence[Claim] = ()
    blind: str | None = None  # why it can say nothing of this camera's pictures; a code


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alert:
    """One step in the life of an episode: `new`, `update`*, exactly one `end`."""

    rule: str  # its kind
    name: str  # as configured
    episode: int  # unique in this boot
    phase: Phase
    reason: EndReason | None  # of an end
    severity: int  # 1..4, 1 is the worst: red, orange, yellow, blue
    confidence: float  # 0..1
    zone: str | None
    label: str | None
    tracks: tuple[int, ...]
    camera: str
    place: GroundPoint | None  # where it was last seen
    unplaced: Unplaced | None  # why there is no place
    frame: LocalFrame | None  # of place and footprint
    footprint: Floats | None
    begun_mono_s: float
    last_mono_s: float  # when it was last seen to hold
    facts: Mapping[str, Fact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many crossed one line in one minute, by direction and class."""

    name: str  # of the rule
    zone: str  # of the line
    camera: str
    begun_mono_s: float
    length_s: float  # of the time counted over; shorter in the first and the last
    watched_s: float  # of this, the line was in view and could be placed
    forward: Mapping[str, int]  # by label: from the line's left to its right
    backward: Mapping[str, int]


News = Alert | Count


class Judge(Protocol):
    """Decides, picture by picture, whether a condition holds. Knows nothing of episodes."""

    def judge(self, sight: Sight) -> Verdict:
        """What this picture says."""

    def forget(self, camera: str | None) -> None:
        """Its tracks are gone (None: those of all cameras)."""


class Rule(Protocol):
    """What the engine runs: a `Watch` around a judge, or something of its own."""

    kind: str
    name: str

    def see(self, sight: Sight) -> Sequence[News]:
        """What a picture changes."""

    def end(self, camera: str | None, reason: EndReason, mono_s: float) -> Sequence[News]:
        """Nothing comes from this camera any more (None: from all): end what is open."""

    def blind(self) -> Mapping[str, str]:
        """Why it can say nothing just now, by camera."""
