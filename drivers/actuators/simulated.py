"""An actuator that is not there: it does what it is told, gets warm, fails as it is told to."""

import json
import socket
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from config.actuators import SimulatedVia
from config.language import tell
from drivers.actuators.actuator import (
    ActuatorReport,
    ActuatorRequest,
    Output,
    Silence,
    Sound,
    Volume,
)
from drivers.base import ACTIVE_READ_S, DeviceLostError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.platforms.orders import Aim
from drivers.samples import Done

REPORT_EVERY_S = 0.2  # without a change
AMBIENT_C = 25.0
COOLS_C_PER_S = 1.0
STEP_S = 0.005


class SimulatedActuator:
    """Any kind. It measures itself; a sound plays as long as it would, and nobody hears it."""

    def __init__(
        self, kind: str, via: SimulatedVia, clock: Clock, peer: socket.socket | None = None
    ) -> None:
        self._kind, self._via, self._clock, self._peer = kind, via, clock, peer
        self._waiting: deque[tuple[float, int, ActuatorRequest]] = deque()  # due when (monotonic)
        self._answers: deque[Done] = deque()
        self._counts: Counter[str] = Counter()
        self._plays_until_s = 0.0
        self._reported_s = float("-inf")
        self._now = ActuatorReport(mono_s=clock.mono_s(), celsius=AMBIENT_C, measured=True)
        if via.behaviour == "stays_on":
            self._now = replace(self._now, level=1.0)
        self._tell()

    @classmethod
    def open(cls, name: str, kind: str, via: SimulatedVia, clock: Clock) -> "SimulatedActuator":
        """Raises DeviceUnavailableError where nobody listens at `told_to`."""
        return cls(kind, via, clock, _dial(via.told_to, name) if via.told_to else None)

    def ask(self, token: int, request: ActuatorRequest) -> None:
        self._counts["asked"] += 1
        self._waiting.append((self._clock.mono_s() + self._via.delay_s, token, request))

    def read(self) -> ActuatorReport | Done | None:
        """What came of a request; a report at each change, and now and then."""
        for _ in range(round(ACTIVE_READ_S / STEP_S)):
            now_s = self._clock.mono_s()
            self._work(now_s)
            if self._answers:
                return self._answers.popleft()
            if self._via.behaviour != "silent" and now_s - self._reported_s >= REPORT_EVERY_S:
                self._reported_s = now_s
                return replace(self._now, mono_s=now_s)
            time.sleep(STEP_S)
        return None

    def close(self) -> None:
        """Off, like a line that is let go."""
        with suppress(DeviceLostError):
            self._become(replace(self._now, level=0.0, playing=None))
        if self._peer is not None:
            self._peer.close()

    def counters(self) -> dict[str, int]:
        return dict(self._counts)

    # --- what it does ---

    def _work(self, now_s: float) -> None:
        """What is due by now. Raises DeviceLostError."""
        self._warm(now_s)
        if self._now.playing is not None and now_s >= self._plays_until_s:
            self._become(replace(self._now, playing=None, level=0.0))
        while self._waiting and self._waiting[0][0] <= now_s:
            _, token, request = self._waiting.popleft()
            self._answers.append(self._do(token, request, now_s))

    def _warm(self, now_s: float) -> None:
        passed_s = now_s - self._now.mono_s
        celsius = self._now.celsius or AMBIENT_C
        if self._now.level > 0:
            celsius += passed_s * self._via.heats_c_per_s
        else:
            celsius = max(AMBIENT_C, celsius - passed_s * COOLS_C_PER_S)
        self._now = replace(self._now, celsius=celsius, mono_s=now_s)

    def _do(self, token: int, request: ActuatorRequest, now_s: float) -> Done:
        if self._via.behaviour == "refuses":
            return Done(token=token, ok=False, text="the simulated device refuses")
        if self._via.behaviour in ("well", "silent"):
            self._become(self._after(request, now_s))
        return Done(token=token, ok=True)

    def _after(self, request: ActuatorRequest, now_s: float) -> ActuatorReport:
        match request:
            case Output():
                return replace(self._now, level=request.level, pattern=request.pattern)
            case Sound():
                self._plays_until_s = now_s + len(request.samples) / request.rate_hz
                return replace(self._now, level=request.volume, playing=request.name)
            case Volume():
                level = request.volume if self._now.playing is not None else 0.0
                return replace(self._now, level=level)
            case Silence():
                return replace(self._now, level=0.0, playing=None)
            case Aim():
                return self._aimed(request)

    def _aimed(self, aim: Aim) -> ActuatorReport:
        now = self._now
        return replace(
            now,
            pan_deg=now.pan_deg if aim.pan_deg is None else aim.pan_deg,
            tilt_deg=now.tilt_deg if aim.tilt_deg is None else aim.tilt_deg,
            zoom=now.zoom if aim.zoom is None else aim.zoom,
        )

    def _become(self, wanted: ActuatorReport) -> None:
        changed = replace(wanted, celsius=self._now.celsius) != self._now
        self._now = wanted
        if changed:
            self._reported_s = float("-inf")
            self._tell()

    def _tell(self) -> None:
        """Raises DeviceLostError."""
        if self._peer is None:
            return
        told = {
            "level": self._now.level,
            "pattern": self._now.pattern,
            "playing": self._now.playing,
        }
        try:
            self._peer.sendall(json.dumps(told).encode() + b"\n")
        except OSError as error:
            raise DeviceLostError(tell("nobody listens any more: {error}", error=error)) from error


def _dial(path: Path, name: str) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX)
    try:
        peer.settimeout(1.0)
        peer.connect(str(path))
        peer.sendall(json.dumps({"name": name}).encode() + b"\n")
    except OSError as error:
        peer.close()
        raise DeviceUnavailableError(f"{path}: {error.strerror or error}") from error
    return peer
