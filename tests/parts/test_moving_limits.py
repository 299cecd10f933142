"""The unit's own fence and its battery rule: breach, order, report, and the pilot's last word."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.crs import gcj02_of
from config.fence import FenceConfig
from config.loading import load
from drivers.clock import SystemClock
from drivers.platforms.orders import (
    Drive,
    EmergencyStop,
    GoHome,
    Hold,
    LoadMission,
    StartMission,
    Waypoint,
)
from drivers.samples import Attitude, Battery, FixKind, GnssEpoch
from edge.body.carrier import Carrier
from edge.moving.fence import Fence
from edge.moving.moving import Moving
from edge.reporting.moving_findings import limit_findings
from perception.place.frame import LocalFrame
from telemetry.commands.handling import OrderRefusedError
from telemetry.contract.events import BodyEvent
from tests.carriers import Obedient, carrier, running, state
from tests.e2e.unit_process import write_unit_file
from tests.finders import Field
from tests.unit_under_test import wait_for

LAT, LON = 36.65, 117.12
FRAME = LocalFrame.at(LAT, LON)
CIRCLE = {"crs": "wgs84", "centre": [LON, LAT], "radius_m": 100, "max_height_m": 60}
ALL = (LoadMission, StartMission, Hold, GoHome, Drive, EmergencyStop)


def place(east_m: float, north_m: float) -> tuple[float, float]:
    return FRAME.to_degrees(east_m, north_m)


@dataclass
class Sky:
    """A drone with a fence, that tells where it is; the guard at work."""

    field: Field
    moving: Moving
    carrier: Carrier
    device: Obedient
    stack: ExitStack = field(default_factory=ExitStack)

    def hear(self, sample: Any) -> None:
        self.carrier.note(sample)
        self.moving.hear("drone", sample)

    def is_at(self, east_m: float, north_m: float = 0.0) -> None:
        lat, lon = place(east_m, north_m)
        mono_s = self.field.clock.mono_s()
        self.hear(GnssEpoch(mono_s=mono_s, utc=None, fix=FixKind.FIX_3D, lat_deg=lat, lon_deg=lon))

    def is_high(self, height_m: float) -> None:
        self.hear(Attitude(mono_s=self.field.clock.mono_s(), height_m=height_m))

    def has(self, percent: float | None, **told: Any) -> None:
        self.hear(Battery(mono_s=self.field.clock.mono_s(), percent=percent, **told))

    def obeys(self, kind: type, count: int = 1, within_s: float = 1.0) -> bool:
        return wait_for(lambda: len(self.device.orders(kind)) == count, within_s)

    def events(self) -> list[str]:
        self.moving.tales.tell()
        return [event.what for event in self.field.told(BodyEvent)]

    def codes(self) -> list[str]:
        return [found.code for found in limit_findings(self.moving)]


def open_sky(tmp_path: Path, stack: ExitStack, **config: Any) -> Sky:
    settings = load(write_unit_file(tmp_path, "mqtt://127.0.0.1:1"), {}).settings
    settings = settings.model_copy(update={"state_dir": tmp_path})
    one = carrier("drone", *ALL, flies=True, config=config)
    device = stack.enter_context(running(one))
    world = Field(tmp_path, SystemClock())
    moving = Moving(settings, {"drone": one}, world.witness, world.clock)
    stop = threading.Event()
    guard = threading.Thread(target=moving.works()["moving.guard"], args=(lambda: None, stop))
    guard.start()
    stack.callback(guard.join)
    stack.callback(stop.set)
    sky = Sky(world, moving, one, device)
    sky.hear(state(world.clock.mono_s(), armed=True))
    return sky


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


# --- the fence ---


def test_a_breach_is_told_and_answered_within_a_second_once(
    tmp_path: Path, stack: ExitStack
) -> None:
    sky = open_sky(tmp_path, stack, fence=CIRCLE)
    sky.is_at(90)
    assert sky.events() == []
    began_s = time.monotonic()
    sky.is_at(110)
    assert sky.obeys(GoHome)
    assert time.monotonic() - began_s < 1.0
    for east in (111, 112, 113):
        sky.is_at(east)
    time.sleep(0.1)
    assert sky.obeys(GoHome), "the pilot has the last word"
    assert sky.events() == ["fence_breached", "returning"]
    assert sky.codes() == ["fence_breached"]
    assert b"fence_breached" in sky.field.disk()


def test_a_breach_ends_after_a_while_inside_and_the_next_one_counts_again(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.moving.limits.INSIDE_S", 0.1)
    sky = open_sky(tmp_path, stack, fence=CIRCLE)
    sky.is_at(110)
    assert sky.obeys(GoHome)
    sky.is_at(50)
    sky.is_at(110)
    sky.is_at(50)
    time.sleep(0.15)
    sky.is_at(50)
    assert sky.codes() == []
    sky.is_at(110)
    assert sky.obeys(GoHome, 2)


def test_too_high_is_a_breach_too(tmp_path: Path, stack: ExitStack) -> None:
    sky = open_sky(tmp_path, stack, fence=CIRCLE | {"on_breach": "hold"})
    sky.is_high(59)
    sky.is_high(64)
    assert sky.obeys(Hold)
    assert "64 m high, 60 m are allowed" in limit_findings(sky.moving)[0].text


def test_what_only_tells_orders_nothing(tmp_path: Path, stack: ExitStack) -> None:
    sky = open_sky(tmp_path, stack, fence=CIRCLE | {"on_breach": "tell"})
    sky.is_at(200)
    assert wait_for(lambda: sky.events() == ["fence_breached"], 1)
    assert sky.device.obeyed == []


def test_the_autopilots_own_fence_is_told_and_left_to_it(tmp_path: Path, stack: ExitStack) -> None:
    sky = open_sky(tmp_path, stack)
    sky.hear(state(sky.field.clock.mono_s(), armed=True, fence_breached=True))
    assert wait_for(lambda: sky.events() == ["fence_breached"], 1)
    assert sky.codes() == ["fence_breached"]
    assert sky.device.obeyed == []
    with pytest.raises(OrderRefusedError, match="own fence"):
        sky.moving.helm.taker(StartMission)


def test_what_stands_with_its_motors_off_is_ordered_nothing(
    tmp_path: Path, stack: ExitStack
) -> None:
    sky = open_sky(tmp_path, stack, fence=CIRCLE)
    sky.hear(state(sky.field.clock.mono_s(), armed=False))
    sky.is_at(200)
    time.sleep(0.1)
    assert sky.device.obeyed == []


def test_an_order_that_is_refused_is_given_again_and_told(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.moving.limits.AGAIN_S", 0.1)
    sky = open_sky(tmp_path, stack, fence=CIRCLE)
    sky.device.refuses[GoHome] = "it cannot do that now"
    sky.is_at(110)
    assert wait_for(lambda: "return_refused" in sky.codes(), 1)
    del sky.device.refuses[GoHome]
    time.sleep(0.15)
    sky.is_at(111)
    assert wait_for(lambda: sky.codes() == ["fence_breached"], 1)
    assert sky.events() == ["fence_breached", "returning"]


def test_driving_ends_at_the_fence_and_does_not_begin_outside(
    tmp_path: Path, stack: ExitStack
) -> None:
    sky = open_sky(tmp_path, stack, fence=CIRCLE)
    sky.moving.driving.want(sky.carrier, Drive(forward_mps=3), 2.0)
    sky.is_at(110)
    assert sky.obeys(GoHome)
    drives = len(sky.device.orders(Drive))
    time.sleep(0.5)
    assert len(sky.device.orders(Drive)) == drives, "nothing drives against the return"
    for order in (Drive, StartMission):
        with pytest.raises(OrderRefusedError, match="bring it home first"):
            sky.moving.helm.taker(order)
    sky.moving.helm.taker(GoHome)


def test_a_mission_that_leaves_the_fence_is_refused(tmp_path: Path, stack: ExitStack) -> None:
    sky = open_sky(tmp_path, stack, fence=CIRCLE)

    def mission(*points: tuple[float, float, float]) -> tuple[Waypoint, ...]:
        spots = [(*place(east, north), height) for east, north, height in points]
        return tuple(Waypoint(lat_deg=a, lon_deg=o, height_m=h) for a, o, h in spots)

    sky.moving.limits.allowed(sky.carrier, mission((0, 0, 30), (90, 0, 30)))
    for points, words in (
        (mission((0, 0, 30), (120, 0, 30)), "point 2 is 120 m from the middle"),
        (mission((0, 0, 90)), "point 1 is 90 m high"),
    ):
        with pytest.raises(OrderRefusedError, match=words):
            sky.moving.limits.allowed(sky.carrier, points)


# --- the battery ---


def test_a_low_battery_is_told_and_only_brought_home_where_that_was_set(
    tmp_path: Path, stack: ExitStack
) -> None:
    sky = open_sky(tmp_path, stack, home_percent=25)
    sky.has(26)
    sky.has(24)
    assert wait_for(lambda: sky.events() == ["battery_low"], 1)
    sky.has(23)
    assert sky.codes() == ["battery_low"]
    assert sky.device.obeyed == []


def test_a_low_battery_brings_it_home_once(tmp_path: Path, stack: ExitStack) -> None:
    sky = open_sky(tmp_path, stack, home_percent=25, home_when_low=True)
    sky.has(24)
    sky.has(27)  # noise around the limit is no recovery
    sky.has(24)
    assert sky.obeys(GoHome)
    time.sleep(0.1)
    assert sky.events() == ["battery_low", "returning"]


def test_cells_that_say_that_they_are_empty_count_whatever_the_percentage(
    tmp_path: Path, stack: ExitStack
) -> None:
    sky = open_sky(tmp_path, stack, home_percent=25, home_when_low=True)
    sky.has(80, cells_low=True)
    assert sky.obeys(GoHome)


def test_the_landed_drone_is_forgiven(tmp_path: Path, stack: ExitStack) -> None:
    sky = open_sky(tmp_path, stack, home_percent=25)
    sky.has(20)
    sky.hear(state(sky.field.clock.mono_s(), armed=False))
    assert sky.codes() == []


# --- the shape ---


def fence(**shape: Any) -> Fence:
    return Fence.of(FenceConfig.model_validate(shape))


@given(st.floats(-300, 300), st.floats(-300, 300))
def test_a_square_and_a_circle_hold_what_they_should(east_m: float, north_m: float) -> None:
    sides = [(-100, -100), (100, -100), (100, 100), (-100, 100)]
    corners = [place(*side)[::-1] for side in sides]
    lat, lon = place(east_m, north_m)
    away = max(abs(east_m), abs(north_m)) - 100
    if abs(away) > 0.5:
        assert (fence(crs="wgs84", points=corners).left(lat, lon) == "") == (away < 0)
    radius = (east_m**2 + north_m**2) ** 0.5 - 100
    if abs(radius) > 0.5:
        circle = fence(crs="wgs84", centre=(LON, LAT), radius_m=100)
        assert (circle.left(lat, lon) == "") == (radius < 0)


def test_a_way_through_a_notch_is_noticed() -> None:
    notched = [(-100, 0), (0, 0), (0, 60), (20, 60), (20, 0), (100, 0), (100, 100), (-100, 100)]
    corners = [place(*side)[::-1] for side in notched]
    shape = fence(crs="wgs84", points=corners)
    one, two = (Waypoint(lat_deg=a, lon_deg=o) for a, o in (place(-20, 30), place(50, 30)))
    assert shape.forbids((one,)) == ""
    assert "the way from point 1 to point 2" in shape.forbids((one, two))


def test_coordinates_of_a_shifted_map_are_shifted_back() -> None:
    lon, lat = gcj02_of((LON, LAT))
    shifted = fence(crs="gcj02", centre=(lon, lat), radius_m=5)
    assert shifted.left(LAT, LON) == ""
    assert fence(crs="wgs84", centre=(lon, lat), radius_m=5).left(LAT, LON)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"crs": "wgs84"}, "no limit yet"),
        ({"crs": "wgs84", "points": [(0, 0), (1, 1)]}, "three corners"),
        ({"crs": "wgs84", "centre": (0, 0)}, "a centre and a radius_m"),
        ({"crs": "gcj02", "centre": (2, 48), "radius_m": 9}, "outside China"),
        ({"crs": "wgs84", "centre": (36, 117), "radius_m": 9}, "longitude, latitude"),
    ],
    ids=["nothing", "two corners", "no radius", "not China", "swapped"],
)
def test_a_wrong_fence_is_told_with_its_cure(shape: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        FenceConfig.model_validate(shape)
