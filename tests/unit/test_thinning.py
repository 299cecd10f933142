"""A thinned track stays within its bound of the full one, in space and time, however often."""

import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.contract.wire_types import rfc3339_ms
from telemetry.outbox import quota as quota_module
from telemetry.outbox.quota import LAST_LEVEL, Quota, Sweep
from telemetry.outbox.rows import POSITIONS, Change, NewRow
from telemetry.outbox.store import Store
from telemetry.outbox.thinning import TrackPoint, surplus, track_point

WITHIN_M = 10.0
NEW_YEAR_S = 1_767_225_600.0  # 2026
EARTH_M = 6_371_009.0  # mean radius, IUGG: not the figure of the code under test


def away_m(point: TrackPoint, lat_deg: float, lon_deg: float, alt_m: float) -> float:
    """Haversine distance and height difference."""
    a, b = math.radians(point.lat_deg), math.radians(lat_deg)
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(lon_deg - point.lon_deg) / 2) ** 2
    flat_m = 2 * EARTH_M * math.asin(min(1.0, math.sqrt(half)))
    return math.hypot(flat_m, alt_m - (point.alt_m or 0.0))


def worst_m(full: Sequence[TrackPoint], left: Sequence[TrackPoint]) -> float:
    """How far any point of the full track is from where the rest puts the unit at its time."""
    worst = 0.0
    legs = iter(pairwise(left))
    here, after = next(legs)
    for point in full:
        while point.time_s > after.time_s:
            here, after = next(legs)
        span_s = after.time_s - here.time_s
        share = (point.time_s - here.time_s) / span_s if span_s else 0.0
        turn_deg = (after.lon_deg - here.lon_deg + 180.0) % 360.0 - 180.0
        lat_deg = here.lat_deg + share * (after.lat_deg - here.lat_deg)
        alt_m = (here.alt_m or 0.0) + share * ((after.alt_m or 0.0) - (here.alt_m or 0.0))
        worst = max(worst, away_m(point, lat_deg, here.lon_deg + share * turn_deg, alt_m))
    return worst


@st.composite
def tracks(draw: st.DrawFn) -> list[TrackPoint]:
    """Walks anywhere but at the poles, over the 180th meridian too, with stops and jumps."""
    lat_deg, lon_deg = draw(st.floats(-80, 80)), draw(st.floats(-180, 180))
    speed_m = st.floats(-40, 40)
    steps = draw(
        st.lists(
            st.tuples(
                st.floats(0.1, 30), speed_m, speed_m, st.floats(-3, 3), st.sampled_from("ggggd")
            ),
            min_size=3,
            max_size=80,
        )
    )
    east_m_per_deg = 111_000 * math.cos(math.radians(lat_deg))
    found, time_s, alt_m = [], 1.7e9, 0.0
    for number, (passed_s, north, east, up, source) in enumerate(steps, start=1):
        time_s += passed_s
        lat_deg += north * passed_s / 111_000
        lon_deg = (lon_deg + east * passed_s / east_m_per_deg + 180) % 360 - 180
        alt_m += up
        speed_mps = math.hypot(north, east) if number % 7 else 0.0
        found.append(TrackPoint(number, time_s, lat_deg, lon_deg, alt_m, speed_mps, source))
    return found


@given(tracks(), st.sampled_from([1.0, 10.0, 200.0]), st.booleans())
def test_what_is_left_tells_where_the_unit_was_at_each_time(
    track: list[TrackPoint], within_m: float, keep_marks: bool
) -> None:
    going = set(surplus(track, within_m, keep_marks=keep_marks))

    left = [point for point in track if point.sequence not in going]
    assert left[0] is track[0]
    assert left[-1] is track[-1]
    assert worst_m(track, left) <= within_m


def line(count: int) -> list[TrackPoint]:
    """East at 10 m/s, one point a second."""
    return [TrackPoint(n, float(n), 0.0, n * 10 / 111_319.5, None, 10.0) for n in range(count)]


def test_a_straight_ride_needs_only_its_ends() -> None:
    assert surplus(line(400), 1.0, keep_marks=True) == list(range(1, 399))


def test_time_counts_not_only_place() -> None:
    """The same straight road, but a minute's stop on it (no speed told)."""
    track = [
        TrackPoint(p.sequence, p.time_s + (60 if p.sequence > 50 else 0), p.lat_deg, p.lon_deg)
        for p in line(100)
    ]
    left = set(range(100)) - set(surplus(track, WITHIN_M, keep_marks=True))
    assert {50, 51} <= left


def test_starts_stops_and_changes_of_source_stay() -> None:
    track = [
        TrackPoint(p.sequence, p.time_s, p.lat_deg, p.lon_deg, None,
                   0.1 if 20 <= p.sequence < 30 else 10.0,
                   "dead_reckoning" if 60 <= p.sequence < 70 else "gnss")
        for p in line(100)
    ]  # fmt: skip
    left = set(range(100)) - set(surplus(track, 1e4, keep_marks=True))
    assert left == {0, 20, 30, 59, 60, 69, 70, 99}
    assert set(surplus(track, 1e4, keep_marks=False)) == set(range(1, 99))


def test_a_receiver_that_trembles_at_a_red_light_makes_no_marks() -> None:
    trembling = [
        TrackPoint(p.sequence, p.time_s, p.lat_deg, p.lon_deg, None, 0.4 + 0.5 * (p.sequence % 2))
        for p in line(100)
    ]
    assert len(surplus(trembling, 1.0, keep_marks=True)) == 98


def test_over_a_clock_set_back_nothing_is_interpolated() -> None:
    track = line(50) + [
        TrackPoint(50 + p.sequence, p.time_s, p.lat_deg, p.lon_deg) for p in line(50)
    ]
    left = set(range(100)) - set(surplus(track, 1.0, keep_marks=True))
    assert left == {0, 49, 50, 99}


