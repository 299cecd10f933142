"""A battery and a thermometer of the kernel, on a made tree: right, wrong, garbage, gone."""

import errno
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.sensors import HwmonSensorConfig, SysfsBatteryConfig
from drivers.base import BadDataError, DeviceLostError, DeviceUnavailableError
from drivers.samples import Ambient, Battery, Identity
from drivers.sensors.battery import SysfsBattery
from drivers.sensors.sensor import Doubt, read_bytes
from drivers.sensors.thermometer import HwmonThermometer
from tests.fakes import ManualClock
from tests.sensor_tree import SensorTree

CONFIG = SysfsBatteryConfig(kind="battery", supply="BAT0")


def opened(tree: SensorTree, **more: object) -> SysfsBattery:
    clock = ManualClock()
    return SysfsBattery.open("main", CONFIG, clock, tree.tree, sleep=clock.advance, **more)


def newest(driver: SysfsBattery) -> Battery:
    sample = driver.read()
    while not isinstance(sample, Battery):
        sample = driver.read()
    return sample


@pytest.fixture
def tree(tmp_path: Path) -> SensorTree:
    return SensorTree(tmp_path)


def test_a_battery_tells_all_that_it_knows_in_our_units(tree: SensorTree) -> None:
    tree.battery(
        voltage_now=25_200_000, current_now=1_500_000, temp=312, time_to_empty_now=5400,
        capacity_level="Normal", manufacturer="ACME", model_name="Pack 6S", serial_number="0042",
    )  # fmt: skip
    driver = opened(tree)

    assert driver.read() == Identity(
        name="main", kind="sensor", model="ACME Pack 6S", serial="0042"
    )
    told = newest(driver)
    assert (told.percent, told.voltage_v, told.current_a) == (80, 25.2, 1.5)
    assert (told.celsius, told.remaining_s, told.charging) == (pytest.approx(31.2), 5400, False)
    assert told.cells_low is False
    assert driver.counters() == {"readings": 1}


def test_what_it_does_not_tell_is_unknown_never_nought(tree: SensorTree) -> None:
    tree.battery(status="Unknown")

    told = newest(opened(tree))

    assert told.percent == 80
    assert (told.voltage_v, told.current_a, told.celsius, told.charging) == (None,) * 4
    assert (told.remaining_s, told.cells_low) == (None, None)


def test_the_sign_of_the_current_is_by_the_state_not_by_the_driver(tree: SensorTree) -> None:
    tree.battery(status="Charging", current_now=900_000)
    assert newest(opened(tree)).current_a == pytest.approx(-0.9)
    tree.battery(status="Discharging", current_now=-900_000)
    assert newest(opened(tree)).current_a == pytest.approx(0.9)


def test_power_and_energy_stand_in_for_current_and_capacity(tree: SensorTree) -> None:
    folder = tree.battery(
        power_now=10_000_000, voltage_now=20_000_000, energy_now=30, energy_full=40
    )
    (folder / "capacity").unlink()

    told = newest(opened(tree))

    assert (told.percent, told.current_a) == (75, 0.5)


@pytest.mark.parametrize(
    "attributes",
    [{"capacity": "rubbish"}, {"capacity": "nan"}, {"capacity": "7_0"}, {"capacity": 250},
     {"capacity": -1}, {"voltage_now": "inf"}, {"present": 0}],
    ids=["words", "nan", "underscore", "too much", "negative", "inf", "not in it"],
)  # fmt: skip
def test_rubbish_is_bad_data_and_the_next_reading_may_be_good(
    tree: SensorTree, attributes: dict[str, object]
) -> None:
    tree.battery(**attributes)
    driver = opened(tree)
    driver.read()  # what it is

    with pytest.raises(BadDataError):
        newest(driver)
    tree.battery(capacity=70, voltage_now=1, present=1)
    assert newest(driver).percent == 70


