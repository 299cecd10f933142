"""A simulated board on a pseudo-terminal, and the line between."""

import select
import time
from collections.abc import Callable
from pathlib import Path

from drivers.simulated.hands import Hands
from firmware_bridge.simulated.board import SimulatedBoard
from firmware_bridge.simulated.line import QUIET, Line, Noise
from firmware_bridge.simulated.plug import Plug

STEP_S = 0.005  # between two looks at what is due; on a paced line less


class Bench:
    """A board, its line in both directions, and a pseudo-terminal for whoever is the host."""

    def __init__(
        self, board: SimulatedBoard, link: Path | None, baud: int | None = None, seed: int = 1
    ) -> None:
        """`link` names the pseudo-terminal. Raises DeviceUnavailableError, with the cure."""
        self.board = board
        self.to_board = Line(baud, seed=2 * seed)
        self.to_host = Line(baud, seed=2 * seed + 1)
        self.plug = Plug(link)

    @property
    def name(self) -> str:
        return self.plug.name

    def fileno(self) -> int:
        return self.plug.fileno()

    def set_noise(self, noise: Noise = QUIET) -> None:
        self.to_board.noise = self.to_host.noise = noise

    def power(self, now_s: float, *, on: bool) -> None:
        """What is on the line when the power fails is lost with it."""
        if on:
            self.board.power_on(now_s)
            return
        self.board.power_off()
        self.to_board.clear()
        self.to_host.clear()

    def step(self, now_s: float) -> float:
        """Carry what is due. Returns the seconds after which it must be called again."""
        self.to_board.put(self.plug.read(), now_s)
        self.to_host.put(self.board.feed(self.to_board.take(now_s), now_s), now_s)
        self.to_host.put(self.board.tick(now_s), now_s)
        arrived = self.to_host.take(now_s)
        if arrived:
            self.plug.write(arrived)
        due = [at_s - now_s for line in (self.to_board, self.to_host) if (at_s := line.next_s())]
        return max(0.0, min([STEP_S, *due]))

    def close(self) -> None:
        self.plug.close()


def run(bench: Bench, hands: Hands, until: Callable[[], bool]) -> None:
    """Serve the board and the hands until `until` says so."""
    wait_s = 0.0
    while not until():
        watched = [bench.fileno(), *hands.waits_on()]
        ready, _, _ = select.select(watched, [], [], wait_s)
        hands.serve([fd for fd in ready if fd != bench.fileno()])
        wait_s = bench.step(time.monotonic())
