"""Orders to move, from the command to the carrier: taken, refused, remembered, and stopped."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from config.loading import load
from drivers.clock import SystemClock
from drivers.platforms.orders import (
    Drive,
    EmergencyStop,
    GoHome,
    Hold,
    LoadMission,
    Pose,
    ReleaseStop,
    StartMission,
)
from edge.body.body import vehicle_of
from edge.body.carrier import Carrier
from edge.moving.driving import STILL
from edge.moving.moving import MOVES_FILE, Moving
from edge.reporting.moving_findings import moving_findings
from telemetry.commands.handling import Order, OrderFailedError, OrderRefusedError
from telemetry.contract.commands import COMMANDS
from telemetry.contract.events import BodyEvent
from telemetry.contract.uuid7 import uuid7
from tests.carriers import Obedient, carrier, running, state
from tests.e2e.unit_process import write_unit_file
from tests.finders import Field
from tests.unit_under_test import wait_for

ALL = (LoadMission, StartMission, Hold, GoHome, Drive, Pose, EmergencyStop, ReleaseStop)
POINTS = [{"lat_deg": 36.65, "lon_deg": 117.0, "height_m": 30}, {"lat_deg": 36.66, "lon_deg": 117}]


@dataclass
class Stand:
    """A unit's orders to move, with one carrier that obeys; its workers run."""

    field: Field
    folder: Path
    carrier: Carrier
    device: Obedient
    stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        settings = load(write_unit_file(self.folder, "mqtt://127.0.0.1:1"), {}).settings
        settings = settings.model_copy(update={"state_dir": self.folder})
        carriers = {self.carrier.name: self.carrier}
        self.moving = Moving(settings, carriers, self.field.witness, self.field.clock)
        self.handlers = self.moving.handlers()

    def order(self, name: str, **args: Any) -> Order:
        return Order(
            id=uuid7(self.field.now()),
            name=name,
            args=COMMANDS[name].args.model_validate(args),
            issuer="officer 7",
            role="commander",
            origin="hub",
            received=datetime.now(UTC),
            expires_mono_s=float("inf"),
        )

    def do(self, name: str, **args: Any) -> Any:
        order, handler = self.order(name, **args), self.handlers[name]
        handler.check(order)
        return handler.carry_out(order, lambda _percent, _words: None)

    def refused(self, name: str, **args: Any) -> str:
        with pytest.raises(OrderRefusedError) as told:
            self.do(name, **args)
        return told.value.code

    def tells(self, **told: Any) -> None:
        """The carrier says how it is, and that is digested."""
        told_state = state(self.field.clock.mono_s(), **told)
        self.carrier.note(told_state)
        self.moving.hear(self.carrier.name, told_state)
        self.moving.digest()

    def events(self) -> list[str]:
        self.moving.tales.tell()
        return [event.what for event in self.field.told(BodyEvent)]


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    one = carrier("dog", *ALL)
    with running(one) as device:
        yield Stand(Field(tmp_path, SystemClock()), tmp_path, one, device)


@pytest.fixture
def guarded(stand: Stand) -> Iterator[Stand]:
    """With the guard at work, that stops what is not said again."""
    stop = threading.Event()
    guard = threading.Thread(target=stand.moving.works()["moving.guard"], args=(lambda: None, stop))
    guard.start()
    yield stand
    stop.set()
    guard.join()


# --- missions ---


def load_mission(stand: Stand) -> str:
    name = uuid7(stand.field.now())
    stand.do("mission.load", mission=name, points=POINTS, on_end="home")
    return name


def test_a_mission_is_handed_over_started_followed_and_told(stand: Stand) -> None:
    name = load_mission(stand)
    (loaded,) = stand.device.orders(LoadMission)
    assert [point.height_m for point in loaded.points] == [30, None]
    assert loaded.on_end == "home"

    stand.tells(mission="loaded", mission_item=0, mission_items=2, armed=True)
    assert stand.events() == []  # it only lies there: nothing has befallen anybody
    stand.do("mission.start", mission=name)
    assert len(stand.device.orders(StartMission)) == 1
    for item, mission in ((0, "active"), (1, "active"), (1, "paused"), (1, "active"), (1, "done")):
        stand.tells(mission=mission, mission_item=item, mission_items=2)

    told = ["mission_started", "mission_item", "mission_paused", "mission_started"]
    assert stand.events() == [*told, "mission_done"]
    last = stand.field.told(BodyEvent)[-1]
    assert (last.mission, last.item, last.items, last.component) == (name, 1, 2, "dog")


