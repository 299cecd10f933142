"""IIO chips on a made tree: polled, buffered, mounted askew, damaged, gone."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.sensors import IioSensorConfig
from drivers.base import BadDataError, DeviceLostError, DeviceUnavailableError
from drivers.samples import Ambient, Attitude, Identity, Odometry
from drivers.sensors.iio import IioSensor
from drivers.sensors.iio_buffer import Element, Layout
from drivers.sensors.sensor import Doubt, SensorSample, read_bytes
from tests.fakes import ManualClock
from tests.sensor_tree import GRAVITY, MAGN_SCALE, SensorTree, raw, record


@pytest.fixture
def tree(tmp_path: Path) -> SensorTree:
    return SensorTree(tmp_path)


def opened(
    tree: SensorTree, clock: ManualClock | None = None, device: str = "icm42688", **more: object
) -> IioSensor:
    clock = clock or ManualClock()
    read_file = more.pop("read_file", read_bytes)
    config = IioSensorConfig(kind="iio", device=device, **more)
    return IioSensor.open("body", config, clock, tree.tree, read_file, sleep=clock.advance)


def heard(driver: IioSensor, reads: int = 200) -> list[SensorSample]:
    return [sample for _ in range(reads) if (sample := driver.read()) is not None]


def last(samples: list[SensorSample], kind: type) -> SensorSample:
    return [sample for sample in samples if isinstance(sample, kind)][-1]


def test_a_level_imu_at_rest(tree: SensorTree) -> None:
    tree.imu()
    driver = opened(tree)
    samples = heard(driver)

    assert samples[0] == Identity(name="body", kind="sensor", model="icm42688")
    attitude, turn = last(samples, Attitude), last(samples, Odometry)
    assert isinstance(attitude, Attitude)
    assert isinstance(turn, Odometry)
    assert attitude.pitch_deg == pytest.approx(0, abs=0.01)
    assert attitude.roll_deg == pytest.approx(0, abs=0.01)
    assert 1.5 <= attitude.tilt_error_deg < 2.0
    assert attitude.heading_deg is None, "no magnetometer, no heading"
    assert turn.yaw_rate_dps == pytest.approx(0, abs=0.01)
    assert turn.yaw_rate_error_dps == 0.05, "its bias was learned at rest"
    assert turn.speed_mps is None
    assert not driver.buffered, "this tree has no buffer"


def test_a_turn_to_the_right_is_positive_and_a_raised_bow_too(tree: SensorTree) -> None:
    folder = tree.imu()
    driver = opened(tree, every_s=0.02)
    tree.move(folder, (GRAVITY * 0.5, 0, GRAVITY * 0.8660), (0, 0, -40))  # z up: right is negative
    samples = heard(driver, 4)
    attitude, turn = last(samples, Attitude), last(samples, Odometry)
    assert isinstance(attitude, Attitude)
    assert isinstance(turn, Odometry)
    assert attitude.pitch_deg == pytest.approx(30, abs=0.1)
    assert turn.yaw_rate_dps == pytest.approx(40 * 0.8660, abs=0.5)


@pytest.mark.parametrize(
    ("axes", "force"),
    [
     (("forward", "left", "up"), (0, 0, GRAVITY)),
     (("right", "down", "forward"), (0, -GRAVITY, 0)),
     (("up", "forward", "left"), (GRAVITY, 0, 0))],
    ids=["flat", "on edge", "standing"],
)  # fmt: skip
def test_a_chip_may_be_mounted_any_way(
    tree: SensorTree, axes: tuple[str, str, str], force: tuple[float, float, float]
) -> None:
    tree.move(tree.imu(), force, (0, 0, 0))
    attitude = last(heard(opened(tree, axes=axes), 20), Attitude)
    assert isinstance(attitude, Attitude)
    assert attitude.pitch_deg == pytest.approx(0, abs=0.01)
    assert attitude.roll_deg == pytest.approx(0, abs=0.01)


def test_a_seat_that_is_not_level_is_taken_off(tree: SensorTree) -> None:
    folder = tree.imu()
    told = last(heard(opened(tree), 20), Attitude)
    tree.move(folder, (GRAVITY * 0.1, GRAVITY * 0.05, GRAVITY * 0.9937), (0, 0, 0))
    askew = last(heard(opened(tree), 20), Attitude)
    assert isinstance(askew, Attitude)
    assert isinstance(told, Attitude)
    levelled = opened(tree, level_pitch_deg=askew.pitch_deg, level_roll_deg=askew.roll_deg)
    level = last(heard(levelled, 20), Attitude)
    assert isinstance(level, Attitude)
    assert abs(askew.pitch_deg or 0) > 5
    assert level.pitch_deg == pytest.approx(0, abs=0.1)
    assert level.roll_deg == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(
    ("axes", "cure"),
    [(("forward", "right", "up"), "wrong way round"), (("up", "up", "left"), "one line"),
     (("up", "down", "left"), "one line")],
    ids=["left-handed", "twice", "both ways"],
)  # fmt: skip
def test_axes_that_no_chip_has_are_refused_with_a_cure(
    axes: tuple[str, str, str], cure: str
) -> None:
    with pytest.raises(ValueError, match=cure):
        IioSensorConfig(kind="iio", device="x", axes=axes)


def test_an_imu_of_two_devices_is_one_sensor(tree: SensorTree) -> None:
    gyro, accel = tree.chip(0, "icm42605-gyro"), tree.chip(1, "icm42605-accel")
    tree.write(gyro, in_anglvel_scale="0.001", **raw("anglvel", (0, 0, 0), 1))
    tree.write(accel, in_accel_scale="0.001", **raw("accel", (0, 0, GRAVITY), 0.001))
    samples = heard(opened(tree, device="icm42605"), 20)
    assert last(samples, Odometry)
    assert last(samples, Attitude)


def test_a_magnetometer_gives_the_heading_only_with_a_declination(tree: SensorTree) -> None:
    folder = tree.imu()
    tree.write(folder, in_magn_scale=str(MAGN_SCALE), **raw("magn", (0, 0.3, -0.4), MAGN_SCALE))
    plain = last(heard(opened(tree), 20), Attitude)
    assert isinstance(plain, Attitude)
    assert plain.heading_deg is None
    driver = opened(tree, declination_deg=-5.0)
    true = last(heard(driver, 20), Attitude)
    assert isinstance(true, Attitude)
    assert true.heading_deg == pytest.approx(85.0, abs=0.1), "north is to the left, less 5"
    assert true.heading_error_deg >= 10
    tree.write(folder, **raw("magn", (0, 3.0, -0.4), MAGN_SCALE))
    near_iron = last(heard(driver, 20), Attitude)
    assert isinstance(near_iron, Attitude)
    assert near_iron.heading_deg is None
    assert driver.counters()["disturbed_field"] > 0


def test_a_barometer_is_read_once_a_second_and_nonsense_is_left_out(tree: SensorTree) -> None:
    folder = tree.chip(0, "bmp280", in_pressure_input=101.325, in_temp_input=21_500)
    clock = ManualClock()
    driver, began_s = opened(tree, clock, "bmp280"), clock.mono_s()
    samples = heard(driver, 20)
    told = last(samples, Ambient)
    assert isinstance(told, Ambient)
    assert (told.pressure_pa, told.celsius) == (101_325.0, 21.5)
    assert told.humidity_percent is None
    count = len([each for each in samples if isinstance(each, Ambient)])
    assert count <= clock.mono_s() - began_s + 2
    tree.write(folder, in_pressure_input="0")
    samples = heard(driver, 20)
    doubt, told = last(samples, Doubt), last(samples, Ambient)
    assert isinstance(doubt, Doubt)
    assert isinstance(told, Ambient)
    assert "pressure of 0 Pa" in doubt.text
    assert (told.pressure_pa, told.celsius) == (None, 21.5)


def test_a_gyro_that_never_moves_is_doubted(tree: SensorTree) -> None:
    folder = tree.imu()
    driver = opened(tree, every_s=0.05)
    doubts = [each for each in heard(driver, 500) if isinstance(each, Doubt)]
    assert [each.what for each in doubts] == ["gyro"]
    tree.move(folder, (0, 0, GRAVITY), (0, 0, 0.1))
    doubts = [each for each in heard(driver, 10) if isinstance(each, Doubt)]
    assert [each.text for each in doubts] == [""]


@pytest.mark.parametrize("text", ["", "rubbish", "nan", "1e999", "\x00\xff"])
def test_rubbish_is_bad_data_and_goes_by(tree: SensorTree, text: str) -> None:
    folder = tree.imu()
    driver = opened(tree)
    heard(driver, 20)
    tree.write(folder, in_accel_y_raw=text)
    with pytest.raises(BadDataError):
        heard(driver, 20)
    tree.imu()
    assert heard(driver, 20)


def test_a_bus_error_is_bad_data_and_a_chip_that_vanishes_is_lost(tree: SensorTree) -> None:
    folder, broken = tree.imu(), False

    def read_file(path: Path) -> bytes:
        if broken and path.name.endswith("_raw"):
            raise OSError(errno.EIO, "I/O error")
        return read_bytes(path)

    driver = opened(tree, read_file=read_file)
    heard(driver, 20)
    broken = True
    with pytest.raises(BadDataError):
        heard(driver, 20)
    broken = False
    shutil.rmtree(folder)
    with pytest.raises(DeviceLostError):
        heard(driver, 20)
    with pytest.raises(DeviceUnavailableError, match="there are: none"):
        opened(tree)


def test_a_chip_that_measures_nothing_of_ours_is_refused(tree: SensorTree) -> None:
    tree.chip(0, "ads1115", in_voltage0_raw="3")
    with pytest.raises(DeviceUnavailableError, match="nothing that a unit uses"):
        opened(tree, device="ads1115")


def test_a_scale_of_nought_is_refused(tree: SensorTree) -> None:
    tree.write(tree.imu(), in_accel_scale="0")
    with pytest.raises(DeviceUnavailableError, match="scale of 0"):
        opened(tree)


# --- the buffer ---


def test_a_buffer_is_used_where_there_is_one_and_switched_off_again(tree: SensorTree) -> None:
    folder = tree.imu()
    tree.buffered(folder)
    os.mkfifo(tree.dev / folder.name)
    writer = os.open(tree.dev / folder.name, os.O_RDWR)
    try:
        clock = ManualClock()
        driver = opened(tree, clock)
        assert driver.buffered
        assert (folder / "buffer/enable").read_text() == "1"
        assert (folder / "scan_elements/in_timestamp_en").read_text() == "0"
        data = record((0, 0, GRAVITY), (0, 0, -20)) * 10
        os.write(writer, data[:-5])  # the last record comes in two pieces
        clock.advance(0.1)
        samples = heard(driver, 4)
        os.write(writer, data[-5:])
        clock.advance(0.05)
        samples += heard(driver, 4)
        turn = last(samples, Odometry)
        assert isinstance(turn, Odometry)
        assert turn.yaw_rate_dps == pytest.approx(20, abs=0.1)
        assert driver.counters()["readings"] == 10
        driver.close()
        assert (folder / "buffer/enable").read_text() == "0"
    finally:
        os.close(writer)


def test_without_the_right_to_it_the_chip_is_polled(tree: SensorTree) -> None:
    folder = tree.imu()
    tree.buffered(folder)  # and no node below /dev
    driver = opened(tree)
    assert not driver.buffered
    assert (folder / "buffer/enable").read_text() == "0"
    assert last(heard(driver, 10), Attitude)


def test_a_record_is_laid_out_as_the_kernel_does() -> None:
    accel = Element.of("accel_x", 0, "le:s12/16>>4")
    big = Element.of("anglvel_x", 1, "be:u24/32>>8")
    stamp = Element.of("timestamp", 3, "le:s64/64>>0")
    layout = Layout.of([stamp, big, accel])
    assert [(element.name, at) for element, at in layout.places] == [
        ("accel_x", 0), ("anglvel_x", 4), ("timestamp", 8)
    ]  # fmt: skip
    assert layout.size == 16
    data = b"\xf0\xff" + b"\0\0" + b"\x00\x00\x05\x00" + (7).to_bytes(8, "little")
    assert layout.values(data) == {"accel_x": -1, "anglvel_x": 5, "timestamp": 7}


@given(st.text(max_size=30) | st.from_regex(r"(be|le):[su]\d{1,3}/\d{1,3}(X\d)?>>\d{1,3}"))
def test_any_text_is_a_type_or_bad_data(text: str) -> None:
    try:
        element = Element.of("accel_x", 0, text)
    except BadDataError:
        return
    value = element.value(b"\xff" * element.size)
    assert -(1 << 63) <= value < 1 << 64
    assert (value == -1) == element.signed
