"""The simulated receiver and its routes: what it says agrees with where it claims to go."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.gnss.guard import distance_m
from drivers.gnss.receiver import NmeaReceiver
from drivers.gnss.route import Route, RouteError, demo_route, read_route
from drivers.gnss.simulator import GnssSimulator, SimulatorPlan, paced
from drivers.samples import GnssEpoch

START = datetime(2026, 11, 22, 23, 59, 50, tzinfo=UTC)
DEMO = demo_route().route()


def epochs_of(plan: SimulatorPlan, count: int) -> tuple[list[GnssEpoch], dict[str, int]]:
    simulator = GnssSimulator(plan, START)
    receiver = NmeaReceiver(max_speed_mps=80.0, live=False)
    data = b"".join(simulator.burst() for _ in range(count))
    done = receiver.feed(data, 0.0) + receiver.finish()
    return [timed.epoch for timed in done], receiver.counters()


def test_what_it_says_is_read_back_in_full() -> None:
    epochs, counts = epochs_of(SimulatorPlan(route=DEMO, rate_hz=10), 300)
    assert len(epochs) == 300
    assert set(counts) == {"sentences", "epochs", "fixes"}
    assert epochs[150].utc == START + timedelta(seconds=15)  # over midnight
    for epoch in epochs:
        assert epoch.has_fix
        assert epoch.speed_mps == pytest.approx(5, abs=0.01)
        assert epoch.talkers == ("GB", "GN", "GP")
        assert epoch.error_m == pytest.approx(1.5 * 2**0.5, abs=0.01)
        assert epoch.hdop is not None
        assert epoch.satellites_used is not None
        assert epoch.satellites_in_view is not None
        assert epoch.satellites_in_view > epoch.satellites_used


def test_it_moves_as_fast_as_it_says_and_errs_as_much() -> None:
    plan = SimulatorPlan(route=Route(((52.0, 13.0), (52.2, 13.0)), loop=False), rate_hz=1)
    epochs, _ = epochs_of(plan, 600)
    places = [(epoch.lat_deg or 0, epoch.lon_deg or 0) for epoch in epochs]
    steps_m = [distance_m(one, other) for one, other in pairwise(places)]
    assert sum(steps_m) / len(steps_m) == pytest.approx(5, rel=0.05)
    assert max(steps_m) < 8
    simulator = GnssSimulator(plan, START)
    errors_m = []
    for place in places:
        errors_m.append(distance_m(place, simulator.truth().place))
        simulator.burst()
    assert 0.3 < sum(errors_m) / len(errors_m) < 5


def test_the_same_seed_gives_the_same_bytes() -> None:
    def data(seed: int) -> bytes:
        simulator = GnssSimulator(SimulatorPlan(route=DEMO, garbage=0.5, seed=seed), START)
        return b"".join(simulator.burst() for _ in range(50))

    assert data(1) == data(1) != data(2)


def test_in_an_outage_it_tells_no_place() -> None:
    epochs, _ = epochs_of(SimulatorPlan(route=DEMO, outages=((5, 3),)), 12)
    assert [epoch.has_fix for epoch in epochs] == [not 5 <= n < 8 for n in range(12)]


def test_damage_costs_sentences_but_makes_no_wrong_place() -> None:
    clean, _ = epochs_of(SimulatorPlan(route=DEMO, error_m=0), 500)
    damaged, counts = epochs_of(SimulatorPlan(route=DEMO, error_m=0, garbage=0.8), 500)
    assert counts["bad_checksum"] > 50
    assert counts["other_bytes"] > 1000
    right = {epoch.utc: (epoch.lat_deg, epoch.lon_deg) for epoch in clean}
    found = [epoch for epoch in damaged if epoch.has_fix]
    assert len(found) > 490
    assert all(right[epoch.utc] == (epoch.lat_deg, epoch.lon_deg) for epoch in found)


def test_at_the_end_of_its_way_it_stands() -> None:
    plan = SimulatorPlan(route=Route(((52.0, 13.0), (52.0001, 13.0)), loop=False), error_m=0)
    epochs, _ = epochs_of(plan, 10)
    assert epochs[-1].speed_mps == 0
    assert epochs[-1].course_deg is None
    assert epochs[-1].lat_deg == pytest.approx(52.0001)


def test_bursts_come_when_they_are_due() -> None:
    now_s = 50.0

    def wait(seconds: float) -> bool:
        nonlocal now_s
        now_s += seconds
        return now_s >= 52.0

    bursts = paced(GnssSimulator(SimulatorPlan(route=DEMO, rate_hz=4), START), lambda: now_s, wait)
    assert len(list(bursts)) == 8


# --- routes ----------------------------------------------------------------------------------


def test_a_route_over_the_date_line_goes_the_short_way() -> None:
    route = Route(((0.0, 179.9995), (0.0, -179.9995)), loop=False)
    assert route.length_m == pytest.approx(111.3, abs=0.5)
    assert abs(route.at(route.length_m / 2).place[1]) == pytest.approx(180)
    assert route.at(10).course_deg == pytest.approx(90)


@given(st.floats(0, 1e7))
def test_a_loop_is_never_left(way_m: float) -> None:
    lat_deg, lon_deg = DEMO.at(way_m).place
    assert 52.5169 <= lat_deg <= 52.5227
    assert 13.3796 <= lon_deg <= 13.3889


YAML = """\
crs: wgs84
loop: true
speed_mps: 1.4
waypoints:
  - {lat_deg: 52.0, lon_deg: 13.0}
  - {lat_deg: 52.001, lon_deg: 13.0}
