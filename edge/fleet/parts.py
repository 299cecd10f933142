"""What the units of a fleet share, and what they ask of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from drivers.clock import Clock
from edge.fleet.figures import Figures
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.transport import LinkOptions, ProtocolVersion, Refused

# What the fleet knows a unit by: a FleetUnit, which this file need not know.
U = TypeVar("U")
U_contra = TypeVar("U_contra", contravariant=True)


class Switchboard(Protocol[U_contra]):
    """What a unit asks of the fleet."""

    def dial(self, unit: U_contra, after_s: float) -> None:
        """Have `connect` called after so long."""

    def has_written(self, unit: U_contra) -> None:
        """There is something to send."""

    def gone(self, unit: U_contra) -> None:
        """The unit is about to drop its connection."""

    def refused(self, why: Refused, tried: ProtocolVersion) -> None:
        """An attempt in this version of MQTT failed."""

    @property
    def protocol(self) -> ProtocolVersion:
        """To try next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitParts(Generic[U]):
    """What all units of a fleet share."""

    switchboard: Switchboard[U]
    figures: Figures
    clock: Clock
    ack: Literal["hub", "broker"]
    transport: Callable[[], PahoTransport]
    options: Callable[[str, int], LinkOptions]  # by a unit's name, and which node it is the turn of
