"""Chinese coordinates: known pairs, and back again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.crs import CrsError, bd09_of, gcj02_of, to_wgs84
from perception.place.frame import LocalFrame

INSIDE = st.tuples(st.floats(73.5, 135.0), st.floats(18.0, 53.5))


def apart_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    east_m, north_m = LocalFrame.at(a[1], a[0]).to_metres(b[1], b[0])
    return float((east_m**2 + north_m**2) ** 0.5)


@pytest.mark.parametrize(
    ("place", "shift_m"),
    [
        ((116.59, 35.41), 483),
        ((122.12, 37.51), 461),
        ((119.41, 35.99), 528),
        ((121.47, 31.23), 478),
    ],
)
def test_the_shift_is_that_of_known_cities(place: tuple[float, float], shift_m: float) -> None:
    """Jining, Weihai, Zhucheng, Shanghai; computed elsewhere."""
    assert apart_m(place, gcj02_of(place)) == pytest.approx(shift_m, abs=20)


def test_tiananmen_is_where_other_converters_put_it() -> None:
    wgs84 = (116.391305, 39.905527)  # eviltransform's and coordtransform's example, to 1e-6 degrees

    lon, lat = gcj02_of(wgs84)

    assert lon == pytest.approx(116.397546, abs=3e-6)
    assert lat == pytest.approx(39.906930, abs=3e-6)


@given(INSIDE)
def test_there_and_back_is_within_a_centimetre(place: tuple[float, float]) -> None:
    shifted = gcj02_of(place)
    assert apart_m(place, to_wgs84(shifted, "gcj02")) < 0.01
    assert apart_m(place, to_wgs84(bd09_of(shifted), "bd09")) < 0.01


def test_what_is_wgs84_stays_as_it_is() -> None:
    assert to_wgs84((116.4, 39.9), "wgs84") == (116.4, 39.9)
    assert to_wgs84((116.4, 39.9), "cgcs2000") == (116.4, 39.9)


@pytest.mark.parametrize("place", [(12.1, 54.2), (39.9, 116.4), (-74.0, 40.7)])
def test_outside_china_there_is_no_such_system(place: tuple[float, float]) -> None:
    assert gcj02_of(place) == place
    with pytest.raises(CrsError, match="outside China"):
        to_wgs84(place, "gcj02")
