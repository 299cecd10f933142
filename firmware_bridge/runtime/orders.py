"""What a board of the unit can be asked for, and what it tells: by name, in units.

`Done` (drivers.samples) with `ok` means that the board has done it; what its outputs then are
stands in the next `BoardState`.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from drivers.base import ActiveDriver
from drivers.samples import Done, Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class SetChannel:
    """One channel: how strongly, in which pattern, and for how long."""

    channel: str  # what the board calls it
    level: float  # 0 is off .. 1 full
    pattern: str = "steady"  # steady, strobe, patrol, pursuit, wail, yelp, hi_lo
    for_s: float | None = None  # then the board turns it off by itself; None: its own limit


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnHead:
    """A pan/tilt head: where it shall look."""

    channel: str
    pan_deg: float  # against the bow, clockwise positive
    tilt_deg: float  # above the horizon positive
    speed_dps: float | None = None  # None: its own


@dataclass(frozen=True, slots=True)
class SetChannels:
    """Several channels at once: all of them, or none."""

    channels: tuple[SetChannel, ...]


BoardRequest: TypeAlias = SetChannel | SetChannels | TurnHead


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelNow:
    """One output as it is, not as it was asked for."""

    kind: str  # searchlight, beacon, siren, amplifier, relay, pan_tilt, record_lamp, motion
    on: bool
    level: float  # 0..1
    pattern: str
    left_s: float | None  # until it goes off by itself; None: it does not
    faulty: bool
    pan_deg: float | None = None
    tilt_deg: float | None = None
    moving: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardState:
    """How the board is: it tells so five times a second, and at once when something changes."""

    mono_s: float  # when it arrived
    uptime_s: float
    channels: dict[str, ChannelNow] = field(default_factory=dict)
    inputs: dict[str, bool] = field(default_factory=dict)  # by name: pressed
    celsius: dict[str, float | None] = field(default_factory=dict)  # by name
    supply_v: float | None = None
    supply_a: float | None = None
    faults: tuple[str, ...] = ()  # overheat, undervoltage, overcurrent, output_stage, ...
    dead_man: bool = False  # it has turned all off, since it did not hear the host


Incident: TypeAlias = Literal["dead_man", "pressed", "released", "boot", "fault", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardIncident:
    """Something that happened there. Comes once, however often it was sent."""

    mono_s: float  # when it happened, by this computer's clock
    boot: int  # which start of the board, and its number since then: what makes it one
    number: int
    what: Incident
    subject: str = ""  # the input, by name
    input_kind: str = ""  # sos, emergency_stop, light_bar, siren, cover, other
    text: str = ""  # for a person


BoardSample: TypeAlias = BoardState | BoardIncident | Identity
Board: TypeAlias = ActiveDriver[BoardSample | Done, BoardRequest]
