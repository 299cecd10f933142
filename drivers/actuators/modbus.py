"""Coils of Modbus relay boards, over RS-485 or TCP: the only module that knows `pymodbus`.

Function 5 (write single coil) and 1 (read coils) of the MODBUS Application Protocol V1.1b3, 6.1 and
6.5. A board is asked how its coil stands, so what is reported is real.
"""

from importlib import import_module
from typing import Any, Self

from config.actuators import ModbusVia
from config.language import tell
from drivers.actuators.lines import Lease, SharedLines
from drivers.base import DeviceLostError, DeviceUnavailableError

ANSWER_S = 0.25
RETRIES = 1


class ModbusSwitch:
    def __init__(self, lease: Lease[Any], config: ModbusVia, errors: Any) -> None:
        self._lease = lease
        self._config = config
        self._errors = errors
        self._name = f"coil {config.coil} of device {config.device} at {config.where}"

    @classmethod
    def open(cls, config: ModbusVia, lines: SharedLines) -> Self:
        """Raises DeviceUnavailableError; whether the board answers is seen when it is told."""
        library = _library()
        lease = lines.lease(config.where, lambda: _connected(library, config))
        return cls(lease, config, library.exceptions.ModbusException)

    def set(self, on: bool) -> None:
        with self._lease.use() as client:
            self._answer(
                lambda: client.write_coil(self._config.coil, on, device_id=self._config.device)
            )

    def get(self) -> bool | None:
        with self._lease.use() as client:
            answer = self._answer(
                lambda: client.read_coils(self._config.coil, device_id=self._config.device)
            )
        return bool(answer.bits[0])

    def close(self) -> None:
        self._lease.close()

    def _answer(self, asked: Any) -> Any:
        try:
            answer = asked()
        except (self._errors, OSError) as error:
            raise DeviceLostError(
                tell(
                    "{name} does not answer: check wiring (A and B), address and baud rate",
                    name=self._name,
                )
            ) from error
        if answer.isError():
            raise DeviceLostError(
                tell("{name} is refused by the board: {answer}", name=self._name, answer=answer)
            )
        return answer


def _library() -> Any:
    try:
        import_module("pymodbus.client")
        return import_module("pymodbus")
    except ImportError as error:
        raise DeviceUnavailableError(
            tell("Modbus boards need the modbus extra: pip install 'patrol-edge[modbus]'")
        ) from error


def _connected(library: Any, config: ModbusVia) -> Any:
    how = {"timeout": ANSWER_S, "retries": RETRIES}
    if config.port is not None:
        client = library.client.ModbusSerialClient(config.port, baudrate=config.baud, **how)
    else:
        client = library.client.ModbusTcpClient(config.host, port=config.net_port, **how)
    if not client.connect():
        client.close()
        raise DeviceUnavailableError(
            tell(
                "{where} cannot be opened: check its cable, and that nothing else uses it",
                where=config.where,
            )
        )
    return client
