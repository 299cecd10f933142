"""Anything that is on or off, as an actuator: a line, a coil of a relay board, behind one seam."""

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from drivers.actuators.actuator import ActuatorReport, ActuatorRequest, Output
from drivers.actuators.patterns import STEADY, is_on, next_change_s
from drivers.base import ACTIVE_READ_S, DriverError
from drivers.clock import Clock
from drivers.samples import Done

REPORT_EVERY_S = 0.5
CHECK_EVERY_S = 2.0  # a relay board is asked how it really stands


class Switch(Protocol):
    """One output that is on or off."""

    def set(self, on: bool) -> None:
        """Returns when the device has taken it. Raises DeviceLostError."""

    def get(self) -> bool | None:
        """As the device itself says; None where it cannot tell. Raises DeviceLostError."""

    def close(self) -> None:
        """Release it. Never raises."""


class SwitchedActuator:
    """Off when it is made, off when it is closed; flashes by the clock of this computer.

    Counters: switched, disobeyed (the device stood otherwise than it was told).
    """

    def __init__(
        self,
        switch: Switch,
        clock: Clock,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._switch = switch
        self._clock = clock
        self._wait = wait
        self._wanted = Output(level=0.0)
        self._since_s = clock.mono_s()
        self._on = False
        self._measured = self._astray = False  # as of the last check
        self._answers: deque[Done] = deque()
        self._reported_s = self._checked_s = float("-inf")
        self._counters = {"switched": 0, "disobeyed": 0}
        try:
            switch.set(False)
        except DriverError:
            switch.close()
            raise

    def ask(self, token: int, request: ActuatorRequest) -> None:
        if not isinstance(request, Output):
            self._answers.append(Done(token=token, ok=False, text="it is only on or off"))
            return
        self._wanted, self._since_s = request, self._clock.mono_s()
        self._apply()
        self._reported_s = self._checked_s = float("-inf")  # look, and tell it, at once
        self._answers.append(Done(token=token, ok=True))

    def read(self) -> ActuatorReport | Done | None:
        """Raises DeviceLostError."""
        if self._answers:
            return self._answers.popleft()
        self._apply()
        now_s = self._clock.mono_s()
        if now_s - self._reported_s >= REPORT_EVERY_S:
            self._reported_s = now_s
            return self._report(now_s)
        self._wait(self._patience_s(now_s))
        return None

    def close(self) -> None:
        try:
            self._switch.set(False)
        except DriverError:
            pass  # it has gone: the board's own dead-man must do it
        finally:
            self._switch.close()

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    def _apply(self) -> None:
        since_s = self._clock.mono_s() - self._since_s
        wanted = self._wanted.level > 0 and is_on(self._wanted.pattern, since_s)
        if wanted != self._on:
            self._switch.set(wanted)
            self._on = wanted
            self._counters["switched"] += 1

    def _report(self, now_s: float) -> ActuatorReport:
        if now_s - self._checked_s >= CHECK_EVERY_S:
            self._checked_s = now_s
            self._check()
        shines = self._wanted.level > 0
        if self._astray and self._wanted.pattern == STEADY:
            shines = not self._on
        return ActuatorReport(
            mono_s=now_s,
            level=1.0 if shines else 0.0,
            pattern=self._wanted.pattern,
            measured=self._measured,
            fault="it does not stand as it was told" if self._astray else None,
        )

    def _check(self) -> None:
        """How it really stands; one that stands otherwise is told once more."""
        real = self._switch.get()
        if real is not None and real != self._on:
            self._counters["disobeyed"] += 1
            self._switch.set(self._on)
            real = self._switch.get()
        self._measured = real is not None
        self._astray = real is not None and real != self._on

    def _patience_s(self, now_s: float) -> float:
        due_s = next_change_s(self._wanted.pattern, now_s - self._since_s)
        if self._wanted.level <= 0 or due_s is None:
            return ACTIVE_READ_S
        return min(ACTIVE_READ_S, max(due_s, 0.001))
