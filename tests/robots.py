"""Robots to test with: the simulated dog as a program, and a rosbridge by its protocol."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.robots import RobotPlatformConfig
from drivers.clock import SystemClock
from drivers.platforms.robots.robot import Robot
from tests.simulators import order, simulator


@dataclass
class Dog:
    """The simulated robot, and what can be asked of it from outside."""

    port: int
    control: Path

    def tell(self, text: str) -> str:
        return order(self.control, text)

    def truth(self) -> dict[str, float]:
        """Where it really is; the times are of this computer's monotonic clock."""
        words = self.tell("truth").removeprefix("ok ").split()
        pairs = (word.split("=") for word in words if not word.startswith("posture"))
        return {name: float(value) for name, value in pairs}

    def open(self, **changes: Any) -> Robot:
        config = {"kind": "robot", "net_port": self.port} | changes
        return Robot.open("dog", RobotPlatformConfig.model_validate(config), SystemClock())


@contextmanager
def simulated_dog(folder: Path) -> Iterator[Dog]:
    control = folder / "dog"
    with simulator("robot", "--port", "0", control=control) as said:
        yield Dog(int(said.rsplit(":", 1)[1]), control)


@dataclass
class BridgedRobot:
    """A rosbridge server (ROSBRIDGE_PROTOCOL.md 2.1) with a base behind it that obeys Twists.

    Strict where the protocol is: what is published must have been advertised, with a type that
    fits; else a `status` of level error goes out.
    """

    speeds: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    estops: list[bool] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)
    topics: dict[str, str] = field(default_factory=dict)  # that somebody subscribed to
    advertised: dict[str, str] = field(default_factory=dict)
    to_say: list[str] = field(default_factory=list)  # beside what it says by itself
    silent: bool = False
    port: int = 0

    def take(self, text: str) -> dict[str, Any] | None:
        """What it answers to one message."""
        said = json.loads(text)
        self.heard.append(said)
        match said["op"]:
            case "advertise":
                self.advertised[said["topic"]] = said["type"]
            case "subscribe":
                self.topics[said["topic"]] = said["type"]
            case "publish":
                if said["topic"] not in self.advertised:
                    return {"op": "status", "level": "error", "msg": f"no {said['topic']}"}
                self._published(said["topic"], said["msg"])
        return None

    def _published(self, topic: str, msg: dict[str, Any]) -> None:
        if self.advertised[topic].endswith("Bool"):
            self.estops.append(msg["data"])
        else:
            self.speeds.append((time.monotonic(), msg.get("twist", msg)))

    def news(self) -> list[dict[str, Any]]:
        linear = {"x": 0.5, "y": 0.0, "z": 0.0}
        twist = {"linear": linear, "angular": {"x": 0.0, "y": 0.0, "z": 0.1}}
        status = [{"level": 0, "name": "imu", "message": ""}]
        known = {
            "Odometry": {"twist": {"twist": twist}},
            "BatteryState": {"percentage": 0.81, "voltage": 25.1, "current": -4.0,
                             "power_supply_status": 2, "temperature": float("nan")},
            "DiagnosticArray": {"status": [*status, {"level": 2, "name": "leg", "message": "hot"}]},
        }  # fmt: skip
        return [
            {"op": "publish", "topic": topic, "msg": known[kind.rsplit("/", 1)[1]]}
            for topic, kind in self.topics.items()
        ]


@contextmanager
def rosbridge(robot: BridgedRobot | None = None) -> Iterator[BridgedRobot]:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.server import ServerConnection, serve

    robot = robot or BridgedRobot()

    def work(connection: ServerConnection) -> None:
        due_s = 0.0
        with suppress(ConnectionClosed):
            while True:
                with suppress(TimeoutError):
                    answer = robot.take(str(connection.recv(timeout=0.02)))
                    if answer is not None:
                        connection.send(json.dumps(answer))
                while robot.to_say:
                    connection.send(robot.to_say.pop(0))
                if not robot.silent and time.monotonic() >= due_s:
                    due_s = time.monotonic() + 0.1
                    for each in robot.news():
                        connection.send(json.dumps(each))

    with serve(work, "127.0.0.1", robot.port) as server:
        robot.port = server.socket.getsockname()[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield robot
        finally:
            server.shutdown()
            thread.join(5)
