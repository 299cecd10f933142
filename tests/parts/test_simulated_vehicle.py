"""The simulated car as a program of its own: driven, switched off, hurt; read by the real drivers.

The simulator and the driver are both ours; test_cars.py has the emulator that is not.
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from config.cars import CanPlatformConfig, Elm327PlatformConfig
from drivers.clock import SystemClock
from drivers.platforms.cars import elm327
from drivers.platforms.cars.can_car import CanCar
from drivers.platforms.cars.elm327 import Elm327
from drivers.platforms.orders import Platform, PlatformSample
from drivers.samples import FUEL, Battery, Identity, Odometry, VehicleState
from tests.cars import samples_until
from tests.simulators import order, simulator

SIGNALS = {  # as in docs/car.md
    "ignition": {"id": 0x100, "start_bit": 0, "length": 1},
    "light_bar": {"id": 0x100, "start_bit": 1, "length": 1},
    "siren": {"id": 0x100, "start_bit": 2, "length": 1},
    "doors_open": {"id": 0x100, "start_bit": 8, "length": 4},
    "wheel_fl_mps": {"id": 0x200, "start_bit": 7, "length": 16, "byte_order": "motorola",
                     "scale": 0.01},
    "odometer_m": {"id": 0x201, "start_bit": 0, "length": 32, "scale": 100},
}  # fmt: skip


@contextmanager
def simulated(folder: Path, *options: str) -> Iterator[tuple[str, Path]]:
    """A car as a process; its serial port, and its control socket."""
    link, control = folder / "car", folder / "control"
    with simulator("vehicle", "--link", str(link), *options, control=control) as said:
        assert str(link) in said
        yield str(link), control


def behind_elm327(port: str) -> Elm327:
    config = Elm327PlatformConfig.model_validate({"kind": "elm327", "port": port})
    return Elm327.open("car", config, SystemClock())


def on_can(port: str) -> CanCar:
    config = CanPlatformConfig.model_validate(
        {
            "kind": "can",
            "interface": "slcan",
            "channel": port,
            "bitrate": 500_000,
            "signals": SIGNALS,
            "silent_after_s": 1,
        }
    )
    return CanCar.open("car", config, SystemClock())


def state_with(car: Platform, within_s: float = 20.0, **told: object) -> VehicleState | None:
    """The first state that says so; None where none does."""

    def says(sample: PlatformSample) -> bool:
        return isinstance(sample, VehicleState) and all(
            getattr(sample, name) == value for name, value in told.items()
        )

    found = samples_until(car, lambda them: bool(them) and says(them[-1]), within_s)
    last = found[-1] if found else None
    return last if isinstance(last, VehicleState) and says(last) else None


@pytest.mark.parametrize("adapter", ["elm327", "slcan"])
def test_a_car_tells_all_that_it_knows(tmp_path: Path, adapter: str) -> None:
    if adapter == "slcan":
        pytest.importorskip("can", reason="python-can is not installed")
    with simulated(tmp_path, "--as", adapter) as (port, control):
        assert order(control, "speed 10") == "ok"
        assert order(control, "lamp 3") == "ok"
        with closing(behind_elm327(port) if adapter == "elm327" else on_can(port)) as car:
            found = samples_until(
                car,
                lambda them: (
                    {FUEL, ""} <= {each.name for each in them if isinstance(each, Battery)}
                    and any(isinstance(each, VehicleState) and each.faults for each in them)
                    and any(isinstance(each, Identity) and each.kind == "car" for each in them)
                    and any(isinstance(each, Odometry) and each.way_m for each in them)
                ),
            )
    fuel = [each.percent for each in found if isinstance(each, Battery) and each.name == FUEL]
    assert fuel[0] == pytest.approx(66, abs=0.5)
    moving = [each for each in found if isinstance(each, Odometry)]
    assert {round(each.speed_mps or 0, 1) for each in moving} == {10.0}
    assert moving[-1].way_m is not None
    assert 123_456_000 < moving[-1].way_m < 123_458_000
    car_told = next(each for each in found if isinstance(each, Identity) and each.kind == "car")
    assert (car_told.model, car_told.serial) == ("LSV", "…1234")
    faults = [each.faults for each in found if isinstance(each, VehicleState)][-1]
    assert "3 trouble codes" in faults[0]


def test_a_key_that_is_turned_is_seen_over_both_ways(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("can", reason="python-can is not installed")
    with simulated(tmp_path, "--as", "slcan") as (port, control), closing(on_can(port)) as car:
        assert state_with(car, ignition=True, light_bar=False)
        order(control, "light_bar on")
        assert state_with(car, light_bar=True, siren=False)
        order(control, "ignition off")
        assert state_with(car, ignition=False)
        assert not state_with(car, 4.0, ignition=None), "asleep, and it had said that it is off"
        order(control, "ignition on")
        assert state_with(car, ignition=True)
    monkeypatch.setattr(elm327, "LOW_FOR_S", 1.0)
    with simulated(tmp_path) as (port, control), closing(behind_elm327(port)) as car:
        order(control, "speed 0")
        assert state_with(car, 30.0, ignition=True)
        order(control, "ignition off")
        assert state_with(car, 30.0, ignition=False, troubles=())
        order(control, "ignition on")  # its voltage rises: it is asked at once
        assert state_with(car, 30.0, ignition=True)


def test_a_plug_that_comes_loose_under_way_is_no_key_that_was_turned(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(elm327, "LOW_FOR_S", 0.5)
    with simulated(tmp_path) as (port, control), closing(behind_elm327(port)) as car:
        order(control, "speed 12")
        assert state_with(car, 30.0, ignition=True)
        samples_until(car, lambda them: any(isinstance(each, Odometry) for each in them))
        order(control, "voltage 12.0")  # an alternator that rests
        order(control, "say UNABLE TO CONNECT")
        assert state_with(car, 30.0, ignition=None, troubles=("obd_no_answer",))
        assert not state_with(car, 8.0, ignition=False)


def test_a_bus_that_is_cut_or_at_another_speed_is_told(tmp_path: Path) -> None:
    pytest.importorskip("can", reason="python-can is not installed")
    with simulated(tmp_path, "--as", "slcan") as (port, control), closing(on_can(port)) as car:
        assert state_with(car, ignition=True)
        for cut, mended in (("bus_off on", "bus_off off"), ("bitrate 250000", "bitrate 500000")):
            order(control, cut)
            assert state_with(car, ignition=None, troubles=("can_silent",))
            order(control, mended)
            assert state_with(car, ignition=True, troubles=())
        order(control, "garbage on")  # instead of its raw frames; it still answers
        assert state_with(car, ignition=None, troubles=())
        order(control, "garbage off")
        assert state_with(car, ignition=True, troubles=())


@pytest.mark.parametrize(
    "words", ["CAN ERROR", "BUS INIT: ERROR"], ids=["can error", "bus init error"]
)
def test_what_the_adapter_says_of_the_bus_is_told(tmp_path: Path, words: str) -> None:
    with simulated(tmp_path) as (port, control), closing(behind_elm327(port)) as car:
        assert state_with(car, 30.0, ignition=True)
        order(control, f"say {words}")
        assert state_with(car, 40.0, troubles=("obd_bus_error",))
        order(control, "say")
        assert state_with(car, 30.0, ignition=True, troubles=())
        order(control, "garbage on")
        ends_s = time.monotonic() + 2
        samples_until(car, lambda _them: time.monotonic() > ends_s, 3.0)
        order(control, "garbage off")
        assert state_with(car, 20.0, ignition=True)
        assert car.counters()["bad_answer"] + car.counters()["damaged"] > 2


def test_wrong_orders_are_answered_in_words(tmp_path: Path) -> None:
    with simulated(tmp_path) as (_port, control):
        assert order(control, "fly").startswith("error there is no 'fly'; there is: help, ignition")
        assert order(control, "speed 900").startswith("error 900 is not within 0..70; write: speed")
        assert order(control, "ignition maybe") == "error write: ignition on|off"
        assert "turn the key" in order(control, "help")
