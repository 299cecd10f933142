"""Vehicles that stand: for too long, or still there at the second pass."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from perception.rules.engine import Engine
from perception.rules.factory import build_rules
from perception.rules.rule import Alert
from perception.rules.standing.first_passes import FirstPasses, _records
from perception.rules.standing.looks import looks
from tests.rules.parking_trials import Car, Street, second, some_car
from tests.rules.scenes import scene, square, track
from tests.rules.scripts import RULE


def test_the_same_vehicles_are_known_again_with_five_metres_of_noise() -> None:
    known = told = 0
    for seed in range(16):
        street = Street(seed)
        cars = [some_car(street.random, k, x) for k, x in enumerate((-6.0, 0.0, 6.0), 1)]
        street.drive_by(*cars)
        street.wait(11)
        again = second(street.drive_by(*cars))
        told, known = told + len(again), known + len(cars)
        assert all(0.3 < each.facts["same_vehicle"] <= 1 for each in again)  # type: ignore[operator]

    assert told / known >= 0.95


def test_a_vehicle_that_left_and_another_in_its_place_are_no_event() -> None:
    for seed in range(8):
        street = Street(seed)
        street.drive_by(Car(number=1, east_m=0.0, paint="red"))
        street.wait(11)
        assert second(street.drive_by()) == []
        assert second(street.drive_by(Car(number=2, east_m=0.0, paint="white"))) == []
        small, van = Street(seed), Car(number=2, east_m=0.0, height_m=3.0, label="truck")
        small.drive_by(Car(number=1, east_m=0.0))
        small.wait(11)
        assert second(small.drive_by(van)) == []


def test_the_passes_tell_what_a_human_needs() -> None:
    street = Street(5)
    car = Car(number=1, east_m=0.0, paint="blue")
    first = [each for each in street.drive_by(car) if each.phase == "new"]
    street.wait(5)
    early = street.drive_by(car)
    street.wait(6)
    again = second(street.drive_by(car))

    assert [(each.severity, each.facts["suggest"]) for each in first] == [(4, "voice_prompt")]
    assert early == []
    assert len(again) == 1
    assert again[0].facts["record"] == first[0].facts["record"]
    assert again[0].facts["first_seen"] == "2026-11-27T04:00:03Z"
    assert 10 <= float(again[0].facts["stood_min"]) < 12
    assert again[0].place is not None


def test_a_restart_between_the_passes_loses_nothing_and_an_hour_does(tmp_path: Path) -> None:
    car = Car(number=1, east_m=0.0, paint="green")
    street = Street(3, tmp_path)
    street.drive_by(car)
    file = tmp_path / "parking-ours.json"
    told = json.loads(file.read_text())
    assert file.stat().st_mode & 0o077 == 0
    assert set(told["records"][0]) == {
        "record", "zone", "label", "lat_deg", "lon_deg", "covariance", "utc_s", "colours", "height",
    }  # fmt: skip

    street.wait(12)
    street.mono_s = 5.0  # another boot
    street.restart()
    assert len(second(street.drive_by(car))) == 1

    street.wait(61)
    assert second(street.drive_by(car)) == []


def test_driving_vehicles_are_none_of_it_and_one_that_stays_in_sight_is_told() -> None:
    assert Street(1).drive_by(Car(number=1, east_m=-5.0, speed_mps=4.0)) == []
    street = Street(2, wait_min=0.5, gap_s=10)
    alerts = street.drive_by(Car(number=1, east_m=0.0), seconds=40.0)
    assert [each.facts["compared"] for each in second(alerts)] == ["followed without a break"]


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_a_damaged_memory_costs_the_memory_only(content: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, RecursionError)):
        _records(content)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"version": 2}',
        '{"version": 1, "records": [{}]}',
        '{"version": 1, "records": [{"covariance": [1]}]}',
    ],
)
def test_what_is_wrong_with_the_memory_is_said(tmp_path: Path, content: str) -> None:
    path = tmp_path / "parking.json"
    path.write_text(content)

    memory = FirstPasses(path, 3600.0)

    assert (len(memory), bool(memory.trouble)) == (0, True)


def test_a_full_disk_costs_the_memory_over_a_restart_only(tmp_path: Path) -> None:
    street = Street(4, tmp_path / "missing")
    car = Car(number=1, east_m=0.0, paint="red")
    street.drive_by(car)
    street.wait(11)

    assert len(second(street.drive_by(car))) == 1


def test_looks_of_odd_boxes_and_missing_pictures() -> None:
    image = np.zeros((20, 30, 3), np.uint8)

    assert looks(image, (-50.0, -50.0, -10.0, -10.0), 5.0, 20).colours is None
    assert looks(None, (0.0, 0.0, 9.0, 9.0), None, 20).height is None
    whole = looks(image, (-5.0, -5.0, 40.0, 30.0), 5.0, 20).colours
    assert whole is not None
    assert whole.sum() == pytest.approx(1)


def test_a_first_pass_that_expires_before_its_second_is_refused() -> None:
    with pytest.raises(ValidationError, match="expires_min"):
        RULE.validate_python(
            {"kind": "illegal_parking", "zones": ["a"], "wait_min": 12, "expires_min": 10}
        )


@pytest.mark.parametrize(
    ("velocity_mps", "stood_s", "told"),
    [((0.0, 0.0), 70.0, True), ((0.0, 0.0), 50.0, False), ((0.3, 0.1), 70.0, True),
     ((1.2, 0.0), 70.0, False), ((4.0, 0.0), 70.0, False)],
)  # fmt: skip
def test_a_vehicle_has_stopped_when_its_speed_is_insignificant(
    velocity_mps: tuple[float, float], stood_s: float, *, told: bool
) -> None:
    zones = (square("yard", 400.0, kind="no_stop"),)
    rule = RULE.validate_python({"kind": "stopped", "zones": ["yard"], "stands_s": 60})
    engine, random = Engine(build_rules({"ours": rule}, zones), zones), np.random.default_rng(1)
    drifts = velocity_mps if np.hypot(*velocity_mps) > 1 else (0.0, 0.0)
    alerts: list[Alert] = []
    for step in range(int(stood_s * 2)):
        east_m = drifts[0] * step / 2 + random.normal(0, 0.3)
        one = track(1, east_m, 0.0, step / 2, label="car", velocity_mps=velocity_mps,
                    velocity_error_mps=0.2)  # fmt: skip
        alerts += [n for n in engine.see(scene(step / 2, [one])) if isinstance(n, Alert)]

    assert [each.phase for each in alerts][:1] == (["new"] if told else [])
    gone = engine.see(scene(stood_s + 20, [])) if told else []
    assert [each.reason for each in gone if isinstance(each, Alert)] == (["lost"] if told else [])


def test_a_first_pass_of_unknown_age_swallows_no_vehicle(tmp_path: Path) -> None:
    """After a restart without the time of day nobody can say how old what was kept is."""
    car = Car(number=1, east_m=0.0, paint="green")
    street = Street(3, tmp_path, cool_down_s=0)
    street.drive_by(car)
    street.mono_s = 5.0
    street.restart()
    street.clock = None

    alerts = street.drive_by(car)
    assert [(each.facts["pass"], each.phase) for each in alerts] == [(1, "new"), (1, "end")]

    street.restart()  # what was seen without a time of day is not kept for another boot, for ever
    assert len(FirstPasses(tmp_path / "parking-ours.json", 3600.0)) == 1
