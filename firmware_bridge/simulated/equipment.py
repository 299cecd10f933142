"""What a simulated board is and has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from firmware_bridge.runtime.inventory import BoardIdentity, Channel, Input, Temperature
from firmware_bridge.runtime.requests import Describe
from firmware_bridge.runtime.vocabulary import (
    ChannelFlag,
    ChannelKind,
    InputKind,
    Item,
    Pattern,
)


def bits(*patterns: Pattern) -> int:
    return sum(1 << pattern for pattern in patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    model: str = "patrol-io"
    serial: str = "SIM-0001"
    hardware: str = "1"
    calibrated: date | None = date(2026, 5, 4)
    channels: tuple[Channel, ...] = ()
    inputs: tuple[Input, ...] = ()
    temperatures: tuple[str, ...] = ()

    def describe(self, wish: Describe, firmware: str) -> bytes | None:
        """The answer's data; None where there is no such thing."""
        described: Sequence[BoardIdentity | Channel | Input | Temperature] = ()
        match wish.item:
            case Item.BOARD:
                described = (self._identity(firmware),)
            case Item.CHANNEL:
                described = self.channels
            case Item.INPUT:
                described = self.inputs
            case Item.TEMPERATURE:
                described = tuple(map(Temperature, self.temperatures))
        return described[wish.index].pack() if wish.index < len(described) else None

    def _identity(self, firmware: str) -> BoardIdentity:
        return BoardIdentity(
            model=self.model,
            serial=self.serial,
            firmware=firmware,
            hardware=self.hardware,
            calibrated=self.calibrated,
            channels=len(self.channels),
            inputs=len(self.inputs),
            temperatures=len(self.temperatures),
        )


STEADY = bits(Pattern.STEADY)
# What a robot dog or a car carries (the same stands in reference/host_board.c).
PAYLOAD = Equipment(
    channels=(
        Channel(
            name="searchlight",
            kind=ChannelKind.SEARCHLIGHT,
            flags=ChannelFlag.DEAD_MAN,
            max_on_ms=300_000,
            patterns=bits(Pattern.STEADY, Pattern.STROBE),
        ),
        Channel(
            name="beacon",
            kind=ChannelKind.BEACON,
            patterns=bits(Pattern.STEADY, Pattern.STROBE, Pattern.PATROL, Pattern.PURSUIT),
        ),
        Channel(
            name="siren",
            kind=ChannelKind.SIREN,
            flags=ChannelFlag.DEAD_MAN,
            max_on_ms=30_000,
            patterns=bits(Pattern.STEADY, Pattern.WAIL, Pattern.YELP, Pattern.HI_LO),
        ),
        Channel(name="record_lamp", kind=ChannelKind.RECORD_LAMP, patterns=STEADY),
        Channel(name="relay", kind=ChannelKind.RELAY, patterns=STEADY),
        Channel(
            name="head",
            kind=ChannelKind.PAN_TILT,
            flags=ChannelFlag.DEAD_MAN,
            max_on_ms=20_000,
            patterns=STEADY,
        ),
    ),
    inputs=(
        Input(name="sos", kind=InputKind.SOS),
        Input(name="estop", kind=InputKind.EMERGENCY_STOP),
        Input(name="light_bar", kind=InputKind.LIGHT_BAR),
        Input(name="siren_switch", kind=InputKind.SIREN),
    ),
    temperatures=("board", "searchlight"),
)
