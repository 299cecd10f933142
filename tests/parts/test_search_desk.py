"""Searches from the command to their end: candidates, the searched area, the disk afterwards."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.models import Settings
from config.search import SearchConfig
from drivers.samples import FixKind, GnssEpoch
from edge.finders import Finders
from edge.reporting.finder_findings import search_findings
from edge.search.desk import MOST_SEARCHES, SearchDesk
from edge.search.record import SearchBook
from edge.tasks.memory import Memory
from telemetry.commands.handling import OrderFailedError, OrderRefusedError
from telemetry.contract.search import SearchEvent, SearchProgressEvent, SearchStart
from telemetry.contract.uuid7 import uuid7
from tests.finders import TOWN, Field, look, placed, world_track
from tests.person_pictures import person


def corners(side_m: float) -> list[dict[str, float]]:
    found = [TOWN.to_degrees(e, n) for e, n in ((0, 0), (side_m, 0), (side_m, side_m), (0, side_m))]
    return [{"lat_deg": lat, "lon_deg": lon} for lat, lon in found]


@dataclass
class Town:
    """A unit that searches, worked by hand."""

    field: Field
    config: SearchConfig

    def __post_init__(self) -> None:
        self.search = uuid7(self.field.now())
        self.restart()

    def restart(self) -> None:
        memory = Memory(self.field.folder / "search.json", SearchBook)
        self.desk = SearchDesk(self.config, memory, self.field.witness, self.field.clock)

    def wanted(self, **changes: Any) -> SearchStart:
        args: dict[str, Any] = {
            "search": self.search,
            "kind": "person",
            "upper": ["red"],
            "lower": ["black"],
            "area": corners(100),
            "expires_at": self.field.now() + timedelta(hours=2),
            "legal_basis": "missing child 77",
            "reason": "lost at the market",
        }
        return SearchStart.model_validate(args | changes)

    def walk_by(
        self,
        upper: str = "red",
        lower: str = "black",
        *,
        track: int = 1,
        looks: int = 5,
        at: tuple[float, float] | None = (50.0, 50.0),
        **scene: Any,
    ) -> None:
        for number in range(looks):
            self.field.clock.advance(0.5)
            stamp = self.field.clock.mono_s()
            picture, box = person(upper, lower, seed=number)
            where = {} if at is None else placed(*at)
            seen = world_track(track, "person", box, mono_s=stamp, **where)
            self.desk.see(look(picture, [seen], stamp, **scene))

    @property
    def candidates(self) -> list[SearchEvent]:
        return self.field.told(SearchEvent)

    @property
    def progress(self) -> list[SearchProgressEvent]:
        return self.field.told(SearchProgressEvent)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(Field(tmp_path), SearchConfig(enabled=True))
    yield town
    town.field.journal.close()


def test_who_is_like_the_description_is_told_once_with_all_that_a_human_needs(town: Town) -> None:
    town.desk.start(town.wanted(), "hub")
    town.walk_by("red", "black", looks=8)
    town.walk_by("blue", "white", track=2, looks=8)

    (event,) = town.candidates
    assert (event.phase, event.review, event.label, event.track) == ("new", "pending", "person", 1)
    assert event.score > 0.9
    assert 0 < event.score_error < 0.5
    assert event.matched == ("upper", "lower")
    assert event.inside is not None
    assert event.inside > 0.99
    assert event.place is not None
    assert event.legal_basis == "missing child 77"
    assert event.looks == 3


def test_it_is_updated_while_it_is_seen_and_ends_when_it_is_gone(town: Town) -> None:
    town.desk.start(town.wanted(), "hub")
    town.walk_by(looks=40)
    town.field.clock.advance(30)
    town.walk_by("green", "green", track=9, looks=1)

    phases = [event.phase for event in town.candidates]
    assert phases == ["new", "update", "end"]
    assert town.candidates[-1].reason == "left"
    assert len({event.episode for event in town.candidates}) == 1


def test_outside_of_the_area_nobody_is_a_candidate(town: Town) -> None:
    town.desk.start(town.wanted(), "hub")
    town.walk_by(at=(130, 50))
    town.walk_by(track=2, at=None)
    assert town.candidates == []


def test_without_a_place_it_counts_where_the_unit_itself_is(town: Town) -> None:
    town.desk.start(town.wanted(), "hub")
    lat_deg, lon_deg = TOWN.to_degrees(50, 50)
    epoch = GnssEpoch(
        mono_s=town.field.clock.mono_s(), utc=None, fix=FixKind.FIX_3D, lat_deg=lat_deg,
        lon_deg=lon_deg,
    )  # fmt: skip
    town.field.witness.whereabouts.note("main", epoch)
    town.walk_by(at=None)
    (event,) = town.candidates
    assert event.place is None
    assert event.inside is None
    assert event.pose is not None


def test_a_height_counts_where_the_picture_shows_one(town: Town) -> None:
    town.desk.start(town.wanted(height_min_m=1.0, height_max_m=1.4), "hub")
    for track, tall_m in ((1, 1.2), (2, 1.8)):
        for number in range(4):
            town.field.clock.advance(0.5)
            stamp = town.field.clock.mono_s()
            picture, box = person("red", "black", seed=number)
            seen = world_track(
                track, "person", box, mono_s=stamp, stature_m=(tall_m, 0.08), **placed(50, 50)
            )
            town.desk.see(look(picture, [seen], stamp))
    assert {event.track for event in town.candidates} == {1}
    assert set(town.candidates[0].matched) == {"upper", "lower", "height"}


def test_the_best_are_told_and_no_more_than_so_many(tmp_path: Path) -> None:
    town = Town(Field(tmp_path), SearchConfig(enabled=True, candidates_max=2))
    town.desk.start(town.wanted(upper=["red"], lower=[]), "hub")
    for track in range(1, 6):
        town.walk_by("red", "black", track=track)
    assert [event.phase for event in town.candidates] == ["new", "new"]
    assert town.desk.drops["outranked"] > 0


def test_the_searched_area_is_told_when_it_has_grown(town: Town) -> None:
    town.desk.start(town.wanted(), "hub")
    footprint = np.array([[0.0, 0.0], [50.0, 0.0], [50.0, 50.0], [0.0, 50.0]])
    town.walk_by("green", "green", looks=3, footprint=footprint)
    town.field.clock.advance(30)
    town.desk.tick()
    town.field.clock.advance(30)
    town.desk.tick()

    assert [event.phase for event in town.progress] == ["new", "update"]
    assert town.progress[-1].searched == pytest.approx(0.25, abs=0.01)
    assert len(town.progress[-1].rings) == 1
    assert town.progress[-1].looks == 3


def test_it_ends_by_itself_and_on_a_command(town: Town) -> None:
    town.desk.start(town.wanted(expires_at=town.field.now() + timedelta(minutes=10)), "hub")
    town.walk_by()
    town.field.clock.advance(600)
    town.desk.tick()
    assert town.candidates[-1].reason == "expired"
    assert (town.progress[-1].phase, town.progress[-1].reason) == ("end", "expired")
    town.walk_by(track=2)
    assert len(town.candidates) == 2, "nothing is looked for any more"

    town.desk.start(town.wanted(), "hub")
    town.walk_by(track=3)
    answer = town.desk.stop(town.search, "hub", "found")
    assert answer["candidates"] == 1
    assert town.candidates[-1].reason == "stopped"
    assert town.progress[-1].reason == "stopped"
    with pytest.raises(OrderRefusedError, match="no search of this name"):
        town.desk.stop(town.search, "hub")


@pytest.mark.parametrize("how", ["stopped", "expired", "expired while off"])
def test_nothing_of_a_search_that_is_over_is_on_the_disk(town: Town, how: str) -> None:
    town.desk.start(town.wanted(expires_at=town.field.now() + timedelta(minutes=10)), "hub")
    footprint = np.array([[0.0, 0.0], [50.0, 0.0], [50.0, 50.0], [0.0, 50.0]])
    town.walk_by(footprint=footprint)
    town.field.clock.advance(31)
    town.desk.tick()
    assert "search.json" in town.field.files()
    assert b'"upper":["red"]' in town.field.disk()
    assert town.candidates[0].episode.encode() not in town.field.disk(), "no candidate, ever"
    if how == "stopped":
        town.desk.stop(town.search, "hub")
    else:
        town.field.clock.advance(600)
        if how == "expired while off":
            town.restart()
        town.desk.tick()
    town.field.journal.close()

    # The journal alone says that there was a search, for whom, and by what right.
    assert {name for name in town.field.files() if not name.startswith("journal/")} == set()
    disk = town.field.disk()
    assert b'"upper"' not in disk
    assert b"search_started" in disk
    assert b"missing child 77" in disk


def test_nothing_of_a_search_is_left_by_a_kill_or_where_searching_was_turned_off(
    town: Town,
) -> None:
    town.desk.start(town.wanted(), "hub")
    half = town.field.folder / ".search.json.k1ll3d"  # as a kill leaves it
    half.write_bytes((town.field.folder / "search.json").read_bytes())
    town.restart()
    assert not half.exists()
    assert len(town.desk.status()) == 1

    half.write_bytes(b"{}")
    off = {"unit": {"id": "dog-1", "kind": "robot_dog"}, "state_dir": str(town.field.folder)}
    Finders.open(Settings.model_validate(off), town.field.clock, town.field.witness)
    assert {name for name in town.field.files() if "search" in name} == set()


def test_it_survives_a_restart_with_what_it_has_seen(town: Town) -> None:
    town.desk.start(town.wanted(), "hub")
    footprint = np.array([[0.0, 0.0], [50.0, 0.0], [50.0, 50.0], [0.0, 50.0]])
    town.walk_by("green", "green", footprint=footprint)
    town.field.clock.advance(31)
    town.desk.tick()
    town.restart()

    (told,) = town.desk.status()
    assert told["searched"] == pytest.approx(0.25, abs=0.01)
    town.walk_by(track=7)
    assert town.candidates[-1].phase == "new"


def test_the_same_search_again_replaces_the_one_before(town: Town) -> None:
    town.desk.start(town.wanted(), "hub")
    town.desk.start(town.wanted(upper=["blue"]), "hub")
    assert [(e.phase, e.reason) for e in town.progress] == [
        ("new", None), ("end", "replaced"), ("new", None),
    ]  # fmt: skip
    town.walk_by("red", "black")
    assert town.candidates == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires_at": "2026-06-01T11:00:00Z"}, "invalid_arguments"),
        ({"expires_at": "2026-06-03T12:00:00Z"}, "invalid_arguments"),
        ({"area": [{"lat_deg": 1, "lon_deg": 1}] * 3}, "invalid_arguments"),
    ],
)
def test_searches_that_cannot_be_are_refused(town: Town, changes: Any, code: str) -> None:
    with pytest.raises(OrderRefusedError) as caught:
        town.desk.check(town.wanted(**changes))
    assert caught.value.code == code


def test_there_are_not_more_searches_than_so_many(town: Town) -> None:
    for number in range(MOST_SEARCHES):
        town.field.clock.advance(0.01)
        town.desk.start(town.wanted(search=uuid7(town.field.now())), f"hub {number}")
    with pytest.raises(OrderRefusedError, match="under way"):
        town.desk.check(town.wanted())


def test_a_disk_that_takes_nothing_takes_no_search(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Memory, "save", lambda _self, _value: False)
    with pytest.raises(OrderFailedError):
        town.desk.start(town.wanted(), "hub")
    town.walk_by()
    assert town.candidates == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"upper": [], "lower": []},
        {"colour": ["red"]},
        {"kind": "vehicle"},
        {"kind": "vehicle", "upper": [], "lower": [], "colour": [], "vehicle": []},
        {"upper": ["crimson"]},
        {"height_min_m": 1.8, "height_max_m": 1.2},
        {"area": corners(100)[:2]},
        {"reason": ""},
        {"face": "x"},
        {"name": "somebody"},
    ],
)
def test_descriptions_that_make_no_sense_cannot_be_written(town: Town, wrong: Any) -> None:
    with pytest.raises(ValueError, match="validation error"):
        town.wanted(**wrong)


def test_a_lost_camera_ends_its_candidates(town: Town) -> None:
    town.desk.start(town.wanted(), "hub")
    town.walk_by()
    town.desk.end("front", "camera_lost", town.field.clock.mono_s())
    assert town.candidates[-1].reason == "left"
    town.desk.end("front", "shutdown", town.field.clock.mono_s())
    assert len(town.candidates) == 2


def test_a_saving_unit_does_not_look(town: Town) -> None:
    town.desk.start(town.wanted(), "hub")
    town.desk._allowed = lambda: False
    town.walk_by()
    assert town.candidates == []


def test_a_search_without_known_ground_says_so(town: Town) -> None:
    town.desk.start(town.wanted(), "hub")
    town.walk_by(at=None, looks=12)
    assert [finding.code for finding in search_findings(town.desk)] == ["search_blind"]


def test_the_health_report_does_not_wait_for_a_slow_disk(town: Town) -> None:
    town.desk.start(town.wanted(), "hub")
    town.walk_by()
    before = town.desk.blind(0.0)
    with ThreadPoolExecutor(1) as other, town.desk._lock:  # as while it saves
        assert other.submit(town.desk.blind).result(5) == before


def test_a_search_is_not_blind_before_it_has_looked_or_while_it_waits(town: Town) -> None:
    town.desk.start(town.wanted(), "hub")
    footprint = np.array([[0.0, 0.0], [50.0, 0.0], [50.0, 50.0], [0.0, 50.0]])
    town.walk_by(looks=12, footprint=footprint)
    town.field.clock.advance(30)
    town.desk.tick()
    town.restart()
    assert search_findings(town.desk) == [], "nothing was looked at since the start"
    town.walk_by(at=None, looks=12)
    assert [finding.code for finding in search_findings(town.desk)] == ["search_blind"]
    town.desk._allowed = lambda: False
    assert search_findings(town.desk) == []


def test_the_journal_says_who_searched_for_whom_and_why(town: Town) -> None:
    town.desk.start(town.wanted(), "officer 7")
    town.desk.stop(town.search, "officer 8", "found")
    town.field.journal.close()
    lines = [
        json.loads(line)
        for path in (town.field.folder / "journal").glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    found = [(each["what"], each["by"], each["reason"]) for each in lines if "search" in each]
    assert found == [
        ("search_started", "officer 7", "lost at the market"),
        ("search_stopped", "officer 8", "found"),
    ]


def test_a_crowd_costs_no_more_than_so_many(town: Town) -> None:
    town.desk.start(town.wanted(), "hub")
    stamp = town.field.clock.mono_s()
    picture, box = person("red", "black")
    crowd = [world_track(n, "person", box, mono_s=stamp, **placed(50, 50)) for n in range(1, 41)]
    for number in range(15):
        town.desk.see(look(picture, crowd, stamp + number))
    told = {event.track for event in town.candidates}
    assert len(told) == town.config.candidates_max
