"""An actuator that the carrier drives: asked through the carrier's own thread."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from config.platforms import RobotPlatformConfig
from drivers.actuators.actuator import ActuatorReport, Output, Silence
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.clock import SystemClock
from drivers.platforms.orders import Aim, Switch
from drivers.samples import Done, Gimbal
from edge.acting.carrier_output import CarrierOutput
from edge.body.carrier import Carrier
from edge.running.asking import Asked
from edge.running.driver_loop import DriverHealth


class Robot:
    """Does what it is told, unless it is told to refuse."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.refuses = self.deaf = False
        self._answers: deque[Done] = deque()

    def ask(self, token: int, request: Any) -> None:
        self.told.append(request)
        if not self.deaf:
            self._answers.append(Done(token=token, ok=not self.refuses, text="no such lamp"))

    def read(self) -> Any:
        time.sleep(0.005)
        return self._answers.popleft() if self._answers else None

    def close(self) -> None:
        pass

    def counters(self) -> dict[str, int]:
        return {}


class World:
    def __init__(self) -> None:
        self.robot = Robot()
        self.carrier = Carrier(
            "dog", RobotPlatformConfig(kind="robot"), DriverHealth("dog", "platform")
        )
        self._driver: Asked[Any, Any] = Asked(self.robot, self.carrier.requests)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            self._driver.read()
        self._driver.close()

    def leave(self) -> None:
        self._stop.set()
        self._thread.join(5)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.leave()


def answer(output: CarrierOutput, request: Any) -> Done:
    output.ask(7, request)
    for _ in range(100):
        sample = output.read()
        if isinstance(sample, Done):
            return sample
    raise AssertionError("no answer")


def report(output: CarrierOutput) -> ActuatorReport:
    for _ in range(100):
        sample = output.read()
        if isinstance(sample, ActuatorReport):
            return sample
    raise AssertionError("no report")


def test_what_the_carrier_confirms_is_reported_and_closing_is_off(world: World) -> None:
    output = CarrierOutput(world.carrier, "head_light", SystemClock())
    assert report(output).level == 0.0

    assert answer(output, Output(level=0.5)) == Done(token=7, ok=True, text="no such lamp")
    assert (report(output).level, report(output).measured) == (0.5, False)
    world.robot.refuses = True
    refused = answer(output, Output(level=1.0))
    assert (refused.ok, refused.text) == (False, "no such lamp")
    assert report(output).level == 0.5
    output.close()
    time.sleep(0.1)

    assert world.robot.told[-1] == Switch(channel="head_light", level=0.0)


def test_a_mount_tells_where_it_looks_and_stays_there(world: World) -> None:
    output = CarrierOutput(world.carrier, "gimbal", SystemClock())
    assert answer(output, Aim(pan_deg=20.0)).ok
    world.carrier.note(Gimbal(mono_s=1.0, name="gimbal", pan_deg=20.0, tilt_deg=-5.0))

    now = report(output)

    assert (now.pan_deg, now.tilt_deg, now.measured) == (20.0, -5.0, True)
    told = list(world.robot.told)
    output.close()
    time.sleep(0.1)
    assert world.robot.told == told


def test_a_carrier_that_is_deaf_or_away_is_told(world: World) -> None:
    output = CarrierOutput(world.carrier, "head_light", SystemClock())
    with pytest.raises(DeviceLostError, match="cannot do this"):
        output.ask(1, Silence())
    world.robot.deaf = True
    deaf = answer(output, Output(level=1.0))
    assert (deaf.ok, deaf.text) == (False, "dog does not answer")
    world.leave()
    with pytest.raises(DeviceLostError, match="dog has gone"):
        report(output)
    with pytest.raises(DeviceUnavailableError, match="dog"):
        CarrierOutput(world.carrier, "head_light", SystemClock())
