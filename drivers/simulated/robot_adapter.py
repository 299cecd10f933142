"""The simulated robot's adapter: the lines of docs/robot-adapter.md, one unit at a time."""

import json
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from drivers.platforms.robots.messages import MOST_LINE_BYTES, PROTOCOL, line
from drivers.simulated.robot import (
    BATTERY_EVERY_S,
    CAN,
    MAX_MPS,
    ODOMETRY_EVERY_S,
    STATE_EVERY_S,
    STATES,
    SimulatedRobot,
)
from drivers.simulated.verbs import Verb, switched
from drivers.stream import listening_tcp

PACES = {"odometry": ODOMETRY_EVERY_S, "state": STATE_EVERY_S, "battery": BATTERY_EVERY_S}


class RobotAdapter:
    """A TCP server. The newest unit that connects has the robot; the one before is cut off."""

    def __init__(self, robot: SimulatedRobot, port: int, address: str = "127.0.0.1") -> None:
        """Port 0 takes any that is free. Raises DeviceUnavailableError, with the cure."""
        self._server = listening_tcp(address, port)
        self.robot = robot
        self.protocol = PROTOCOL
        self.frozen = self.garbage = False
        self._unit: socket.socket | None = None
        self._pending = b""
        self._due = dict.fromkeys(PACES, 0.0)

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def waits_on(self) -> list[int]:
        if self.frozen:
            return []
        unit = [] if self._unit is None else [self._unit.fileno()]
        return [self._server.fileno(), *unit]

    def step(self, ready: Sequence[int], now_s: float) -> None:
        """Serve what is ready, move the robot, tell what is due."""
        self.robot.move(now_s)  # its body has its own clock, whatever the adapter does
        if self.frozen:
            return
        if self._server.fileno() in ready:
            self._greet()
        elif self._unit is not None and self._unit.fileno() in ready:
            self._hear(now_s)
        self._tell(now_s)

    def close(self) -> None:
        self._drop()
        self._server.close()

    # --- the line ---

    def _greet(self) -> None:
        self._drop()
        self._unit, _ = self._server.accept()
        self._unit.setblocking(False)
        self._pending = b""
        self._send(
            {
                "type": "hello",
                "protocol": self.protocol,
                "model": "Simulated Dog",
                "serial": "SIM-0001",
                "firmware": "1.0.0",
                "adapter": "patrol-edge simulate robot",
                "can": CAN,
                "channels": ["lamp"],
                "max_speed_mps": MAX_MPS,
            }
        )

    def _drop(self) -> None:
        """Whoever is gone drives no more."""
        if self._unit is not None:
            self._unit.close()
            self._unit = None
            self.robot.halt()

    def _send(self, said: Mapping[str, Any]) -> None:
        if self._unit is None:
            return
        text = b'{"type":"odometry","forward_mps":NaN\xff}\n' if self.garbage else line(dict(said))
        try:
            self._unit.send(text)
        except BlockingIOError:
            return  # the unit does not keep up: it gets the next one
        except OSError:
            self._drop()

    def _hear(self, now_s: float) -> None:
        data = b""
        with suppress(OSError):
            data = self._unit.recv(65_536) if self._unit is not None else b""
        if not data:
            self._drop()
            return
        *lines, self._pending = (self._pending + data).split(b"\n")
        self._pending = self._pending[-MOST_LINE_BYTES:]
        for text in lines:
            self._obey(text, now_s)

    def _obey(self, text: bytes, now_s: float) -> None:
        try:
            said = json.loads(text)
            kind, token = str(said["type"]), int(said.get("id", 0))
        except (ValueError, LookupError, TypeError):
            return
        if kind == "hello":
            return
        try:
            why = self._done(kind, said, now_s)
        except (ValueError, LookupError, TypeError) as error:
            why = f"not understood: {error}"
        self._send({"type": "done", "id": token, "ok": not why, "text": why})

    def _done(self, kind: str, said: Mapping[str, Any], now_s: float) -> str:
        """Why not; empty: it is done."""
        robot = self.robot
        if kind == "estop":
            robot.stop_for_good()
        elif kind == "hold":
            robot.halt()
        elif robot.refuses:
            return "it refuses"
        elif kind == "release":
            robot.estop = False
        elif robot.estop:
            return "its emergency stop is on"
        elif kind == "drive":
            return self._drive(said, now_s)
        elif kind == "posture":
            if said["posture"] not in STATES:
                return f"it knows {', '.join(STATES)}"
            robot.posture = said["posture"]
        elif kind == "switch":
            robot.lights = robot.lights | {str(said["channel"]): float(said["level"])}
        else:
            return f"it cannot {kind}"
        return ""

    def _drive(self, said: Mapping[str, Any], now_s: float) -> str:
        forward, sideways, turn = (
            float(said.get(name, 0.0)) for name in ("forward_mps", "sideways_mps", "turn_dps")
        )
        if not self.robot.may_walk and any((forward, sideways, turn)):
            return "it has fallen over" if self.robot.fallen else "it does not stand"
        self.robot.want(forward, sideways, turn, now_s)
        return ""

    def _tell(self, now_s: float) -> None:
        robot = self.robot
        for what, every_s in PACES.items():
            if now_s < self._due[what]:
                continue
            self._due[what] = now_s + every_s
            told = {"odometry": robot.odometry, "state": robot.state}
            for each in robot.battery() if what == "battery" else [told[what]()]:
                self._send(each)

    # --- what can be done to it ---

    def verbs(self) -> dict[str, Verb]:
        def freeze(words: Sequence[str], _now_s: float) -> None:
            self.frozen = switched(words)

        def damage(words: Sequence[str], _now_s: float) -> None:
            self.garbage = switched(words)

        def speak(words: Sequence[str], _now_s: float) -> None:
            self.protocol = int(words[0])

        return {
            "freeze": Verb("freeze on|off", "the adapter hangs; the legs have a clock", freeze),
            "garbage": Verb("garbage on|off", "say what is no message", damage),
            "protocol": Verb("protocol N", "say that it speaks this version, next time", speak),
        }
