"""A simulated board without a process between: what is sent is answered at once."""

from collections.abc import Callable
from pathlib import Path

from drivers.base import DeviceLostError
from firmware_bridge.management.board import Board
from firmware_bridge.management.smp import SmpLine
from firmware_bridge.simulated.board import BOOT_S, SimulatedBoard
from firmware_bridge.simulated.management import BoardModel, SimulatedManagement
from firmware_bridge.simulated.planes import NoRunTime
from tests.fakes import ManualClock


class DirectPort:
    """The line; its clock runs by what is waited for."""

    def __init__(self, board: SimulatedBoard, clock: ManualClock) -> None:
        self._board = board
        self._clock = clock
        self._coming = b""
        self.hurt: Callable[[bytes], bytes] = lambda data: data  # what the line does to answers
        self.pulled = False

    def read(self, wait_s: float) -> bytes:
        if self.pulled:
            raise DeviceLostError("the board has gone: is its plug in?")
        self._coming += self._board.tick(self._clock.mono_s())
        if not self._coming:
            self._clock.advance(wait_s)
        data, self._coming = self._coming, b""
        return self.hurt(data)

    def send(self, data: bytes) -> None:
        if self.pulled:
            raise DeviceLostError("the board has gone: is its plug in?")
        self._coming += self._board.feed(data, self._clock.mono_s())

    def close(self) -> None:
        pass


class DirectBoard:
    """A board that is on, and the line to it."""

    def __init__(self, folder: Path, model: BoardModel | None = None) -> None:
        self.clock = ManualClock()
        self.management = SimulatedManagement(folder, model)
        self.simulated = SimulatedBoard(NoRunTime(), self.management)
        self.port = DirectPort(self.simulated, self.clock)
        self.power_on()

    def power_on(self) -> None:
        self.simulated.power_on(self.clock.mono_s())
        self.clock.advance(BOOT_S)
        self.port.read(0)

    def open(self) -> Board:
        return Board(SmpLine(self.port, self.clock.mono_s))
