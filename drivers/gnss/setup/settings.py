"""What can be set on a receiver, whatever its maker; and how it is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from drivers.base import DriverError
from drivers.gnss.sky import Constellation

MESSAGES = ("GGA", "RMC", "GSA", "GSV", "VTG", "GLL", "GST", "ZDA", "GNS")
USUAL_BYTES = 75  # of a sentence that was not heard yet; GSV comes several times
USUAL_GSV_BYTES = 280
LINE_SHARE = 0.9  # of what a line carries; ten bits a byte


class SetupError(DriverError):
    """The receiver cannot be set so. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a receiver is set to, or shall be; None: not known, or to be left as it is."""

    rate_hz: float | None = None
    constellations: frozenset[Constellation] | None = None
    messages: Mapping[str, int] | None = None  # sentence: with every nth position; 0: never
    baud: int | None = None

    @property
    def is_empty(self) -> bool:
        return self == Settings()


@dataclass(slots=True)
class Traffic:
    """What a receiver was heard to send, for a while."""

    seconds: float = 0.0
    epochs_hz: float = 0.0
    bytes_per_epoch: dict[str, float] = field(default_factory=dict)  # by sentence


class Receiver(Protocol):
    """One receiver that can be set up; its methods may take some seconds.

    All raise SetupError where it refuses, DeviceLostError where it has gone.
    """

    @property
    def model(self) -> str:
        """What it says it is."""

    @property
    def can(self) -> frozenset[str]:
        """Which of rate, constellations, messages, baud and save can be done here."""

    @property
    def restarts(self) -> bool:
        """Whether what it is told counts only from its next start on, which `save` brings about."""

    def read(self) -> Settings:
        """What it is set to now."""

    def planned(self, wishes: Settings) -> list[str]:
        """What would be sent for these, in words; nothing is sent."""

    def apply(self, wishes: Settings) -> None:
        """Set rate, constellations and messages, until the power goes."""

    def tell_baud(self, baud: int) -> None:
        """Have it go on at another speed; its answer is not waited for."""

    def is_there(self) -> bool:
        """Whether it answers, at the speed of the line."""

    def save(self) -> str:
        """Keep it without power. Says where."""


def needed_bps(traffic: Traffic, messages: Mapping[str, int] | None, rate_hz: float) -> float:
    """How many bits a second these sentences take, start and stop bits included."""
    wanted = messages
    if wanted is None:
        wanted = dict.fromkeys(traffic.bytes_per_epoch, 1)
    total = 0.0
    for kind, every in wanted.items():
        if every:
            usual = USUAL_GSV_BYTES if kind == "GSV" else USUAL_BYTES
            total += traffic.bytes_per_epoch.get(kind, usual) / every
    return total * rate_hz * 10
