"""The probability of being in a polygon, against draws of luck."""

import numpy as np
import pytest
import shapely

from perception.zones.probability import inside, owen
from perception.zones.zones import Plot, less, polygon, ring_edges
from tests.rules.scenes import FRAME, square

L_SHAPE = np.array([(0, 0), (10, 0), (10, 3), (3, 3), (3, 9), (0, 9)], np.float64)
DRAWS = 200_000


def drawn(ring: np.ndarray, point: np.ndarray, covariance: np.ndarray) -> float:
    """The share of draws inside, by the even-odd rule."""
    rng = np.random.default_rng(7)
    x, y = rng.multivariate_normal(point, covariance, DRAWS).T
    hits = np.zeros(DRAWS, bool)
    for (ax, ay), (bx, by) in ring_edges(ring):
        if ay != by:
            crosses = (ay > y) != (by > y)
            hits ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return float(hits.mean())


@pytest.mark.parametrize("seed", range(12))
def test_it_is_what_draws_of_luck_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    point = rng.uniform(-2, 11, 2)
    root = rng.normal(0, 1.5, (2, 2))
    covariance = root @ root.T + np.eye(2) * 0.01

    found = inside(ring_edges(L_SHAPE), point[None], covariance[None])[0]

    share = drawn(L_SHAPE, point, covariance)
    assert found == pytest.approx(share, abs=4 * np.sqrt(0.25 / DRAWS))


def test_well_known_cases_are_right_but_for_the_floor_of_a_centimetre() -> None:
    half = np.array([(0, -1e4), (1e4, -1e4), (1e4, 1e4), (0, 1e4)], np.float64)
    ones = np.eye(2)[None]

    def at(east_m: float) -> float:
        return float(inside(ring_edges(half), np.array([(east_m, 0.0)]), ones)[0])

    assert at(0.0) == pytest.approx(0.5, abs=2e-5)
    assert at(1.0) == pytest.approx(0.8413447461, abs=2e-5)
    assert at(-2.0) == pytest.approx(0.0227501319, abs=2e-5)
    assert at(0.001) == pytest.approx(0.5003989422, abs=2e-5)


def test_owens_function_has_its_known_values() -> None:
    """T(h, 1) is Φ(h)Φ(-h)/2; T(0, a) is atan(a)/2π (Owen 1956)."""
    heights = np.array((0.0, 0.5, 1.0, 2.0, 4.0))
    below = np.array([0.5, 0.6914624613, 0.8413447461, 0.9772498681, 0.9999683288])

    assert owen(heights, np.ones(5)) == pytest.approx(below * (1 - below) / 2, abs=1e-9)
    slopes = np.array((-30.0, -0.2, 0.0, 0.9, 1.1, 1e6))
    assert owen(np.zeros(6), slopes) == pytest.approx(np.arctan(slopes) / 2 / np.pi, abs=1e-9)
    assert owen(np.array([1.0]), np.array([2.5]))[0] == pytest.approx(_summed(1.0, 2.5), abs=1e-9)


def _summed(height: float, slope: float) -> float:
    x = np.linspace(0, slope, 200_001)
    values = np.exp(-(height**2) * (1 + x * x) / 2) / (1 + x * x) / (2 * np.pi)
    return float(np.trapezoid(values, x))


def test_a_position_without_error_is_in_or_out() -> None:
    plot = Plot.of(square(), FRAME.ring_to_metres(square().points))
    points = np.array([(4.5, 0.0), (5.5, 0.0)])

    assert inside(plot.edges, points, np.zeros((2, 2, 2))).tolist() == [1.0, 0.0]


def test_the_sense_of_a_ring_does_not_matter_and_a_hole_is_outside() -> None:
    zone, hole = square(side_m=10.0), square(side_m=4.0)
    ring, inner = (FRAME.ring_to_metres(each.points) for each in (zone, hole))
    ones = np.eye(2)[None] * 0.01
    for outer in (ring, ring[::-1]):
        for hollow in (inner, inner[::-1]):
            plot = Plot.of(zone, outer, [hollow])
            assert inside(plot.edges, np.zeros((1, 2)), ones)[0] == pytest.approx(0.0, abs=2e-5)
            assert inside(plot.edges, np.array([(3.5, 0.0)]), ones)[0] == pytest.approx(1.0)


def test_a_zone_that_another_one_cuts_in_two_is_both_pieces_with_their_holes() -> None:
    whole = Plot.of(square(), np.array([(-10, -10), (10, -10), (10, 10), (-10, 10)], np.float64))
    across = np.array([(-1, -20), (1, -20), (1, 20), (-1, 20)], np.float64)
    pond = np.array([(4, 4), (6, 4), (6, 6), (4, 6)], np.float64)
    others = [Plot.of(square("other"), each) for each in (across, pond)]

    left = polygon(Plot.of_rings(whole.zone, less(whole, others)))

    assert left.area == pytest.approx(400 - 40 - 4)
    assert left.contains(shapely.points([(-5, 0), (5, 0), (8, 8)])).all()
    assert not left.contains(shapely.points([(0, 0), (5, 5)])).any()
    nothing = polygon(Plot.of_rings(whole.zone, less(whole, [whole])))
    assert nothing.is_empty