def test_a_mission_is_remembered_over_a_restart(stand: Stand) -> None:
    name = load_mission(stand)
    stand.restart()
    assert stand.carrier.mission == name
    stand.do("mission.start", mission=name)
    stand.restart()
    assert stand.refused("mission.load", mission=name, points=POINTS) == "wrong_state"
    assert stand.moving.status()["missions"][0]["state"] == "active"


def test_what_the_carrier_told_before_the_order_does_not_undo_it(stand: Stand) -> None:
    name = load_mission(stand)
    before = state(stand.field.clock.mono_s(), mission="paused", mission_items=2)
    stand.do("mission.start", mission=name)
    stand.moving.hear("dog", before)
    stand.moving.digest()
    assert stand.events() == ["mission_started"]


def test_only_the_mission_that_is_held_is_started(stand: Stand) -> None:
    name = load_mission(stand)
    assert stand.refused("mission.start", mission=uuid7(stand.field.now())) == "wrong_state"
    stand.tells(mission="loaded", mission_items=5)  # somebody else loaded one
    assert stand.refused("mission.start", mission=name) == "wrong_state"
    stand.tells(mission="none", mission_items=0)
    assert stand.refused("mission.start", mission=name) == "wrong_state"
    assert stand.events() == ["mission_lost"]


def test_a_mission_under_way_is_not_replaced_whoever_loaded_it(stand: Stand) -> None:
    stand.tells(mission="active", mission_item=0, mission_items=7)
    name = uuid7(stand.field.now())
    assert stand.refused("mission.load", mission=name, points=POINTS) == "wrong_state"


def test_nobody_arms_from_afar(stand: Stand) -> None:
    name = load_mission(stand)
    stand.tells(mission="loaded", armed=False)
    assert stand.refused("mission.start", mission=name) == "interlock"
    assert stand.refused("move.drive", forward_mps=1) == "interlock"
    assert not stand.device.orders(StartMission)


def test_a_mission_that_the_carrier_refuses_is_not_remembered(stand: Stand) -> None:
    stand.device.refuses[LoadMission] = "point 2 is not supported"
    name = uuid7(stand.field.now())
    with pytest.raises(OrderFailedError, match="dog: point 2 is not supported"):
        stand.do("mission.load", mission=name, points=POINTS)
    assert stand.refused("mission.start", mission=name) == "wrong_state"


# --- hold, home, posture ---


def test_hold_home_and_posture_reach_the_carrier(stand: Stand) -> None:
    assert stand.do("move.hold") == {"carrier": "dog"}
    stand.do("move.home")
    stand.do("move.posture", posture="sit")
    assert [type(order) for _, order in stand.device.obeyed] == [Hold, GoHome, Pose]


def test_what_nothing_here_can_do_is_refused_at_once_and_not_offered(tmp_path: Path) -> None:
    with running(one := carrier("car", Hold)) as device:
        stand = Stand(Field(tmp_path, SystemClock()), tmp_path, one, device)
        for name, args in (
            ("move.home", {}),
            ("move.drive", {"forward_mps": 1}),
            ("move.stop", {}),
            ("mission.load", {"mission": uuid7(stand.field.now()), "points": POINTS}),
        ):
            began_s = time.monotonic()
            assert stand.refused(name, **args) == "unsupported"
            assert time.monotonic() - began_s < 0.2
    assert "move.hold" not in stand.moving.unable()
    assert {"move.home", "move.drive", "move.stop"} <= stand.moving.unable()


def test_a_carrier_that_takes_no_orders_is_asked_for_nothing(tmp_path: Path) -> None:
    one = carrier("dog", *ALL, config={"commands": False})
    with running(one) as device:
        assert Stand(Field(tmp_path, SystemClock()), tmp_path, one, device).handlers == {}


def test_a_carrier_that_is_away_is_named(stand: Stand) -> None:
    stand.carrier.requests.closed()
    stand.carrier.health.last_error = "its plug is out"
    with pytest.raises(OrderRefusedError, match="dog is not there: its plug is out") as told:
        stand.do("move.hold")
    assert told.value.code == "wrong_state"


def two_carriers(tmp_path: Path, stack: ExitStack) -> tuple[Moving, Obedient, Obedient, Field]:
    """A dog, and a drone that flies a mission."""
    dog, drone = carrier("dog", *ALL), carrier("drone", *ALL)
    devices = [stack.enter_context(running(each)) for each in (dog, drone)]
    place = Field(tmp_path, SystemClock())
    settings = load(write_unit_file(tmp_path, "mqtt://127.0.0.1:1"), {}).settings
    settings = settings.model_copy(update={"state_dir": tmp_path})
    moving = Moving(settings, {"dog": dog, "drone": drone}, place.witness, place.clock)
    drone.note(state(0.0, mission="active", armed=True))
    return moving, *devices, place


