"""The desk between wishes and actuators: told, remembered, refused; with a clock by hand."""

from pathlib import Path
from typing import Any

import pytest

from config.actuators import ActingConfig
from drivers.actuators.actuator import Output
from drivers.samples import Done
from edge.acting.claims import Level
from edge.acting.conditions import Conditions
from edge.acting.outlet import LATE_S, OBEYS_WITHIN_S
from edge.acting.switching import Switching
from edge.acting.wishes import Asker, Order
from telemetry.commands.handling import OrderFailedError, OrderRefusedError
from tests.acting_scene import ActingScene as Scene
from tests.fakes import ManualClock

LINK_LOST_S = 3.0


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_it_goes_on_and_off_by_its_time(scene: Scene) -> None:
    assert scene.ask() is None
    assert scene.on() == {"lamp"}
    scene.later(29.0)
    assert scene.on() == {"lamp"}
    scene.later(1.1)

    assert scene.on() == set()


def test_no_longer_than_the_file_says(scene: Scene) -> None:
    scene.ask(for_s=3000.0)
    scene.later(100.5)

    assert scene.on() == set()


def test_what_the_hub_holds_is_off_five_seconds_after_it_was_heard_last(scene: Scene) -> None:
    scene.ask("lamp", origin="hub", for_s=60.0)
    scene.ask("horn", origin="local", for_s=20.0)
    scene.later(LINK_LOST_S - 0.1)
    assert scene.on() == {"lamp", "horn"}
    scene.later(0.2)

    assert scene.on() == {"horn"}
    assert scene.ended == [("lamp", "hub_lost")]
    assert scene.ask(origin="hub") == "interlock"
    scene.conditions.hub_heard_s = scene.clock.mono_s()
    assert scene.ask(origin="hub") is None


def test_the_crews_stop_outlives_a_restart_and_ends_by_the_crew(tmp_path: Path) -> None:
    first = Scene(tmp_path)
    first.ask()
    first.desk.latch(stopped_by="local:kim", stealth_by=None)
    first.run()
    assert first.on() == set()

    second = Scene(tmp_path)
    assert second.ask() == "interlock"
    assert second.ask("horn", level=Level.EMERGENCY, source="sos") == "interlock"
    second.desk.latch(stopped_by=None, stealth_by=None)

    assert second.ask() is None


def test_three_times_in_ten_minutes_also_over_restarts_and_clocks_that_jump(tmp_path: Path) -> None:
    clock = ManualClock()
    for number in range(3):
        scene = Scene(tmp_path, clock)
        assert scene.ask("horn", for_s=5.0) is None, number
        scene.later(10.0)
        clock.jump_utc([86_400.0, -86_400.0, 3.15e8][number])
    scene = Scene(tmp_path, clock)

    assert scene.ask("horn") == "limit"
    assert Scene(tmp_path, ManualClock(), boot="b2").ask("horn") == "limit", "after a reboot"
    clock.advance(575.0)
    assert scene.ask("horn") is None


