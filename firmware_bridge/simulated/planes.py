"""The two planes of a simulated board: what each gets from the line, and what it answers."""

from typing import Protocol

from firmware_bridge.runtime.frames import Frame


class ManagementPlane(Protocol):
    """MCUmgr's SMP on the board. Used by one thread."""

    def boot(self) -> str:
        """The board starts: choose the image. Returns the version of the firmware that now runs."""

    def line(self, data: bytes) -> bytes:
        """One line, from its first two bytes (06 09 or 04 14) on, without the line feed.

        Returns what goes back, with line feeds; empty if nothing does.
        """

    def reset_due(self) -> bool:
        """Whether the board shall reset now, because it was asked to. Asked after each line."""

    def power_lost(self) -> None:
        """In the middle of whatever it was at: what was not written yet is lost."""


class RunTimePlane(Protocol):
    """The board's side of the run-time link. Used by one thread."""

    def boot(self, firmware: str, now_s: float) -> None:
        """The board starts, with this version: all outputs are off, no host is known."""

    def frame(self, frame: Frame, now_s: float) -> bytes:
        """One frame. Returns what goes back, as bytes for the line; empty if nothing does."""

    def tick(self, now_s: float) -> bytes:
        """Called every few milliseconds: what is due. Returns bytes for the line."""


class NoManagement:
    """A board without SMP: such lines go unanswered."""

    def __init__(self, firmware: str = "1.0.0") -> None:
        self._firmware = firmware

    def boot(self) -> str:
        return self._firmware

    def line(self, data: bytes) -> bytes:
        del data
        return b""

    def reset_due(self) -> bool:
        return False

    def power_lost(self) -> None:
        pass


class NoRunTime:
    """A board that only its management plane answers for: in its boot loader, or never flashed."""

    def boot(self, firmware: str, now_s: float) -> None:
        del firmware, now_s

    def frame(self, frame: Frame, now_s: float) -> bytes:
        del frame, now_s
        return b""

    def tick(self, now_s: float) -> bytes:
        del now_s
        return b""