def test_of_two_carriers_the_one_on_a_mission_is_held(tmp_path: Path) -> None:
    with ExitStack() as stack:
        moving, dog, drone, _ = two_carriers(tmp_path, stack)
        assert moving.controls()["move.hold"](None) == {"carriers": ["drone"]}  # type: ignore[arg-type]
        assert (len(dog.obeyed), len(drone.obeyed)) == (0, 1)


def test_another_carrier_does_not_move_because_the_first_is_away(tmp_path: Path) -> None:
    with ExitStack() as stack:
        moving, _, drone, _ = two_carriers(tmp_path, stack)
        moving.helm.taker(Drive).requests.closed()
        with pytest.raises(OrderRefusedError, match="dog is not there"):
            moving.helm.taker(Drive)
        assert drone.obeyed == []


# --- driving ---


def test_driving_goes_on_while_it_is_said_again_and_stops_a_second_later(guarded: Stand) -> None:
    for _ in range(3):
        guarded.do("move.drive", forward_mps=0.5)
        time.sleep(0.3)
    said_s = time.monotonic() - 0.3
    assert wait_for(lambda: STILL in guarded.device.orders(Drive), 3)

    times = [at for at, order in guarded.device.obeyed if order != STILL]
    assert max(b - a for a, b in pairwise(times)) < 0.45, "dog stops by itself"
    assert guarded.device.obeyed[-1][0] - said_s <= 1.1
    assert guarded.events() == ["dead_man"]


def test_the_loss_of_the_link_stops_at_once(guarded: Stand) -> None:
    guarded.moving.link(True)
    guarded.do("move.drive", turn_dps=20, max_on_s=2)
    lost_s = time.monotonic()
    guarded.moving.link(False)
    assert wait_for(lambda: STILL in guarded.device.orders(Drive), 3)
    assert guarded.device.obeyed[-1][0] - lost_s < 0.2
    assert guarded.events() == ["dead_man"]


@pytest.mark.parametrize("other", ["move.hold", "move.home", "move.stop"])
def test_any_other_order_ends_driving(guarded: Stand, other: str) -> None:
    guarded.do("move.drive", forward_mps=0.5, max_on_s=2)
    guarded.do(other)
    assert wait_for(lambda: STILL in guarded.device.orders(Drive), 3)
    drives = len(guarded.device.orders(Drive))
    time.sleep(0.3)
    assert len(guarded.device.orders(Drive)) == drives
    assert "dead_man" not in guarded.events()


def test_standing_still_is_no_dead_man(guarded: Stand) -> None:
    guarded.do("move.drive", forward_mps=0.5)
    guarded.do("move.drive")
    time.sleep(0.2)
    assert guarded.device.orders(Drive) == [Drive(forward_mps=0.5), STILL]
    assert guarded.events() == []


# --- the emergency stop ---


def test_the_state_is_told_at_once_when_a_carrier_changes_or_is_stopped(stand: Stand) -> None:
    looks: list[float] = []
    stand.moving.changed = lambda: looks.append(time.monotonic())
    stand.tells(mode="standing")
    stand.tells(mode="standing")
    assert len(looks) == 1, "nothing new"
    stand.tells(mode="walking")
    stand.do("move.stop")
    assert len(looks) == 3
    stand.moving.release("uid 1000")
    assert len(looks) == 4


def test_a_stop_stays_on_over_a_restart_until_it_is_released_on_the_spot(stand: Stand) -> None:
    stand.tells(mode="walking")
    name = load_mission(stand)
    stand.do("move.stop", reason="somebody is in its way")
    stand.restart()
    for order, args in (
        ("move.home", {}),
        ("move.drive", {"forward_mps": 1}),
        ("mission.start", {"mission": name}),
        ("move.posture", {"posture": "stand"}),
    ):
        assert stand.refused(order, **args) == "interlock"
    stand.do("move.hold")
    assert [found.code for found in moving_findings_of(stand)] == ["estop_on"]
    assert vehicle_of(stand.carrier).estop, "the hub sees it, though the carrier tells nothing"

    stand.moving.stop_held = lambda: "the button estop of board payload"
    with pytest.raises(OrderRefusedError, match="still pressed: let it go first"):
        stand.moving.release("uid 1000")
    stand.moving.stop_held = lambda: None
    stand.moving.release("uid 1000")
    assert len(stand.device.orders(ReleaseStop)) == 1
    stand.do("move.home")
    assert moving_findings_of(stand) == []
    assert vehicle_of(stand.carrier).estop is None
    assert stand.events() == ["estop_released"]


