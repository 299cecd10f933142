"""What of an area was seen, against the union of polygons that a library computes."""

import math
import time

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from perception.place.frame import LocalFrame
from perception.search.area import MOST_CORNERS, AreaError, SearchedArea
from tests.finders import TOWN

FAN = np.array([[2.0, -1.5], [40.0, -25.0], [40.0, 25.0], [2.0, 1.5]])  # ahead of a unit, m


def square(side_m: float) -> list[tuple[float, float]]:
    corners = ((0, 0), (side_m, 0), (side_m, side_m), (0, side_m))
    return [TOWN.to_degrees(east, north) for east, north in corners]


def fan_at(east_m: float, north_m: float, course: float) -> NDArray[np.float64]:
    """What a unit sees that goes in this direction (radians from east)."""
    cos, sin = math.cos(course), math.sin(course)
    return np.asarray(FAN @ np.array([[cos, sin], [-sin, cos]]) + (east_m, north_m))


def drive(side_m: float, rate_hz: float, seconds: float = 120.0) -> list[NDArray[np.float64]]:
    """A unit that weaves through a square at 5 m/s."""
    found = []
    for step in range(int(seconds * rate_hz)):
        share = step / (seconds * rate_hz)
        slope = 0.3 * 6 * math.cos(6 * share) / 0.8
        east, north = side_m * (0.1 + 0.8 * share), side_m * (0.5 + 0.3 * math.sin(6 * share))
        found.append(fan_at(east, north, math.atan(slope)))
    return found


def as_shape(area: SearchedArea) -> shapely.Geometry:
    """The rings as a hub reads them: even-odd."""
    whole: shapely.Geometry = shapely.Polygon()
    for ring in area.rings():
        metres = [area.frame.to_metres(lat, lon) for lat, lon in ring]
        whole = whole.symmetric_difference(shapely.Polygon(metres).buffer(0))
    return whole


def truth_of(area: SearchedArea, footprints: list[NDArray[np.float64]]) -> shapely.Geometry:
    shift = area.frame.to_metres(*TOWN.to_degrees(0, 0))
    seen = shapely.unary_union([shapely.Polygon(each + shift) for each in footprints])
    return seen & shapely.Polygon(area.ring)


def iou(one: shapely.Geometry, other: shapely.Geometry) -> float:
    return float(one.intersection(other).area / one.union(other).area)


@pytest.mark.parametrize("rate_hz", [1, 10])
@pytest.mark.parametrize("side_m", [150, 600])
def test_the_searched_area_of_a_drive_is_the_union_of_its_footprints(
    side_m: float, rate_hz: float
) -> None:
    area, footprints = SearchedArea(square(side_m)), drive(side_m, rate_hz)
    for each in footprints:
        area.see(each, TOWN)
    truth = truth_of(area, footprints)

    assert iou(as_shape(area), truth) >= 0.95
    assert area.share == pytest.approx(truth.area / shapely.Polygon(area.ring).area, abs=0.003)
    assert sum(map(len, area.rings())) <= MOST_CORNERS


def test_each_picture_may_have_a_frame_of_its_own() -> None:
    one, other = SearchedArea(square(300)), SearchedArea(square(300))
    for footprint in drive(300, 1):
        one.see(footprint, TOWN)
        here = footprint.mean(axis=0)
        frame = LocalFrame.at(*TOWN.to_degrees(*here))
        other.see(footprint - here, frame)
    assert np.mean(one.seen_mask() != other.seen_mask()) < 0.002


def test_a_look_costs_little_and_no_more_after_a_long_patrol() -> None:
    area, footprints = SearchedArea(square(2000)), drive(2000, 10)
    times = []
    for each in footprints:
        began_s = time.thread_time()
        area.see(each, TOWN)
        times.append((time.thread_time() - began_s) * 1e3)
    assert np.median(times) < 5
    assert np.median(times[-200:]) < 5 * max(np.median(times[:200]), 0.1)


def test_a_hole_that_was_not_seen_is_told_as_one() -> None:
    area = SearchedArea(square(100))
    for low, high in (((0, 0), (100, 30)), ((0, 70), (100, 100)), ((0, 0), (30, 100)),
                      ((70, 0), (100, 100))):  # fmt: skip
        (x0, y0), (x1, y1) = low, high
        area.see(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], float), TOWN)
    assert area.share == pytest.approx(0.84, abs=0.01)
    assert len(area.rings()) == 2
    assert as_shape(area).area == pytest.approx(8400, rel=0.02)


