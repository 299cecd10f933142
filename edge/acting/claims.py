"""Who wants what of an actuator, for how long: the words that arbitration is spoken in."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, TypeAlias

from drivers.actuators.actuator import Output
from drivers.platforms.orders import Aim

Kind = Literal["light", "beacon", "siren", "relay", "record_lamp", "pan_tilt", "speaker"]
Origin = Literal["hub", "local", "unit"]


class Level(IntEnum):
    """The higher one wins."""

    PROGRAMME = 1  # of the unit itself: the lamp that tells of recording
    PLAN = 2  # of its patrol: the light bar on a round
    OPERATOR = 3  # a person: at the hub, or on the spot
    EMERGENCY = 4  # a call for help

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sounding:
    """A loudspeaker is wanted: for what is said or played, as loud as this at most."""

    name: str
    volume: float = 1.0
    speech: bool = True  # false: a clip, which gives way to speech


STOPS_WITHIN_S = 0.5  # the next look, the device's thread, the device

Wanted: TypeAlias = Output | Aim | Sounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """An actuator, as far as arbitration goes."""

    name: str
    kind: Kind
    max_on_s: float
    max_volume: float = 1.0
    unseen: bool = False  # a relay that neither shines nor sounds: stealth does not reach it

    @property
    def rationed(self) -> bool:
        """On for `max_on_s` at a time and not longer, and only so often."""
        return self.kind in ("siren", "speaker")

    @property
    def longest_s(self) -> float:
        """A rationed one is told to stop a little sooner, so that it is off in time."""
        spare_s = min(STOPS_WITHIN_S, self.max_on_s / 10) if self.rationed else 0.0
        return self.max_on_s - spare_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants of one actuator, from now on."""

    fitting: str
    level: Level
    wanted: Wanted
    for_s: float  # it ends by itself after this, unless it is made again
    source: str = "operator"  # which programme, plan or emergency
    origin: Origin = "unit"
    issuer: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A wish that was taken up. A newer one of the same level and source takes its place."""

    id: int  # counts up: of two of one level the newer one wins
    fitting: str
    level: Level
    wanted: Wanted
    until_s: float  # monotonic
    source: str = "operator"
    origin: Origin = "unit"
    issuer: str = ""
    why: str = ""

    @property
    def key(self) -> tuple[str, Level, str]:
        return self.fitting, self.level, self.source


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: a RefusalCode of the contract, and words that name the rule and what lifts it."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A claim that is over before anybody took it back."""

    claim: Claim
    cause: str  # over, replaced, outranked, limit, or the name of an interlock
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Whose wish is done now, and how: at most so loud, where it is a sound."""

    claim: Claim
    volume: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What each actuator shall do. One that is missing shall be off."""

    holdings: dict[str, Holding]
    ended: tuple[Ended, ...] = ()
    begun: tuple[str, ...] = ()  # rationed actuators that go on now: to be remembered first
