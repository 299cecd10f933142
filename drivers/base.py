"""What a driver promises, and the three ways it can fail."""

from typing import Protocol, TypeVar

S_co = TypeVar("S_co", covariant=True)


class DriverError(Exception):
    """Base of everything a driver raises on purpose."""


class DeviceUnavailableError(DriverError):
    """The device could not be opened. Trying again later may help."""


class DeviceLostError(DriverError):
    """The device was open and has gone. Close, wait, open again."""


class BadDataError(DriverError):
    """One reading was damaged; the device itself is fine. Read again."""


class EndOfRecordingError(DriverError):
    """A recording has been played to its end, and was not asked to start over."""


# What drivers count that is no loss; every other counter is something that was dropped, by cause.
PROGRESS_COUNTERS = frozenset(
    {"sentences", "epochs", "fixes", "frames", "loops", "speeds_tried", "unstamped"}
)


class Driver(Protocol[S_co]):
    """One open device, used by one thread.

    There is no such thing as a closed driver: to reopen, make a new one.
    """

    def read(self) -> S_co | None:
        """The next sample, waiting at most half a second; None if nothing new came."""

    def close(self) -> None:
        """Release the device. Never raises."""

    def counters(self) -> dict[str, int]:
        """How much was read (PROGRESS_COUNTERS) and dropped, by cause, since opening."""