@pytest.mark.parametrize("inside", [0, 1], ids=["holes", "islands"])
def test_a_thousand_holes_or_islands_come_to_an_end_and_fit_into_a_message(inside: int) -> None:
    area = SearchedArea(square(300))
    area._seen[:] = 1 - inside
    rows, columns = area._seen.shape
    for row in range(4, rows - 12, 30):
        for column in range(4, columns - 12, 30):
            area._seen[row : row + 10, column : column + 10] = inside
    area._seen &= area._inside

    rings = area.rings()
    assert 30 <= len(rings) <= 64
    assert sum(map(len, rings)) <= MOST_CORNERS


def test_an_outline_of_very_many_points_is_told_coarsely_and_in_its_place() -> None:
    area = SearchedArea(square(300))
    rows, columns = area._seen.shape
    speckled = np.random.default_rng(1).random((rows // 2, columns)) > 0.5
    area._seen[: rows // 2] &= speckled
    area._seen[rows // 2 :, : columns // 2] = area._inside[rows // 2 :, : columns // 2]

    rings = area.rings()
    assert sum(map(len, rings)) <= MOST_CORNERS
    east = [area.frame.to_metres(*point)[0] for point in _largest(rings)]
    assert max(east) - min(east) == pytest.approx(150, abs=3)


def test_nothing_seen_has_no_rings() -> None:
    area = SearchedArea(square(100))
    assert area.rings() == []
    assert area.share == 0
    assert not area.see(np.full((4, 2), np.nan), TOWN)
    assert not area.see(np.zeros((2, 2)), TOWN)
    assert area.see(FAN + 5000, TOWN), "far away is looked at, and adds nothing"
    assert area.share == 0


def test_a_unit_that_stands_adds_nothing_twice() -> None:
    area = SearchedArea(square(100))
    assert area.see(FAN, TOWN)
    assert not area.see(FAN + 0.01, TOWN)


def test_a_footprint_to_the_horizon_fills_what_it_holds() -> None:
    area = SearchedArea(square(100))
    wide = np.array([[-1e7, -1e7], [1e7, -1e7], [1e7, 1e7], [-1e7, 1e7]])
    area.see(wide, TOWN)
    assert area.share == 1


@pytest.mark.parametrize(
    "corners",
    [
        [(36.65, 117.0), (36.66, 117.01), (36.66, 117.0), (36.65, 117.01)],  # a bow tie
        [(36.65, 117.0), (36.65, 117.0), (36.65, 117.0)],
        [(36.65, 117.0), (36.66, 117.0), (36.67, 117.0)],
        [(36.0, 117.0), (38.0, 117.0), (38.0, 119.0)],  # 200 km
    ],
)
def test_areas_that_cannot_be_searched_are_refused(corners: list[tuple[float, float]]) -> None:
    with pytest.raises(AreaError):
        SearchedArea(corners)


def test_what_was_seen_survives_a_restart() -> None:
    area = SearchedArea(square(200))
    for each in drive(200, 1):
        area.see(each, TOWN)
    again = SearchedArea.of(square(200), area.packed())
    assert again.share == area.share
    other = SearchedArea(square(100))
    assert not other.unpack(area.packed())
    assert other.share == 0


@given(st.text(max_size=40))
@settings(max_examples=30)
def test_other_text_in_its_place_is_left_alone(text: str) -> None:
    area = SearchedArea(square(20))
    assert not area.unpack(text)
    assert area.share == 0


@given(
    st.lists(st.tuples(st.floats(-50, 150), st.floats(-50, 150)), min_size=3, max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_any_footprint_is_filled_as_even_odd_says(points: list[tuple[float, float]]) -> None:
    area = SearchedArea(square(100))
    area.see(np.array(points), TOWN)
    shift = area.frame.to_metres(*TOWN.to_degrees(0, 0))
    shape = shapely.Polygon(np.array(points) + shift)
    if shape.is_valid and shape.area > 200:
        truth = (shape & shapely.Polygon(area.ring)).area
        assert area.share * 1e4 == pytest.approx(truth, abs=30 + 0.02 * truth)


def test_an_area_over_the_date_line_is_as_large_as_any_other() -> None:
    corners = [(52.0, 179.999), (52.0, -179.999), (52.001, -179.999), (52.001, 179.999)]
    elsewhere = [(52.0, 9.999), (52.0, 10.001), (52.001, 10.001), (52.001, 9.999)]

    across, usual = SearchedArea(corners), SearchedArea(elsewhere)

    assert across.cells == pytest.approx(usual.cells, rel=0.02)
    assert across.holds(52.0005, 180.0)
    assert across.holds(52.0005, -179.9995)
    assert not across.holds(52.0005, 0.0)


def _largest(rings: list[list[tuple[float, float]]]) -> list[tuple[float, float]]:
    return max(rings, key=lambda ring: shapely.Polygon(ring).area)
