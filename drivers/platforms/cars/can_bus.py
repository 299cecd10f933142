"""A CAN bus, through python-can, which this module alone imports."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from config.cars import CanPlatformConfig
from config.language import tell
from drivers.base import BadDataError, DeviceLostError, DeviceUnavailableError
from drivers.platforms.cars.can_link import check_link

if TYPE_CHECKING:
    import can

SEND_S = 0.05
# What a damaged line of a slcan adapter makes python-can raise.
_DAMAGED = (ValueError, IndexError, KeyError)
# pyserial, of a port that was ready and then had nothing: once it is a buffer that somebody
# flushed; a device that was pulled out says so each time.
EMPTY, EMPTY_READS_OF_A_LOSS = "returned no data", 5
FORBIDDEN = (
    "the kernel has no CAN (modprobe can_raw), or the service may not use it: "
    "RestrictAddressFamilies=AF_CAN AF_NETLINK in a drop-in (systemd/README.md)"
)
_FULL = (errno.ENOBUFS, errno.EAGAIN)


@dataclass(frozen=True, slots=True)
class CanFrame:
    """One frame; `error`: of the controller, `id` and `data` as in linux/can/error.h."""

    id: int
    data: bytes
    extended: bool = False
    error: bool = False


class CanBus:
    """An open bus, used by one thread."""

    def __init__(self, bus: "can.BusABC", name: str) -> None:
        self._bus = bus
        self._name = name
        self._empty = 0  # reads in a row

    @classmethod
    def open(cls, config: CanPlatformConfig, wanted: Sequence[tuple[int, int, bool]]) -> Self:
        """`wanted`: id, mask, extended: on socketcan the kernel passes over other frames (not over
        error frames); elsewhere all come.

        Raises DeviceUnavailableError, with the cure.
        """
        try:
            import can
        except ImportError as error:
            raise DeviceUnavailableError(
                tell("a CAN bus needs python-can: pip install 'patrol-edge[can]'")
            ) from error
        if config.interface == "socketcan":
            check_link(config.channel, config.bitrate)
        filters = [
            {"can_id": frame_id, "can_mask": mask, "extended": extended}
            for frame_id, mask, extended in wanted
        ]
        options: dict[str, Any] = {"can_filters": filters}
        if config.interface == "virtual":
            options = {}
        elif config.interface == "slcan":
            options = {
                "bitrate": config.bitrate,
                "sleep_after_open": 0.2,
                "listen_only": not config.obd,
            }
        try:
            bus = can.Bus(interface=config.interface, channel=config.channel, **options)
        except (can.CanError, OSError, ValueError) as error:
            forbidden = getattr(error, "errno", None) == errno.EAFNOSUPPORT
            why = FORBIDDEN if forbidden else str(error)
            raise DeviceUnavailableError(
                tell("cannot open the CAN bus {channel}: {why}", channel=config.channel, why=why)
            ) from error
        return cls(bus, config.channel)

    def receive(self, wait_s: float) -> CanFrame | None:
        """The next frame. Raises DeviceLostError, and BadDataError for a damaged one."""
        from can import CanError

        try:
            message = self._bus.recv(wait_s)
        except (CanError, OSError) as error:
            if isinstance(error.__cause__, UnicodeDecodeError):
                # python-can keeps the line that it cannot decode, and stumbles over it for ever.
                self._bus.flush()  # type: ignore[attr-defined]  # only slcan comes here
                raise BadDataError(f"a damaged line of {self._name}") from error
            self._empty += 1
            if EMPTY in str(error.__cause__) and self._empty < EMPTY_READS_OF_A_LOSS:
                raise BadDataError(f"an empty read of {self._name}") from error
            raise DeviceLostError(self._gone(error)) from error
        except _DAMAGED as error:
            raise BadDataError(f"a damaged frame on {self._name}: {error}") from error
        self._empty = 0
        if message is None or message.is_remote_frame:
            return None
        return CanFrame(
            message.arbitration_id,
            bytes(message.data),
            extended=message.is_extended_id,
            error=message.is_error_frame,
        )

    def send(self, frame_id: int, data: bytes, *, extended: bool) -> bool:
        """False where it cannot go out now: nobody acknowledges, or the controller is bus-off.

        Raises DeviceLostError.
        """
        from can import CanError, Message

        message = Message(arbitration_id=frame_id, data=data, is_extended_id=extended)
        try:
            self._bus.send(message, SEND_S)
        except (CanError, OSError) as error:
            code = getattr(error, "error_code", None) or getattr(error, "errno", None)
            if code in _FULL or code is None:
                return False
            raise DeviceLostError(self._gone(error)) from error
        return True

    def close(self) -> None:
        from can import CanError

        try:
            self._bus.shutdown()
        except (CanError, OSError, *_DAMAGED):
            return  # it has gone: nothing is left to release

    def _gone(self, error: Exception) -> str:
        return tell(
            "{name} has gone: {error}; is its plug in, and is it up (`ip -br link`)?",
            name=self._name,
            error=error,
        )
