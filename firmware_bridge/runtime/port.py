"""The line to a board: bytes in, bytes out. Either the link has it, or a technician's tool."""

from typing import Protocol

from drivers.stream import SerialStream


class Port(Protocol):
    """An open line, used by one thread."""

    def read(self, wait_s: float) -> bytes:
        """What is waiting; if nothing is, what comes first within `wait_s`; empty if nothing does.

        Raises DeviceLostError when the port has gone.
        """

    def send(self, data: bytes) -> None:
        """Hand over; it leaves at the line's speed. Raises DeviceLostError."""

    def close(self) -> None:
        """Release the port. Never raises."""


def open_port(path: str, baud: int) -> Port:
    """A serial port or pseudo-terminal, for this process alone.

    Raises DeviceUnavailableError, with the cure: also where another program has it open.
    """
    return SerialStream.open(path, baud)
