"""The published ellipses against the truth, in small; `tests.bench place` does it in full."""

import math

import numpy as np
import pytest

from perception.place.spread import MOST_SKEW, ellipse_of, widening
from tests.bench.bench_place import PLATFORMS
from tests.bench.place_trials import Platform, trials

SQRT_CHI2 = 2.4477


@pytest.mark.parametrize("platform", PLATFORMS[::2], ids=[one.name for one in PLATFORMS[::2]])
def test_about_95_of_100_errors_lie_in_their_ellipses(platform: Platform) -> None:
    outcome = trials(platform, poses=150, followed=10, seed=5)
    assert 0.92 < outcome.held() < 0.99
    assert np.median(outcome.lengths) <= np.median(outcome.plain) * 1.05


def test_an_ellipse_has_its_longer_axis_where_the_error_is() -> None:
    turn = math.radians(30)
    along = np.array([math.sin(turn), math.cos(turn)])
    across = np.array([along[1], -along[0]])
    covariance = 9 * np.outer(along, along) + 1 * np.outer(across, across)
    found = ellipse_of(covariance)
    assert (found.major_m, found.minor_m) == pytest.approx((3 * SQRT_CHI2, SQRT_CHI2), rel=1e-3)
    assert found.bearing_deg == pytest.approx(30)
    assert ellipse_of(np.diag((4.0, 1.0))).bearing_deg == pytest.approx(90)
    assert ellipse_of(np.diag((1.0, 4.0))).bearing_deg == pytest.approx(0)


@pytest.mark.parametrize("skew", [0.02, 0.1, 0.2])
def test_the_widened_axis_holds_95_of_100_ranges_by_an_angle(skew: float) -> None:
    random = np.random.default_rng(4)
    angle, across = random.normal(0, 1, (2, 200_000))
    truth, measured = 1.0, 1.0 + skew * angle  # 1 / range
    told = skew / measured**2 * widening(np.full(1, skew))[0]
    off = (1 / measured - 1 / truth) / told
    held = (off**2 + across**2 <= SQRT_CHI2**2)[measured > 0]
    assert held.mean() == pytest.approx(0.95, abs=0.005)


def test_the_widening_grows_with_the_skew_from_one() -> None:
    wider = widening(np.linspace(0, MOST_SKEW, 50))
    assert wider[0] == pytest.approx(1, abs=1e-3)
    assert (np.diff(wider) >= 0).all()
