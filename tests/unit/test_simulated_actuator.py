"""The simulated actuator: what it is told, what it answers, what can be wrong with it."""

import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.actuators import LightConfig, SimulatedVia, SpeakerConfig
from drivers.actuators.actuator import (
    ActuatorReport,
    ActuatorRequest,
    Output,
    Silence,
    Sound,
    Volume,
)
from drivers.actuators.simulated import SimulatedActuator
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.clock import SystemClock
from drivers.factory import open_actuator
from drivers.platforms.orders import Aim
from drivers.samples import Done
from tests.fakes import ManualClock


def simulated(clock: ManualClock, **via: Any) -> SimulatedActuator:
    return SimulatedActuator("light", SimulatedVia(kind="simulated", **via), clock)


def answer(actuator: SimulatedActuator, clock: ManualClock, request: ActuatorRequest) -> Done:
    actuator.ask(7, request)
    for _ in range(20):
        sample = actuator.read()
        if isinstance(sample, Done):
            return sample
        clock.advance(0.1)
    raise AssertionError("no answer")


def report(actuator: SimulatedActuator, clock: ManualClock) -> ActuatorReport:
    clock.advance(1.0)
    sample = actuator.read()
    assert isinstance(sample, ActuatorReport)
    return sample


def test_it_is_off_does_what_it_is_told_and_says_so() -> None:
    clock = ManualClock()
    light = simulated(clock)
    assert report(light, clock).level == 0.0

    assert answer(light, clock, Output(level=0.4, pattern="strobe")) == Done(token=7, ok=True)

    now = report(light, clock)
    assert (now.level, now.pattern, now.measured) == (0.4, "strobe", True)


def test_a_sound_ends_by_itself_is_lowered_and_stopped() -> None:
    clock = ManualClock()
    speaker = simulated(clock)
    sound = Sound(samples=np.zeros(16_000, np.float32), rate_hz=4_000, volume=0.8, name="hail")
    answer(speaker, clock, sound)
    answer(speaker, clock, Volume(volume=0.2))
    first = report(speaker, clock)
    assert (first.playing, first.level) == ("hail", 0.2)
    clock.advance(4.0)
    assert report(speaker, clock).playing is None

    answer(speaker, clock, sound)
    answer(speaker, clock, Silence())

    assert report(speaker, clock).playing is None


def test_a_mount_keeps_what_it_is_not_told() -> None:
    clock = ManualClock()
    mount = simulated(clock)
    answer(mount, clock, Aim(pan_deg=30.0))
    answer(mount, clock, Aim(tilt_deg=-10.0))

    now = report(mount, clock)

    assert (now.pan_deg, now.tilt_deg) == (30.0, -10.0)


@pytest.mark.parametrize(
    ("behaviour", "ok", "level"),
    [("refuses", False, 0.0), ("stays_off", True, 0.0), ("stays_on", True, 1.0)],
)
def test_what_is_wrong_with_it_shows(behaviour: str, ok: bool, level: float) -> None:
    clock = ManualClock()
    light = simulated(clock, behaviour=behaviour)

    assert answer(light, clock, Output(level=0.5)).ok is ok
    assert report(light, clock).level == level


def test_it_gets_warm_while_it_is_on_and_cools() -> None:
    clock = ManualClock()
    light = simulated(clock, heats_c_per_s=5.0)
    answer(light, clock, Output(level=1.0))
    clock.advance(10.0)
    warm = report(light, clock).celsius
    answer(light, clock, Output(level=0.0))
    clock.advance(20.0)
    cooler = report(light, clock).celsius

    assert warm is not None
    assert cooler is not None
    assert warm > 60.0
    assert cooler < warm


def test_it_takes_the_time_that_it_is_given() -> None:
    clock = ManualClock()
    light = simulated(clock, delay_s=0.5)
    light.ask(1, Output(level=1.0))
    clock.advance(0.4)
    assert not isinstance(light.read(), Done)
    clock.advance(0.2)

    assert isinstance(light.read(), Done)


def test_whoever_it_is_told_to_hears_each_change_and_its_end(tmp_path: Path) -> None:
    path = tmp_path / "lamp"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        config = LightConfig(kind="light", via=SimulatedVia(kind="simulated", told_to=path))
        light = open_actuator("lamp", config, SystemClock())
        peer, _ = listener.accept()
        light.ask(1, Output(level=1.0))
        while not isinstance(light.read(), Done):
            pass
        light.close()
        with peer, peer.makefile() as lines:
            told = [json.loads(line) for line in lines]

    assert told[0] == {"name": "lamp"}
    assert [each["level"] for each in told[1:]] == [0.0, 1.0, 0.0]


def test_nobody_there_is_unavailable_and_gone_is_lost(tmp_path: Path) -> None:
    via = SimulatedVia(kind="simulated", told_to=tmp_path / "nobody")
    with pytest.raises(DeviceUnavailableError, match="nobody"):
        open_actuator("s", SpeakerConfig(kind="speaker", via=via), SystemClock())
    ours, theirs = socket.socketpair()
    clock = ManualClock()
    light = SimulatedActuator("light", SimulatedVia(kind="simulated"), clock, ours)
    theirs.close()
    light.ask(1, Output(level=1.0))

    with pytest.raises(DeviceLostError):
        light.read()
    light.close()