@pytest.mark.parametrize(
    ("code", "error"),
    [(errno.EIO, BadDataError), (errno.EAGAIN, BadDataError), (errno.ETIMEDOUT, BadDataError),
     (errno.ENODEV, DeviceLostError), (errno.ENXIO, DeviceLostError)],
    ids=["EIO", "EAGAIN", "ETIMEDOUT", "ENODEV", "ENXIO"],
)  # fmt: skip
def test_errors_of_the_bus(tree: SensorTree, code: int, error: type[Exception]) -> None:
    tree.battery()
    broken = False

    def read_file(path: Path) -> bytes:
        if broken:
            raise OSError(code, "of the bus")
        return read_bytes(path)

    driver = opened(tree, read_file=read_file)
    assert newest(driver).percent == 80
    broken = True
    with pytest.raises(error):
        newest(driver)


def test_one_attribute_without_data_costs_the_others_nothing(tree: SensorTree) -> None:
    tree.battery(voltage_now=1)

    def read_file(path: Path) -> bytes:
        if path.name == "capacity":
            raise OSError(errno.ENODATA, "no data")
        return read_bytes(path)

    told = newest(opened(tree, read_file=read_file))
    assert told.percent is None
    assert told.voltage_v == pytest.approx(1e-6)


def test_a_battery_that_is_taken_out_is_lost_and_found_again(tree: SensorTree) -> None:
    folder = tree.battery()
    driver = opened(tree)
    newest(driver)
    shutil.rmtree(folder)

    with pytest.raises(DeviceLostError, match="plug it in again"):
        newest(driver)
    with pytest.raises(DeviceUnavailableError, match="patrol-edge devices"):
        opened(tree)
    tree.battery()
    assert newest(opened(tree)).percent == 80


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    content=st.binary(max_size=300), name=st.sampled_from(["capacity", "status", "temp", "present"])
)
def test_no_bytes_break_it(tree: SensorTree, content: bytes, name: str) -> None:
    tree.battery(voltage_now=1)
    (tree.sys / "class/power_supply/BAT0" / name).write_bytes(content)
    driver = opened(tree)
    driver.read()

    try:
        told = newest(driver)
    except BadDataError:
        return
    assert told.percent is None or 0 <= told.percent <= 100


# --- thermometers ---

HOT = HwmonSensorConfig(kind="thermometer", chip="nvme", every_s=1)


def thermometer(tree: SensorTree) -> HwmonThermometer:
    clock = ManualClock()
    return HwmonThermometer.open("disk", HOT, clock, tree.tree, sleep=clock.advance)


def test_a_chip_with_two_thermometers_has_two_names(tree: SensorTree) -> None:
    tree.hwmon(0, "acpitz", temp1_input=30_000)
    tree.hwmon(1, "nvme", temp1_input=41_850, temp1_label="Composite", temp2_input=50_000)
    driver = thermometer(tree)

    first, second = driver.read(), driver.read()

    assert isinstance(first, Ambient)
    assert isinstance(second, Ambient)
    assert (first.name, first.celsius) == ("disk.Composite", 41.85)
    assert (second.name, second.celsius) == ("disk.temp2", 50.0)


def test_a_temperature_that_cannot_be_is_doubted_once_and_left_out(tree: SensorTree) -> None:
    folder = tree.hwmon(0, "nvme", temp1_input=900_000)
    driver = thermometer(tree)

    doubt, told = driver.read(), driver.read()
    assert isinstance(doubt, Doubt)
    assert "900 °C" in doubt.text
    assert isinstance(told, Ambient)
    assert told.celsius is None
    tree.write(folder, temp1_input="40000")
    cleared, told = (driver.read() or driver.read() or driver.read() for _ in range(2))
    assert isinstance(cleared, Doubt)
    assert cleared.text == ""
    assert isinstance(told, Ambient)
    assert told.celsius == 40.0


def test_a_chip_that_is_not_there_names_those_that_are(tree: SensorTree) -> None:
    tree.hwmon(0, "acpitz", temp1_input=30_000)
    with pytest.raises(DeviceUnavailableError, match="there are: acpitz"):
        thermometer(tree)
