"""Small sensors as workers of a unit: in health and in the ladder, their faults, their returns."""

from pathlib import Path

import pytest

from config.models import Settings
from drivers.clock import SystemClock
from drivers.samples import Battery
from edge.body.body import Body
from edge.reporting.health import HealthDesk
from edge.seeing.poses import Poses
from telemetry.contract.unit import Health
from tests.parts.test_reports import app_with
from tests.sensor_tree import SensorTree
from tests.unit_under_test import wait_for
from tests.workers import working

SENSORS = {
    "main": {"kind": "battery", "supply": "BAT0", "every_s": 0.05, "low_percent": 30},
    "imu": {"kind": "iio", "device": "icm42688"},
    "disk": {"kind": "thermometer", "chip": "nvme", "every_s": 0.1, "hot_c": 60},
}


@pytest.fixture
def tree(tmp_path: Path) -> SensorTree:
    tree = SensorTree(tmp_path / "computer")
    tree.battery()
    tree.imu()
    tree.hwmon(0, "nvme", temp1_input=41_000)
    return tree


def body_of(tree: SensorTree, **sections: object) -> Body:
    settings = Settings.model_validate(
        {"unit": {"id": "dog-1", "kind": "robot_dog"}, "sensors": SENSORS, **sections}
    )
    return Body(settings, Poses(settings.pose), SystemClock(), tree.tree)


def codes(body: Body) -> dict[str, str]:
    return {finding.code: finding.component for finding in body.findings(0.0)}


def test_what_they_tell_reaches_ladder_health_and_listeners(tree: SensorTree) -> None:
    body, heard = body_of(tree), []
    body.listen(lambda name, sample: heard.append((name, type(sample).__name__)))
    with working(body.works()):
        assert wait_for(lambda: body.battery_percent() == 80)
        assert wait_for(lambda: ("imu", "Odometry") in heard and ("imu", "Attitude") in heard)
        assert wait_for(lambda: len(body.temperatures()) == 1)
        assert [(charge.name, charge.percent) for charge in body.charges()] == [("main", 80)]
        assert body.temperatures()[0].celsius == 41.0
        assert codes(body) == {}
    assert {name for name, _ in heard} == {"main", "imu", "disk"}


def test_low_and_hot_are_faults_until_they_are_over(tree: SensorTree) -> None:
    body = body_of(tree)
    with working(body.works()):
        tree.battery(capacity=25, temp=600)
        tree.hwmon(0, "nvme", temp1_input=75_000)
        wanted = {"battery_low": "main", "battery_hot": "main", "part_hot": "disk"}
        assert wait_for(lambda: codes(body) == wanted)
        tree.battery(capacity=25, status="Charging", temp=200)
        tree.hwmon(0, "nvme", temp1_input=40_000)
        assert wait_for(lambda: codes(body) == {}), "it is being charged, and all is cool"


def test_a_gyro_that_never_moves_is_a_fault(tree: SensorTree) -> None:
    body = body_of(tree)
    with working(body.works()):
        assert wait_for(lambda: codes(body) == {"sensor_implausible": "imu"}, 15.0)


def test_a_battery_that_vanishes_is_missed_and_comes_back(tree: SensorTree) -> None:
    body = body_of(tree)
    folder = tree.sys / "class/power_supply/BAT0"
    health = body.sensors["main"].health
    with working(body.works()):
        assert wait_for(lambda: health.samples > 0)
        folder.rename(folder.with_name("away"))
        assert wait_for(lambda: bool(health.last_error))
        folder.with_name("away").rename(folder)
        assert wait_for(lambda: not health.last_error, 6.0)


def test_a_battery_that_lies_spoils_no_report(tmp_path: Path) -> None:
    app = app_with(tmp_path, sensors={"main": SENSORS["main"]})
    sensor = app.parts.body.sensors["main"]
    sensor.battery = Battery(mono_s=0.0, name="main", percent=float("nan"), celsius=9e9)

    draft = HealthDesk(app.parts).due()

    assert draft is not None
    assert isinstance(draft.data, Health)
    assert draft.data.batteries[0].percent is None
    assert app.parts.body.battery_percent() is None


def test_what_a_unit_must_have_and_does_not_is_told(
    tmp_path: Path,
) -> None:
    tree = SensorTree(tmp_path)
    required = {"required": ["gnss", "battery", "speaker", "camera"]}
    speaker = {"speaker": {"kind": "speaker"}}
    body = body_of(tree, modules=required, actuators=speaker)

    found = [each for each in body.findings(0.0) if each.code == "module_not_configured"]

    assert [each.component for each in found] == ["gnss", "camera"]
    assert "below gnss:" in found[0].action
    assert "modules.required" in found[0].action
