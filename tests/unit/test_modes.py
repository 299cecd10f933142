"""Modes: whole or not at all, and really in force."""

from pathlib import Path
from typing import Any

import pytest

from config.loading import load
from config.models import Settings
from drivers.samples import FixKind, GnssEpoch
from edge.app import App
from edge.positioning.schedule import PositionSchedule
from edge.reporting.health import HealthDesk
from edge.reporting.snapshot import state_of
from edge.tasks.modes import Tuned, Tuning
from edge.tasks.orders import set_mode
from telemetry.commands.handling import OrderRefusedError
from tests.e2e.unit_process import write_unit_file
from tests.fakes import ManualClock

MODES = {
    "night": {"patrol_every_s": 2, "health_every_s": 60, "max_fps": 3, "update_every_s": 30},
    "wrong": {"parked_every_s": 0.5, "max_fps": 3},
}


def settings(folder: Path, **sections: Any) -> Settings:
    return load(write_unit_file(folder, "mqtt://127.0.0.1:1", modes=MODES, **sections), {}).settings


class Fussy:
    """Takes what it is told, except for one mode."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.modes: list[str] = []

    def tune(self, tuned: Tuned) -> None:
        if tuned.mode == self.refuses:
            raise OrderRefusedError("interlock", "not while the roof is open")
        self.modes.append(tuned.mode)


def test_a_switch_tells_what_changed(tmp_path: Path) -> None:
    tuning = Tuning(settings(tmp_path), "routine")
    assert tuning.switch("night") == {
        "mode": ["routine", "night"],
        "patrol_every_s": [1.0, 2.0],
        "health_every_s": [2.0, 60.0],
        "max_fps": [15.0, 3.0],
        "update_every_s": [10.0, 30.0],
    }
    assert tuning.now.position.patrol_every_s == 2
    assert tuning.switch("night") == {}
    assert tuning.switch("routine")["max_fps"] == [3.0, 15.0]


def test_all_four_kinds_of_operation_are_there(tmp_path: Path) -> None:
    tuning = Tuning(settings(tmp_path), "routine")
    for mode in ("routine", "emergency", "security", "special"):
        tuning.switch(mode)
        assert tuning.now.mode == mode


@pytest.mark.parametrize("mode", ["wrong", "no_such"])
def test_a_bad_profile_changes_nothing(tmp_path: Path, mode: str) -> None:
    tuning = Tuning(settings(tmp_path), "routine")
    before = tuning.now
    with pytest.raises(OrderRefusedError) as told:
        tuning.switch(mode)
    assert told.value.code == "invalid_arguments"
    assert tuning.now is before


def test_what_one_component_refuses_the_others_give_back(tmp_path: Path) -> None:
    tuning = Tuning(settings(tmp_path), "routine")
    first, fussy, last = Fussy(), Fussy("night"), Fussy()
    for component in (first, fussy, last):
        tuning.add(component)
    before = tuning.now
    with pytest.raises(OrderRefusedError, match="roof"):
        tuning.switch("night")
    assert tuning.now is before
    assert first.modes == ["routine", "night", "routine"]
    assert fussy.modes == last.modes == ["routine"]


def test_a_mode_that_the_file_has_lost_is_routine_and_a_fault(tmp_path: Path) -> None:
    tuning = Tuning(settings(tmp_path), "carnival")
    assert tuning.now.mode == "routine"
    assert tuning.fault is not None
    tuning.switch("night")
    assert tuning.fault is None


def test_the_mode_is_in_force_in_the_whole_unit_and_survives_a_restart(tmp_path: Path) -> None:
    path = write_unit_file(tmp_path, "mqtt://127.0.0.1:1", modes=MODES)
    app = App(load(path, {}))
    office, vision = app.parts.office, app.parts.vision
    assert vision is not None
    set_mode(office.desk, office.tuning, "night")
    assert vision._max_fps == 3
    assert state_of(app.parts).mode == "night"
    again = App(load(path, {}))
    assert again.parts.office.tuning.now.mode == "night"
    assert again.parts.vision is not None
    assert again.parts.vision._max_fps == 3


def test_health_is_told_by_the_mode_s_interval(tmp_path: Path) -> None:
    clock = ManualClock()
    path = write_unit_file(
        tmp_path, "mqtt://127.0.0.1:1", modes=MODES, perception={"enabled": False}
    )
    app = App(load(path, {}), clock)
    desk, tuning = HealthDesk(app.parts), app.parts.office.tuning

    def reports(seconds: int) -> int:
        """So many in this time, once what came and went has settled."""
        for _ in range(20):
            clock.advance(1)
            desk.due()
        count = 0
        for _ in range(seconds):
            clock.advance(1)
            count += desk.due() is not None
        return count

    assert reports(120) == 60
    tuning.switch("night")
    assert reports(120) == 2
    tuning.switch("routine")
    assert reports(120) == 60


def test_the_position_follows_mode_duty_and_the_hub_s_wish(tmp_path: Path) -> None:
    clock = ManualClock()
    tuning = Tuning(settings(tmp_path), "routine")
    schedule = PositionSchedule(tuning.now.position)

    def told(seconds: int, *, dispatched: bool = False) -> int:
        count = 0
        for _ in range(seconds * 8):
            clock.advance(0.125)
            now_s = clock.mono_s()
            schedule.config = tuning.now.position
            every_s = tuning.rate(now_s)
            count += schedule.due(here(now_s), now_s, dispatched=dispatched, every_s=every_s)
        return count

    tuning.switch("night")
    assert told(60) == pytest.approx(30, abs=2)
    assert told(60, dispatched=True) == pytest.approx(60, abs=6)
    tuning.set_rate(0.5, clock.mono_s() + 30)
    assert told(30) == pytest.approx(60, abs=8)
    assert told(60) == pytest.approx(30, abs=2), "and then as before"


def here(mono_s: float) -> Any:
    from edge.positioning.whereabouts import Whereabouts

    epoch = GnssEpoch(
        mono_s=mono_s,
        utc=None,
        fix=FixKind.FIX_3D,
        lat_deg=52.5,
        lon_deg=13.4,
        speed_mps=5.0,
        course_deg=90.0,
    )
    where = Whereabouts(["main"], 5.0)
    where.note("main", epoch)
    return where.at(mono_s)
