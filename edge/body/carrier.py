"""What carries the unit, as it fares: the newest of everything it tells, and how to ask it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from config.platforms import PlatformConfig
from drivers.platforms.orders import Abilities, PlatformOrder, PlatformSample
from drivers.samples import Ambient, Battery, Gimbal, Identity, VehicleState
from edge.running.asking import Requests
from edge.running.driver_loop import DriverHealth

Listener: TypeAlias = Callable[[str, PlatformSample], None]  # the carrier's name, what it told


@dataclass(slots=True)
class Carrier:
    """One platform. Its own thread writes, anybody reads: each value is replaced whole."""

    name: str
    config: PlatformConfig
    health: DriverHealth
    requests: Requests[PlatformOrder] = field(default_factory=Requests)
    abilities: Abilities | None = None
    mission: str | None = None  # the id of the one it holds (edge.moving)
    stopped: bool = False  # by an emergency stop that this unit keeps up (edge.moving)
    state: VehicleState | None = None
    batteries: dict[str, Battery] = field(default_factory=dict)
    gimbals: dict[str, Gimbal] = field(default_factory=dict)
    ambient: dict[str, Ambient] = field(default_factory=dict)
    identities: dict[str, Identity] = field(default_factory=dict)

    def note(self, sample: PlatformSample) -> None:
        match sample:
            case Abilities():
                self.abilities = sample
            case VehicleState():
                self.state = sample
            case Battery():
                self.batteries = self.batteries | {sample.name: sample}
            case Gimbal():
                self.gimbals = self.gimbals | {sample.name: sample}
            case Ambient():
                self.ambient = self.ambient | {sample.name: sample}
            case Identity():
                self.identities = self.identities | {sample.name: sample}
            case _:
                pass  # positions, attitudes and odometry are for those who listen

    def knows(self, order: type) -> bool:
        """Whether it takes such an order when it is there, as far as it was ever heard."""
        abilities = self.abilities
        return self.config.commands and abilities is not None and order in abilities.orders

    def can(self, order: type) -> bool:
        return self.requests.open and self.knows(order)
