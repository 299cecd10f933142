"""Zones from GeoJSON and the unit file: what is read, and what is said of what cannot be."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.crs import gcj02_of
from config.zones import ZonesConfig
from perception.zones.zone_check import looks_shifted
from perception.zones.zone_file import load_zones, survey
from perception.zones.zones import ZoneError
from tests.rules.scenes import FRAME, square

LAT, LON = 35.40, 116.60


def box(
    east_m: float = 0.0, north_m: float = 0.0, side_m: float = 20.0, *, closed: bool = True
) -> list[list[float]]:
    half = side_m / 2
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    ring = [list(FRAME.to_degrees(east_m + x, north_m + y))[::-1] for x, y in corners]
    return [*ring, ring[0]] if closed else ring


def feature(name: Any = "yard", ring: Any = None, shape: str = "Polygon", **more: Any) -> Any:
    ring = box() if ring is None else ring
    coordinates = [ring] if shape == "Polygon" else ring
    geometry = {"type": shape, "coordinates": coordinates}
    return {"type": "Feature", "properties": {"name": name, **more}, "geometry": geometry}


def written(folder: Path, *features: Any, crs: Any = "wgs84") -> Path:
    path = folder / "zones.geojson"
    document = {"type": "FeatureCollection", "crs": crs, "features": list(features)}
    path.write_text(json.dumps({k: v for k, v in document.items() if v is not None}, indent=1))
    return path


def faults(path: Path) -> list[str]:
    found = survey(ZonesConfig(files=(path,)), ["front"]).faults
    return [f"{each.severity}: {each}".replace(f"{path.parent}/", "") for each in found]


def test_zones_of_every_kind_are_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        feature(),
        feature("road", kind="carriageway"),
        feature("bus_lane", box(40), kind="lane", direction_deg=90),
        feature("gate", box()[:2], "LineString"),
    )

    zones = load_zones(ZonesConfig(files=(path,)), [])

    assert [(zone.name, zone.kind, zone.direction_deg) for zone in zones] == [
        ("yard", "area", None), ("road", "carriageway", None), ("bus_lane", "lane", 90.0),
        ("gate", "line", None),
    ]  # fmt: skip
    assert zones[0].points.shape == (4, 2)
    assert zones[0].where == f"{path}:5"


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_coordinates_become_wgs84_once(tmp_path: Path, crs: str) -> None:
    from config.crs import bd09_of

    there = [gcj02_of((lon, lat)) for lon, lat in box()]
    if crs == "bd09":
        there = [bd09_of(point) for point in there]

    (zone,) = load_zones(ZonesConfig(files=(written(tmp_path, feature(ring=there), crs=crs),)), [])

    assert np.abs(zone.points - np.array(box()[:-1])).max() < 1e-8


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (feature(ring=[]), "error: zones.geojson:5: yard has 0 corners, which is nothing"),
        (feature(ring=box()[:2]), "yard has 2 corners"),
        (feature(ring=[[116.6, 35.4]] * 5), "corners, which is nothing; draw it anew"),
        (feature(ring=[box()[i] for i in (0, 2, 1, 3, 0)]), "error: zones.geojson:5: yard crosses"),
        (feature(ring=box(closed=False)), "warning: zones.geojson:5: yard is not closed"),
        (feature(ring=[[b, a] for a, b in box()]), "error: zones.geojson:5: yard is not on earth"),
        (feature(ring=box(side_m=30_000)), "warning: zones.geojson:5: yard is 42 km across"),
        (feature(ring=box(side_m=300_000)), "error: zones.geojson:5: yard is 428 km across"),
        (feature(ring=box(side_m=0.5)), "warning: zones.geojson:5: yard has 0.25 m²"),
        (feature(ring=[["a", 1]]), "a corner is no pair"),
        (feature(ring="abc"), "a corner is no pair"),
        (feature(name="East Gate"), "has the name 'East Gate'; write a-z"),
        (feature(name=None), "has the name None"),
        (feature(kind="garden"), "'garden' is no kind; write area,"),
        (feature(kind="lane"), "a lane has a direction_deg"),
        (feature(kind="lane", direction_deg="north"), "write degrees from north"),
        (feature(kind="line"), "is of kind line, and drawn as a Polygon"),
        (feature(shape="MultiPolygon"), "yard is a MultiPolygon; draw a Polygon"),
        (feature(colour="red"), "warning: zones.geojson:5: yard: nothing is known of colour"),
        ({"type": "Feature"}, "zones.geojson:5: has no geometry"),
        (7, "zones.geojson:5: has no geometry"),
        (feature(ring=[[12.0, 54.0]] * 2 + [[12.1, 54.1]] * 2), "corners, which is nothing"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_name(tmp_path: Path, given: Any, said: str) -> None:
    told = faults(written(tmp_path, given))

    assert any(said in fault for fault in told), told


@pytest.mark.parametrize("crs", [None, "EPSG:4326", {"type": "name"}])
def test_a_file_must_say_its_crs(tmp_path: Path, crs: Any) -> None:
    (told,) = faults(written(tmp_path, feature(), crs=crs))

    assert '"gcj02" (from Amap' in told


def test_gcj02_outside_china_is_refused(tmp_path: Path) -> None:
    ring = [[12.0, 54.0], [12.01, 54.0], [12.01, 54.01], [12.0, 54.0]]

    (told,) = faults(written(tmp_path, feature(ring=ring), crs="gcj02"))

    assert "outside China" in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "zones.geojson:1: is no JSON"),
        ("[]", "zones.geojson:1: is no JSON: a { is missing"),
        ('{"crs": "wgs84"}', "is no FeatureCollection"),
        (
            '{"crs": "wgs84", "type": "FeatureCollection",\n\n"features": [}',
            "zones.geojson:3: is no",
        ),
        ('{"crs": "wgs84", "type": "FeatureCollection", "features": []}', "holds no zone"),
        ("[" * 100_000, "is no JSON"),
        ('{"a": ' + "[" * 100_000, "is nested too deeply"),
        ('{"crs": "wgs84", "type": "FeatureCollection", "features": 3}', "a [ is missing"),
    ],
)
def test_a_file_that_is_no_geojson_is_refused_by_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "zones.geojson"
    path.write_text(text)

    (told,) = faults(path)

    assert said in told


def test_a_file_that_is_not_there_or_is_a_folder_is_said(tmp_path: Path) -> None:
    assert "there is no such file" in faults(tmp_path / "none.geojson")[0]
    assert "is a folder; name the file in it" in faults(tmp_path)[0]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_it_crash(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "zones.geojson"
    path.write_bytes(data)

    assert faults(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["type", "properties", "geometry", "coordinates", "name", "kind"]), inner
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(JSON, JSON)
def test_no_feature_makes_it_crash(
    tmp_path_factory: pytest.TempPathFactory, any_feature: Any, ring: Any
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")

    assert faults(written(folder, any_feature))
    faults(written(folder, feature(ring=ring)))


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    (told,) = faults(written(tmp_path, feature(), feature(ring=box(100))))

    assert "yard is the name of a zone at" in told


def test_overlaps_and_gaps_of_one_kind_are_told(tmp_path: Path) -> None:
    road = {"kind": "carriageway"}
    (overlap,) = faults(written(tmp_path, feature("a", **road), feature("b", box(15), **road)))
    (gap,) = faults(written(tmp_path, feature("a", **road), feature("b", box(20.5), **road)))
    apart = faults(written(tmp_path, feature("a", **road), feature("b", box(40), **road)))
    touching = faults(written(tmp_path, feature("a", **road), feature("b", box(20), **road)))
    areas = faults(written(tmp_path, feature("a"), feature("b", box(15))))

    assert "a and b" in overlap
    assert "overlap in 100 m²" in overlap
    assert "a gap of 0.50 m" in gap
    assert apart == touching == areas == []


def test_a_crossing_of_nothing_is_told(tmp_path: Path) -> None:
    (told,) = faults(written(tmp_path, feature(kind="crossing")))

    assert "yard is a crossing of no carriageway" in told


def test_a_picture_zone_needs_its_camera() -> None:
    picture = {"door": {"camera": "rear", "points": [(0.1, 0.1), (0.5, 0.1), (0.5, 0.5)]}}
    config = ZonesConfig.model_validate({"picture": picture})

    with pytest.raises(ZoneError, match="there is no camera rear; there is: front"):
        load_zones(config, ["front"])
    (zone,) = load_zones(config, ["rear"])
    assert zone.camera == "rear"


def test_zones_of_the_wrong_system_are_noticed_by_where_the_unit_is() -> None:
    right = square()
    lon_lat = [gcj02_of((lon, lat)) for lon, lat in right.points.tolist()]
    wrong = square()
    object.__setattr__(wrong, "points", np.array(lon_lat))
    here, elsewhere = (LAT, LON), FRAME.to_degrees(300.0, 300.0)

    assert looks_shifted([wrong], *here)
    assert not looks_shifted([right], *here)
    assert not looks_shifted([wrong], *elsewhere)
    assert not looks_shifted([], *here)
    assert not looks_shifted([square()], 54.2, 12.1)  # nothing is shifted there
