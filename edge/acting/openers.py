"""From an actuator's section to an open device, by what it is driven through."""

from config.actuators import ActuatorConfig, BoardVia, PlatformVia
from drivers.actuators.actuator import Actuator
from drivers.base import DeviceUnavailableError
from drivers.clock import Clock
from drivers.factory import open_actuator
from edge.acting.board_output import BoardOutput
from edge.acting.carrier_output import CarrierOutput
from edge.body.body import Body


def open_device(name: str, config: ActuatorConfig, body: Body, clock: Clock) -> Actuator:
    """Open and off. Raises DeviceUnavailableError."""
    match config.via:
        case PlatformVia() as via:
            if via.platform not in body.carriers:
                raise DeviceUnavailableError(f"there is no {via.platform} below platforms")
            return CarrierOutput(body.carriers[via.platform], via.channel, clock)
        case BoardVia() as via:
            if via.board not in body.boards.all:
                raise DeviceUnavailableError(f"there is no {via.board} below boards")
            return BoardOutput.open(body.boards.all[via.board], via.channel, clock)
        case _:
            return open_actuator(name, config, clock)
