"""What turns a camera, as an actuator: a mount of any kind, behind one seam."""

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from drivers.actuators.actuator import ActuatorReport, ActuatorRequest
from drivers.base import ACTIVE_READ_S
from drivers.clock import Clock
from drivers.platforms.orders import Aim
from drivers.samples import Done

REPORT_EVERY_S = 1.0


class CannotTurnError(Exception):
    """The mount is there, and does not do this; the text says why."""


class Mount(Protocol):
    """One mount. All of it raises DeviceLostError, but for `close` and `counters`."""

    quick: bool  # so quick to tell where it is that it is asked again after each order

    def turn(self, aim: Aim) -> None:
        """Returns when the mount has taken the order. Raises CannotTurnError."""

    def where(self, now_s: float) -> ActuatorReport:
        """How it stands, as it says itself, else as it was told."""

    def close(self) -> None:
        """Release it. Never raises."""

    def counters(self) -> dict[str, int]: ...


class MountedActuator:
    """It is left alone until it is told to move. Counters: moves, and the mount's own."""

    def __init__(
        self, mount: Mount, clock: Clock, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._mount = mount
        self._clock = clock
        self._wait = wait
        self._moves = 0
        self._answers: deque[Done] = deque()
        self._reported_s = float("-inf")

    def ask(self, token: int, request: ActuatorRequest) -> None:
        """Raises DeviceLostError."""
        if not isinstance(request, Aim):
            self._answers.append(Done(token=token, ok=False, text="it can only be turned"))
            return
        try:
            self._mount.turn(request)
        except CannotTurnError as error:
            self._answers.append(Done(token=token, ok=False, text=str(error)))
            return
        self._moves += 1
        if self._mount.quick:
            self._reported_s = float("-inf")
        self._answers.append(Done(token=token, ok=True))

    def read(self) -> ActuatorReport | Done | None:
        """Raises DeviceLostError."""
        if self._answers:
            return self._answers.popleft()
        now_s = self._clock.mono_s()
        if now_s - self._reported_s < REPORT_EVERY_S:
            self._wait(ACTIVE_READ_S)
            return None
        self._reported_s = now_s
        return self._mount.where(now_s)

    def close(self) -> None:
        self._mount.close()

    def counters(self) -> dict[str, int]:
        return {"moves": self._moves} | self._mount.counters()