def test_where_the_disk_does_not_take_it_a_siren_stays_off(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    (tmp_path / "acting.json").unlink(missing_ok=True)
    (tmp_path / "acting.json").mkdir()  # renaming a file onto a folder fails for root, too

    assert scene.ask("horn") == "storage"
    assert scene.on() == set()
    assert scene.ask("lamp") is None, "a light is not rationed"
    (tmp_path / "acting.json").rmdir()
    scene.later(6.0)
    assert scene.ask("horn") is None


def test_too_hot_is_off_until_it_is_clearly_cooler(scene: Scene) -> None:
    scene.ask()
    scene.devices["lamp"].celsius = 81.0
    scene.later(0.1)
    scene.later(0.1)
    assert scene.on() == set()
    for celsius, code in ((78.0, "interlock"), (74.0, None)):
        scene.devices["lamp"].celsius = celsius
        scene.run()
        assert scene.ask() == code
    assert scene.ended == [("lamp", "hot")]


def test_a_low_battery_keeps_it_off_but_not_in_an_emergency(scene: Scene) -> None:
    scene.battery = 19.0
    assert scene.ask() == "interlock"
    scene.battery = 21.0
    assert scene.ask() == "interlock", "not before it is clearly better"
    assert scene.ask(level=Level.EMERGENCY, source="sos") is None
    scene.later(40.0)
    scene.battery = None

    assert scene.ask() is None, "nobody knows: no reason"


def test_in_quiet_hours_there_is_no_siren_nor_while_nobody_knows_the_time(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.clock.jump_utc(14.5 * 3600)
    assert scene.ask("horn") == "interlock"
    assert scene.ask("horn", level=Level.EMERGENCY, source="sos", for_s=5.0) is None
    scene.later(6.0)
    scene.clock.jump_utc(3600)
    assert scene.ask("horn", for_s=5.0) is None
    unknown = Conditions(ActingConfig(quiet_hours=("02:00-03:00",)), {}, lambda: None, lambda: None)
    assert "quiet_hours" in unknown.around(0.0, {}).unit


def test_a_device_that_comes_back_is_told_again_only_if_the_wish_stands(scene: Scene) -> None:
    scene.ask(for_s=60.0)
    scene.unplug("lamp")
    assert scene.ask() == "wrong_state"
    scene.plug("lamp")
    assert scene.on() == {"lamp"}
    scene.unplug("lamp")
    scene.later(61.0)
    scene.plug("lamp")

    assert scene.devices["lamp"].told == [], "nobody wants it any more"


def test_what_does_not_obey_is_told_again_and_is_a_fault(scene: Scene) -> None:
    scene.devices["lamp"].level, scene.devices["lamp"].stuck = 1.0, True
    scene.later(0.5)
    assert scene.outlets["lamp"].disobeys is None
    for _ in range(3):
        scene.later(OBEYS_WITHIN_S + 0.1)

    assert "shall be off" in (scene.outlets["lamp"].disobeys or "")
    assert scene.devices["lamp"].told[-1] == Output(level=0.0)
    scene.devices["lamp"].stuck = False
    scene.later(OBEYS_WITHIN_S + 0.1)
    scene.later(0.1)
    assert scene.outlets["lamp"].disobeys is None


def test_each_actuator_goes_off_by_itself_when_the_desk_is_dead(scene: Scene) -> None:
    scene.ask(for_s=30.0)
    scene.clock.advance(30.0 + LATE_S + 0.1)  # and nobody looks
    scene.run()

    assert scene.on() == set()


def test_a_device_that_refuses_is_told_and_the_wish_is_over(scene: Scene) -> None:
    scene.devices["lamp"].refuses = True
    switching = Switching(scene.desk)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene.outlets["lamp"], "answer", _answering(scene, "lamp"))
        with pytest.raises(OrderFailedError, match="lamp: burnt out"):
            switching.carry_out(Order((scene.wish(),)))

    assert not scene.desk.holdings


def _answering(scene: Scene, name: str) -> Any:
    outlet = scene.outlets[name]
    answer = outlet.answer

    def after_its_thread(within_s: float) -> Done | None:
        scene.run(name)
        return answer(within_s)

    return after_its_thread


def test_quiet_ends_all_but_the_hubs_spares_an_emergency(scene: Scene) -> None:
    switching = Switching(scene.desk)
    scene.ask("lamp", level=Level.EMERGENCY, source="sos")
    scene.ask("horn", level=Level.PROGRAMME, source="alarm")

    told = switching.quiet(Asker("dispatch-1", "hub"))
    scene.run()
    assert (told["off"], told["left"], scene.on()) == (["horn"], ["lamp"], {"lamp"})
    assert scene.ask("horn", level=Level.PROGRAMME, source="alarm") == "interlock"
    switching.quiet(Asker("local:kim", "local"))
    scene.run()

    assert scene.on() == set()


def test_off_ends_what_plans_want_too_and_says_who_has_it(scene: Scene) -> None:
    switching = Switching(scene.desk)
    scene.ask("lamp", level=Level.PLAN, source="plan")
    switching.carry_out(Order(off=("lamp",)))
    scene.run()
    assert scene.on() == set()
    scene.ask("lamp", level=Level.EMERGENCY, source="sos")

    told = switching.carry_out(Order(off=("lamp",)))

    assert told["actuators"] == [{"name": "lamp", "on": True, "text": "held by emergency (sos)"}]
    with pytest.raises(OrderRefusedError, match="held by emergency"):
        switching.check(Order((scene.wish(),)))


def test_where_what_was_remembered_is_damaged_all_may_have_been_used(tmp_path: Path) -> None:
    (tmp_path / "acting.json").write_text("{ torn")
    scene = Scene(tmp_path)

    assert scene.ask("horn") == "limit"
    assert scene.ask("lamp") is None
    scene.later(600.0)
    assert scene.ask("horn") is None