@pytest.mark.parametrize(
    "body",
    [b"", b"}", b'"time":"x","data":{}', b'"time":"2026-01-01T00:00:00Z","data":[]',
     b'"time":"2026-01-01T00:00:00Z","data":{"lat_deg":1,"lon_deg":null,"source":"gnss"}',
     b'"time":5,"data":{"lat_deg":1,"lon_deg":2,"source":"gnss"}'],
)  # fmt: skip
def test_what_is_no_position_is_no_point(body: bytes) -> None:
    assert track_point(1, body) is None


def body_of(point: TrackPoint) -> bytes:
    data = {"lat_deg": point.lat_deg, "lon_deg": point.lon_deg, "source": point.source,
            "alt_msl_m": point.alt_m, "speed_mps": point.speed_mps}  # fmt: skip
    stamp = rfc3339_ms(datetime.fromtimestamp(point.time_s, UTC))
    return f'"time":"{stamp}","data":{json.dumps(data)}'.encode()


def stored_track(store: Store) -> list[TrackPoint]:
    found = [track_point(row.sequence, row.body) for row in store.read(POSITIONS, 0, 2**62, 10**6)]
    return [point for point in found if point is not None]


@given(st.integers(0, 2**32), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_the_bound_holds_over_many_sweeps_restarts_and_new_positions(
    tmp_path_factory: pytest.TempPathFactory, seed: int, levels: int
) -> None:
    """The errors of the sweeps add up to no more than the tolerance that is told."""
    chance = random.Random(seed)
    store = Store.open(tmp_path_factory.mktemp("thin") / "outbox.db", 8 * 2**20)
    full: list[TrackPoint] = []
    lat_deg, lon_deg, course, time_s = 50.0, 8.0, 0.0, NEW_YEAR_S
    quota = Quota(store, WITHIN_M, store.counters())
    while True:
        for _ in range(chance.randrange(2, 200)):
            course += chance.gauss(0, 0.3)
            time_s += chance.choice((1.0, 1.0, 5.0))
            lat_deg += 12 * math.cos(course) / 111_319
            lon_deg += 12 * math.sin(course) / 71_000
            full.append(TrackPoint(len(full) + 1, time_s, lat_deg, lon_deg, None, 12.0))
            row = NewRow(POSITIONS, "position", "id", 0, body_of(full[-1]))
            store.commit(Change(put=[row]))
        quota.changed([0, 0, 0, len(stored_track(store)), 0], [])
        for _ in range(3):
            _, change = quota._thin()
            if change:
                store.commit(change)
            quota.tidy(change)
        left = stored_track(store)
        assert left[0].sequence == 1
        assert left[-1].sequence == len(full)
        if quota.tolerance_m:
            assert worst_m(full, left) <= quota.tolerance_m
        if Sweep.of(store.counters()).level > levels or len(full) > 3000:
            break
        if chance.random() < 0.3:
            # A restart, perhaps configured anew: this track keeps the bound it began with.
            quota = Quota(store, WITHIN_M / chance.choice((1, 1, 4)), store.counters())
    store.close()


def test_counters_that_damage_has_changed_break_nothing() -> None:
    wild = Sweep.of({"thin.level": 2**52, "thin.cursor": -5, "thin.within_mm": 10_000})
    assert (wild.level, wild.cursor) == (LAST_LEVEL, 0)
    assert math.isfinite(wild.tolerance_m)


def test_the_last_level_is_wider_than_the_earth() -> None:
    assert replace(Sweep.first(WITHIN_M), level=LAST_LEVEL).tolerance_m > 2e7
    assert quota_module.TRIM_TO < quota_module.TRIM_AT < min(quota_module.TAKEN_BELOW)


def test_real_rides_stay_within_their_bound() -> None:
    from tests.shared_data import SHARED

    logs = sorted(Path(SHARED / "data/nmea/gpsd").glob("*.log"))
    if not logs:
        pytest.skip("needs the shared recordings (data/nmea/gpsd), which are not on this machine")
    rides, before, after = 0, 0, 0
    for log in logs:
        track = nmea_track(log)
        if len(track) < 20:
            continue
        going = set(surplus(track, WITHIN_M, keep_marks=True))
        left = [point for point in track if point.sequence not in going]
        assert worst_m(track, left) <= WITHIN_M, log.name
        rides, before, after = rides + 1, before + len(track), after + len(left)
    assert rides > 5
    assert after < before / 5, f"{rides} rides: {before} positions, {after} left"


def nmea_track(log: Path) -> list[TrackPoint]:
    """The first stretch of GGA sentences whose times go on."""
    found: list[TrackPoint] = []
    for text in log.read_bytes().decode("ascii", "replace").splitlines():
        fields = text.partition("*")[0].split(",")
        if not text.startswith("$") or fields[0][3:] != "GGA" or len(fields) < 10:
            continue
        if not (fields[1] and fields[2] and fields[4] and fields[6] not in ("", "0")):
            continue
        clock = float(fields[1])
        time_s = clock // 10000 * 3600 + clock // 100 % 100 * 60 + clock % 100
        if found and time_s <= found[-1].time_s:
            continue
        lat, lon = (float(part) for part in (fields[2], fields[4]))
        lat_deg = (lat // 100 + lat % 100 / 60) * (-1 if fields[3] == "S" else 1)
        lon_deg = (lon // 100 + lon % 100 / 60) * (-1 if fields[5] == "W" else 1)
        alt_m = float(fields[9]) if fields[9] else None
        found.append(TrackPoint(len(found) + 1, time_s, lat_deg, lon_deg, alt_m))
    return found