"""
LINE = '{"type": "LineString", "coordinates": [[13.0, 52.0], [13.0, 52.001, 35.0]]}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "route"


@pytest.mark.parametrize(
    "text",
    [
        YAML,
        LINE,
        f'{{"type": "Feature", "properties": {{}}, "geometry": {LINE}}}',
        f'{{"type": "FeatureCollection", "features": [{{"type": "Feature", "geometry": {LINE}}}]}}',
    ],
    ids=["yaml", "line", "feature", "collection"],
)
def test_a_route_file(file: Path, text: str) -> None:
    file.write_text(text)
    read = read_route(file)
    assert read.route(loop=False).length_m == pytest.approx(111.32)
    assert read.waypoints[0].lat_deg == 52.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty; a route is crs: wgs84 and waypoints:"),
        ("[1, 2]", "holds no route; a route is"),
        ("waypoints: [{lat_deg: 52, lon_deg: 13}]", "crs is missing; add crs: wgs84"),
        ("crs: gcj02\nwaypoints: [{lat_deg: 52, lon_deg: 13}]", "wgs84"),
        ("crs: wgs84\nwaypoints: []", "waypoints: holds 0 places; give 1 to 10000"),
        ("crs: wgs84\nwaypoints: [3]", "write - lat_deg: 52.52"),
        ("crs: wgs84\nwaypoints: [{lat_deg: 52}]", "lon_deg is missing; add lon_deg: 13.405"),
        ("crs: wgs84\nwaypoints: [{lat_deg: 95, lon_deg: 13}]", "write a number from -85 to 85"),
        (
            "crs: wgs84\nwaypoints: [{lat: 52, lon_deg: 13}]",
            "this setting is in degrees: write lat_deg: 52",
        ),
        ('{"type": "LineString", "coordinates": [[13, 95], [13, 52]]}', "coordinate 1: longitude"),
        ('{"type": "LineString", "coordinates": [[13, 52], [true, 5]]}', "coordinate 2 is not two"),
        ('{"type": "LineString", "coordinates": [[13, 52]]}', "has 1 coordinates; give 2 to"),
        ('{"type": "Point", "coordinates": [13, 52]}', "LineString"),
        ('{"type": "FeatureCollection", "features": []}', "LineString"),
        ("a: [", "route"),
        ("\x00\x01", "route"),
    ],
)
def test_a_wrong_route_file_is_told_in_one_line(file: Path, text: str, told: str) -> None:
    file.write_text(text)
    with pytest.raises(RouteError) as error:
        read_route(file)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert "config init" not in str(error.value)
    assert "Field" not in str(error.value)


def test_a_missing_route_a_folder_and_a_film_are_told(file: Path, tmp_path: Path) -> None:
    with pytest.raises(RouteError, match="No such file"):
        read_route(file)
    with pytest.raises(RouteError, match="directory"):
        read_route(tmp_path)
    file.write_bytes(b"x" * 1_100_000)
    with pytest.raises(RouteError, match="not a route"):
        read_route(file)
