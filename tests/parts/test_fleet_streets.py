"""Streets: from files of others, and made."""

import json
import tempfile
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.gnss.guard import distance_m
from edge.fleet.motion import NEVER_S, Walker
from edge.fleet.streets import Streets, StreetsError, grid, read_streets

LINE = {"type": "LineString", "coordinates": [[13.40, 52.52], [13.41, 52.52], [13.41, 52.53]]}


def read(content: object, folder: Path) -> Streets:
    path = folder / "streets.geojson"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_streets(path)


def test_lines_are_joined_where_they_meet(tmp_path: Path) -> None:
    other = {"type": "LineString", "coordinates": [[13.41, 52.52], [13.42, 52.52]]}
    features = [{"type": "Feature", "properties": None, "geometry": each} for each in (LINE, other)]
    streets = read({"type": "FeatureCollection", "features": features}, tmp_path)

    assert len(streets.places) == 4
    crossing = streets.places.index((52.52, 13.41))
    assert len(streets.neighbours(crossing)) == 3


@pytest.mark.parametrize(
    "content",
    [
        LINE,
        {"type": "MultiLineString", "coordinates": [LINE["coordinates"]]},
        {"type": "Feature", "geometry": LINE},
        {
            "type": "GeometryCollection",
            "geometries": [{"type": "Point", "coordinates": [0, 0]}, LINE],
        },
    ],
    ids=["line", "lines", "feature", "collection"],
)
def test_every_form_of_lines(content: dict[str, Any], tmp_path: Path) -> None:
    assert len(read(content, tmp_path).places) == 3


def test_a_route_file_is_a_street(tmp_path: Path) -> None:
    path = tmp_path / "beat.yaml"
    path.write_text(
        "crs: wgs84\nloop: true\nwaypoints:\n"
        "- {lat_deg: 52.0, lon_deg: 13.0}\n- {lat_deg: 52.1, lon_deg: 13.0}\n"
        "- {lat_deg: 52.1, lon_deg: 13.1}\n"
    )
    streets = read_streets(path)

    assert [len(streets.neighbours(number)) for number in range(3)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "is no JSON"),
        ("{" * 100_000, "is no JSON"),
        ('{"a":' * 100_000, "is no JSON"),
        ({"type": "Point", "coordinates": [1, 2]}, "holds no LineString"),
        ({"type": "LineString", "coordinates": [[1, 2]]}, "fewer than two"),
        ({"type": "LineString", "coordinates": [[1, 2], [1, 2]]}, "longer than a point"),
        ({"type": "LineString", "coordinates": [[1, 2], [2, 91]]}, "longitude first"),
        ({"type": "LineString", "coordinates": [[1, 2], ["1", 3]]}, "longitude first"),
        ({"type": "LineString", "coordinates": [[1, 2], [True, 3]]}, "longitude first"),
        ('{"type": "LineString", "coordinates": [[1, 2], [NaN, 3]]}', "longitude first"),
        (
            f'{{"type": "LineString", "coordinates": [[1, 2], [1{"0" * 400}, 3]]}}',
            "longitude first",
        ),
        ("", "the file is empty"),
        ("just words", "holds no route"),
    ],
    ids=str,
)
def test_what_is_no_street_is_told_with_a_cure(content: object, text: str, tmp_path: Path) -> None:
    with pytest.raises(StreetsError, match=text):
        read(content, tmp_path)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "coordinates", "features", "geometry", "geometries"]),
            inner | st.sampled_from(["LineString", "Feature", "FeatureCollection", "Point"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)


def told(data: bytes) -> str:
    """What a reader of these bytes hears: how many places, or what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "streets"
        path.write_bytes(data)
        try:
            return f"{len(read_streets(path).starts)} places"
        except StreetsError as error:
            return str(error)


@given(content=_JSON)
def test_any_json_is_streets_or_a_clear_error(content: object) -> None:
    assert told(json.dumps(content).encode())


@given(data=st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: b"{" + tail))
def test_any_bytes_are_streets_or_a_clear_error(data: bytes) -> None:
    assert told(data)


_PLACE = st.tuples(st.floats(-85, 85), st.floats(-180, 180))


@given(lines=st.lists(st.lists(_PLACE, min_size=2, max_size=6).map(tuple), min_size=1, max_size=6))
def test_every_place_has_a_neighbour_that_has_it_too(lines: list[tuple[Any, ...]]) -> None:
    try:
        streets = Streets(lines)
    except StreetsError:
        return  # all points of a line are the same
    for number in streets.starts:
        for other in streets.neighbours(number):
            assert other != number
            assert number in streets.neighbours(other)


def test_a_grid_has_the_size_it_is_asked_for() -> None:
    streets = grid((52.52, 13.405), blocks=4, block_m=100)

    assert len(streets.places) == 25
    assert streets.length_m == pytest.approx(2 * 5 * 400, rel=0.01)
    farthest = max(distance_m((52.52, 13.405), place) for place in streets.places)
    assert farthest == pytest.approx(200 * 2**0.5, rel=0.01)


@given(seed=st.integers(0, 2**32), speed_mps=st.floats(0.5, 20))
def test_a_walker_moves_at_its_speed_and_stays_on_the_streets(seed: int, speed_mps: float) -> None:
    streets = grid((52.52, 13.405), blocks=3)
    dice = Random(seed)
    walker = Walker(streets, dice.choice(streets.starts), dice)
    assert walker.corner_in_s(0.0) == NEVER_S
    walker.go(0.0, speed_mps)
    now_s, places = 0.0, [walker.place_at(0.0)]
    for _ in range(20):
        corner_s = walker.corner_in_s(now_s)
        if corner_s > 1:
            now_s += 1
        else:
            now_s += corner_s
            assert 0 <= walker.turn(now_s) <= 180
        places.append(walker.place_at(now_s))

    assert all(distance_m(a, b) <= speed_mps * 1.02 + 0.2 for a, b in pairwise(places))
    latitudes = sorted({place[0] for place in streets.places})
    assert latitudes[0] - 1e-6 <= places[-1][0] <= latitudes[-1] + 1e-6
