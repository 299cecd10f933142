"""What a driver promises, and the three ways it can fail."""

from collections.abc import Callable
from typing import Protocol, TypeVar

S_co = TypeVar("S_co", covariant=True)
R_contra = TypeVar("R_contra", contravariant=True)


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
    {
        "sentences",
        "epochs",
        "fixes",
        "frames",
        "not_wanted",
        "blocks",
        "loops",
        "speeds_tried",
        "unstamped",
        "readings",
        "messages",
        "asked",
        "switched",
        "sounds",
        "moves",
    }
)

# Whether anybody would look at a picture that came now. A camera passes over one that nobody wants
# before it is decoded, counts it as NOT_WANTED, and hands over nothing. Any thread may ask.
Wanted = Callable[[], bool]
NOT_WANTED = "not_wanted"


def always() -> bool:
    """Every picture is wanted."""
    return True


# Opening a device waits for it: at most so long. Most take 5 s; one behind a host name takes what
# the system's resolver takes to give up; a network camera has its `open_timeout_s` and 8 s more.
# No sign of life can come meanwhile, so whoever watches the thread has to allow for it.
LONGEST_OPEN_S = 60.0


class Driver(Protocol[S_co]):
    """One open device, used by one thread.

    There is no such thing as a closed driver: to reopen, make a new one. Opening takes at most
    LONGEST_OPEN_S; `read` half a second, or with a network camera its `stalled_after_s`.
    """

    def read(self) -> S_co | None:
        """The next sample, waiting at most half a second; None if nothing new came."""

    def close(self) -> None:
        """Release the device. Never raises."""

    def counters(self) -> dict[str, int]:
        """How much was read (PROGRESS_COUNTERS) and dropped, by cause, since opening."""


class ActiveDriver(Driver[S_co], Protocol[S_co, R_contra]):
    """A device that also does something: its own thread asks it, between two reads.

    Its `read` waits at most ACTIVE_READ_S, so that what is asked is soon begun. Closing it leaves
    whatever it drives in its safe state.
    """

    def ask(self, token: int, request: R_contra) -> None:
        """Begin with it. Returns at once; a later `read` gives the `Done` with this token.

        Raises DeviceLostError where the device has gone: then no `Done` comes.
        """


ACTIVE_READ_S = 0.05