def moving_findings_of(stand: Stand) -> list[Any]:
    return moving_findings(stand.moving)


@pytest.mark.parametrize("left", [0, 7, 20])
def test_a_stop_that_can_no_longer_be_read_is_still_on(stand: Stand, left: int) -> None:
    stand.do("move.stop")
    path = stand.folder / MOVES_FILE
    path.write_bytes(path.read_bytes()[:left])
    stand.restart()

    with pytest.raises(OrderRefusedError, match="emergency stop is on"):
        stand.do("move.drive", forward_mps=0.3)
    assert {each.code for each in moving_findings(stand.moving)} >= {"estop_on", "moves_not_stored"}
    stand.moving.release("uid 1000")
    stand.restart()
    stand.do("move.drive", forward_mps=0.3)


def test_a_stop_of_the_carrier_itself_counts_too(stand: Stand) -> None:
    stand.tells(estop=True)
    assert stand.refused("move.drive", forward_mps=1) == "interlock"


def test_what_flies_may_return_though_it_was_stopped(tmp_path: Path) -> None:
    with running(one := carrier("drone", *ALL, flies=True)) as device:
        stand = Stand(Field(tmp_path, SystemClock()), tmp_path, one, device)
        stand.do("move.stop")
        stand.do("move.home")
        assert stand.refused("move.drive", forward_mps=1) == "interlock"


def test_a_stop_that_is_not_obeyed_is_told_and_still_latched(stand: Stand) -> None:
    stand.device.refuses[EmergencyStop] = "busy"
    with pytest.raises(OrderFailedError, match="did not stop: dog"):
        stand.do("move.stop")
    assert stand.refused("move.drive", forward_mps=1) == "interlock"
    assert stand.events() == ["estop"]


def test_a_stop_while_it_is_away_is_latched_and_reaches_it_when_it_is_back(stand: Stand) -> None:
    stand.carrier.requests.closed()
    with pytest.raises(OrderFailedError, match="did not stop: dog"):
        stand.do("move.stop")
    assert stand.device.orders(EmergencyStop) == []
    stand.carrier.requests.opened()
    assert stand.carrier.abilities is not None
    stand.moving.hear("dog", stand.carrier.abilities)
    assert wait_for(lambda: len(stand.device.orders(EmergencyStop)) == 1)
    assert stand.refused("move.drive", forward_mps=1) == "interlock"


def test_what_flies_home_is_not_stopped_again_by_a_line_that_flickers(tmp_path: Path) -> None:
    with running(one := carrier("drone", *ALL, flies=True)) as device:
        stand = Stand(Field(tmp_path, SystemClock()), tmp_path, one, device)
        stand.do("move.stop")
        assert one.abilities is not None
        stand.moving.hear("drone", one.abilities)
        stand.do("move.home")  # answered after whatever was asked before it
        assert len(device.orders(EmergencyStop)) == 1


def test_a_carrier_that_was_away_does_not_drive_on_when_it_is_back(guarded: Stand) -> None:
    guarded.do("move.drive", forward_mps=0.5, max_on_s=2.0)
    guarded.carrier.requests.closed()
    assert wait_for(lambda: guarded.events() == ["dead_man"])
    guarded.carrier.requests.opened()
    before = len(guarded.device.orders(Drive))
    time.sleep(0.5)
    assert len(guarded.device.orders(Drive)) == before


def test_a_guard_that_fails_leaves_nothing_moving(stand: Stand) -> None:
    def fails() -> None:
        if stand.device.orders(Drive):
            raise RuntimeError("a bug of ours")

    stand.do("move.drive", forward_mps=0.5, max_on_s=2.0)
    assert wait_for(lambda: bool(stand.device.orders(Drive)))
    with pytest.raises(RuntimeError):
        stand.moving.works()["moving.guard"](fails, threading.Event())
    assert wait_for(lambda: stand.device.orders(Drive)[-1] == STILL)
    assert stand.events() == ["dead_man"]


@pytest.mark.parametrize(
    ("flies", "told", "busy"),
    [
        (True, {"armed": True}, True),
        (True, {"armed": False}, False),
        (False, {"armed": True}, False),
        (False, {"armed": True, "mission": "active"}, True),
    ],
)
def test_when_what_carries_the_unit_must_not_be_disturbed(
    tmp_path: Path, flies: bool, told: dict[str, Any], busy: bool
) -> None:
    with running(one := carrier("it", *ALL, flies=flies)) as device:
        stand = Stand(Field(tmp_path, SystemClock()), tmp_path, one, device)
        stand.tells(**told)
        assert (stand.moving.why_busy() is not None) is busy
