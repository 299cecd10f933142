"""From looks to hits: the real reader on drawn vehicles, a real list, a real journal."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from config.models import Settings
from config.plates import PlatesConfig
from drivers.clock import SystemClock
from edge.plates.hits import HitDesk
from edge.plates.hotlist import HotList
from edge.plates.orders import PlatesOffice
from edge.plates.parts import Plates
from edge.plates.stick import SignedLists
from edge.plates.vault import Secret, Vault
from edge.plates.watch import PlateWatch
from edge.reporting.finder_findings import plate_findings
from perception.errors import ModelError
from perception.plates.reader import INSTALL, PlateReader
from telemetry.commands.handling import OrderRefusedError
from telemetry.commands.keyring import Keyring
from telemetry.contract.plates import PlateEvent, PlatesReview
from tests.finders import Field, ends_in, look, placed, plates_list, revocation, world_track
from tests.plate_pictures import vehicle

WHOLE = (0.0, 0.0, 320.0, 240.0)


@pytest.fixture(scope="module")
def reader() -> Iterator[PlateReader]:
    try:
        yield PlateReader.open()
    except ModelError as error:
        pytest.skip(f"the extra `plates` is not installed here: {error}")


@dataclass
class Street:
    """A unit that reads plates, worked by hand."""

    field: Field
    reader: PlateReader
    config: PlatesConfig

    def __post_init__(self) -> None:
        self.start()
        ends = ends_in(self.field.clock, 86_400)
        self.hotlist.put(plates_list(expires_at=ends), self.field.now())

    def start(self) -> None:
        """Begin as after a restart."""
        folder = self.field.folder
        secret = Secret(folder / "plates.key", make=True)
        self.hotlist = HotList(Vault(folder / "plates.list", secret), secret)
        self.desk = HitDesk(
            self.config, self.hotlist, Vault(folder / "plates.hits", secret), self.field.witness
        )
        self.watch = PlateWatch(
            self.config, self.hotlist, self.desk, lambda: self.reader, self.field.clock
        )
        signed = SignedLists("dog-1", Keyring(folder / "keyring.json"))
        self.office = PlatesOffice(self.hotlist, self.desk, self.field.witness, signed)

    def pass_by(
        self, text: str, track: int = 1, looks: int = 3, picture: NDArray[np.uint8] | None = None
    ) -> None:
        """A vehicle that is seen so often, each look read at once."""
        for number in range(looks):
            self.field.clock.advance(0.25)
            stamp = self.field.clock.mono_s()
            image = vehicle(text, seed=number) if picture is None else picture
            seen = world_track(track, "car", WHOLE, mono_s=stamp, **placed(10, 20))
            self.watch.see(look(image, [seen], stamp))
            cutout = self.watch._take(0)
            if cutout is not None:
                self.watch.read(self.reader, cutout)

    @property
    def events(self) -> list[PlateEvent]:
        return self.field.told(PlateEvent)


@pytest.fixture
def street(tmp_path: Path, reader: PlateReader) -> Street:
    return Street(Field(tmp_path), reader, PlatesConfig(enabled=True))


def test_a_plate_of_the_list_is_told_once_with_all_that_a_human_needs(street: Street) -> None:
    street.pass_by("鲁A12345", looks=5)

    (event,) = street.events
    assert (event.phase, event.list, event.entry, event.review) == (
        "new", "stolen", "e-1", "pending",
    )  # fmt: skip
    assert (event.kind, event.colour, event.vehicle.label) == ("ordinary", "blue", "car")
    assert len(event.characters) == 7
    assert event.confidence > 0.7
    assert event.place is not None
    assert event.place.error.major_m == pytest.approx(2.45, abs=0.01)
    assert event.pose_missing == "no_receiver"
    assert street.field.box.drafts[0].priority == 1
    assert street.watch.tally.hits == 1


def test_the_colour_of_the_vehicle_is_told_where_it_is_clear(street: Street) -> None:
    for track, (body, name) in enumerate((((40, 32, 196), "red"), ((60, 135, 45), "green"))):
        picture = vehicle("鲁A12345")
        painted = np.abs(picture.astype(int) - picture[160, 30]).max(axis=2) < 8
        picture[painted] = body
        street.pass_by("鲁A12345", track=track, picture=picture)
        street.field.clock.advance(61)
        assert street.events[-1].vehicle.colour == name


def test_a_plate_on_no_list_is_nowhere(street: Street) -> None:
    before = street.field.files()
    street.pass_by("鲁B77777", looks=5)

    assert street.watch.tally.read >= 3
    assert street.watch.tally.plates == 1
    assert street.events == []
    street.field.journal.close()
    assert b"77777" not in street.field.disk()
    # What the unit writes at all is its list and its journal: never a picture.
    assert street.field.files() - before <= {"journal/journal-000001.jsonl"}
    magic = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF")
    assert not any(word in street.field.disk() for word in magic)


def test_off_means_that_nothing_is_there(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {"unit": {"id": "dog-1", "kind": "robot_dog"}, "state_dir": str(tmp_path)}
    )
    assert Plates.open(settings, Field(tmp_path).clock, Field(tmp_path).witness) is None
    assert list(tmp_path.iterdir()) == []


def test_without_a_list_no_vehicle_is_even_cut_out(street: Street) -> None:
    street.hotlist.put(revocation(2), street.field.now())
    street.pass_by("鲁A12345")
    assert street.watch.tally.cut == 0


def test_a_hit_waits_and_nothing_follows_from_it(street: Street) -> None:
    street.pass_by("鲁A12345")
    for _ in range(100):
        street.field.clock.advance(10)
        street.desk.tick()
    street.field.journal.close()

    # All that went out: one suggestion. All that was recorded: that it was made.
    assert [draft.type for draft in street.field.box.drafts] == ["patrol.event.plate.v1"]
    files = (street.field.folder / "journal").glob("*.jsonl")
    records = [json.loads(line)["what"] for path in files for line in path.read_text().splitlines()]
    assert set(records) == {"begun", "plate_hit", "seal"}


@pytest.mark.parametrize("verdict", ["correct", "misread", "wrong", "dismiss"])
def test_a_human_ends_it_and_that_is_on_record(street: Street, verdict: str) -> None:
    street.pass_by("鲁A12345")
    episode = street.events[0].episode
    answer = street.office.review(
        PlatesReview.model_validate({"episode": episode, "verdict": verdict}), "officer 7"
    )

    assert answer["verdict"] == verdict
    end = street.events[-1]
    assert (end.phase, end.reason, end.review, end.reviewed_by, end.episode) == (
        "end", "reviewed", verdict, "officer 7", episode,
    )  # fmt: skip
    assert street.desk.open == ()
    with pytest.raises(OrderRefusedError, match="waits for a review"):
        street.office.review(PlatesReview(episode=episode, verdict="wrong"), "officer 7")
    street.field.journal.close()
    assert f'"verdict":"{verdict}"'.encode() in street.field.disk()


def test_a_revoked_entry_ends_its_hits_and_is_not_found_again(street: Street) -> None:
    street.pass_by("鲁A12345")
    street.office.install(revocation(2, "e-1"), "hub")

    assert [(e.phase, e.reason) for e in street.events] == [("new", None), ("end", "revoked")]
    street.field.clock.advance(120)
    street.pass_by("鲁A12345", track=2)
    assert len(street.events) == 2


def test_a_match_that_was_queued_when_its_entry_was_revoked_is_not_told(street: Street) -> None:
    match = street.hotlist.match("鲁A12345", street.field.now())[0]
    street.hotlist.put(revocation(2, "e-1"), street.field.now())
    assert street.desk.hit(None, match) is None  # type: ignore[arg-type]  # it is not looked at
    assert street.events == []


def test_a_hit_can_be_judged_after_a_restart(street: Street) -> None:
    street.pass_by("鲁A12345")
    episode = street.events[0].episode
    street.start()

    street.office.review(PlatesReview(episode=episode, verdict="correct"), "officer 7")
    assert street.events[-1].review == "correct"


def test_a_hit_that_nobody_looks_at_grows_old(street: Street) -> None:
    street.pass_by("鲁A12345")
    street.field.clock.advance(3601)
    street.desk.tick()
    assert (street.events[-1].reason, street.events[-1].review) == ("unreviewed", "pending")


def test_a_hit_ends_with_its_list(street: Street) -> None:
    wanted = plates_list(version=2, expires_at=ends_in(street.field.clock, 600))
    street.hotlist.put(wanted, street.field.now())
    street.pass_by("鲁A12345")
    street.field.clock.advance(600)
    street.desk.tick()
    assert street.events[-1].reason == "expired"
    street.field.journal.close()
    assert b'"what":"plates_expired"' in street.field.disk()


def test_one_plate_is_one_hit_a_minute_though_its_track_is_lost_and_found(street: Street) -> None:
    street.pass_by("鲁A12345", track=1)
    street.pass_by("鲁A12345", track=2)
    assert len(street.events) == 1
    street.field.clock.advance(61)
    street.pass_by("鲁A12345", track=3)
    assert len(street.events) == 2


def test_more_pictures_that_say_another_plate_withdraw_the_hit(street: Street) -> None:
    street.pass_by("鲁A12345", looks=2)
    assert len(street.events) == 1
    street.pass_by("鲁A12346", looks=8)
    assert (street.events[-1].phase, street.events[-1].reason) == ("end", "withdrawn")


def test_what_stands_in_the_journal_names_list_and_number_alone(street: Street) -> None:
    street.office.install(plates_list(version=2), "hub-1")
    street.pass_by("鲁A12345")
    street.field.journal.close()
    disk = street.field.disk()

    assert b'"what":"plates_changed"' in disk
    assert b'"entries":2' in disk
    assert "鲁A12345".encode() not in disk
    assert b"12345" not in disk


def test_a_saving_unit_reads_nothing(street: Street) -> None:
    street.watch._allowed = lambda: False
    street.pass_by("鲁A12345")
    assert street.watch.tally.cut == 0


def test_the_best_picture_waits_and_a_worse_one_does_not_take_its_place(street: Street) -> None:
    stamp = street.field.clock.mono_s()
    for blur in (3.0, 0.0, 3.0):
        image = vehicle("鲁A12345", blur=blur)
        street.watch.see(look(image, [world_track(1, "car", WHOLE, mono_s=stamp)], stamp))
    cutout = street.watch._take(0)
    assert cutout is not None
    assert cutout.promise > 0.8
    assert street.watch._take(0) is None


def test_boxes_beyond_the_picture_and_small_ones_are_survived(street: Street) -> None:
    stamp = street.field.clock.mono_s()
    boxes = [(-50.0, -50.0, 20.0, 20.0), (400.0, 300.0, 900.0, 900.0), (0.0, 0.0, 0.0, 0.0),
             (-1e9, -1e9, 1e9, 1e9)]  # fmt: skip
    tracks = [world_track(n, "car", box, mono_s=stamp) for n, box in enumerate(boxes)]
    street.watch.see(look(vehicle("鲁A12345"), tracks, stamp))
    assert street.watch.tally.drops["too_small"] == 3
    assert street.watch.tally.cut == 1


def test_a_crowd_of_vehicles_is_bounded_and_counted(street: Street) -> None:
    stamp = street.field.clock.mono_s()
    tracks = [world_track(n, "car", WHOLE, mono_s=stamp) for n in range(100)]
    street.watch.see(look(vehicle("鲁A12345"), tracks, stamp))
    assert street.watch.tally.cut == 32
    assert street.watch.tally.drops["waiting_full"] == 68


def test_the_worker_tells_a_hit_within_two_seconds_of_the_look(
    tmp_path: Path, reader: PlateReader
) -> None:
    field = Field(tmp_path, clock=SystemClock())
    street = Street(field, reader, PlatesConfig(enabled=True, reads_per_s=20))
    stop = threading.Event()
    worker = threading.Thread(target=street.watch.work, args=(lambda: None, stop))
    worker.start()
    began_s = field.clock.mono_s()
    picture = vehicle("鲁A12345")
    while not street.events and field.clock.mono_s() - began_s < 10:
        stamp = field.clock.mono_s()
        street.watch.see(look(picture, [world_track(1, "car", WHOLE, mono_s=stamp)], stamp))
        stop.wait(0.05)
    took_s = field.clock.mono_s() - began_s
    stop.set()
    worker.join(5)
    assert not worker.is_alive()
    assert len(street.events) == 1
    assert took_s < 2
    assert street.watch.tally.hit_ms[0] < 500


def test_without_the_reader_the_unit_goes_on_and_says_why(street: Street, tmp_path: Path) -> None:
    def refuse() -> PlateReader:
        raise ModelError("the plate reader is not installed", INSTALL)

    street.watch._open_reader = refuse
    stop = threading.Event()
    worker = threading.Thread(target=street.watch.work, args=(lambda: None, stop))
    worker.start()
    for _ in range(200):
        if street.watch.reader_error:
            break
        stop.wait(0.01)
    stop.set()
    worker.join(5)
    plates = Plates(
        hotlist=street.hotlist, desk=street.desk, watch=street.watch, office=street.office
    )
    (finding,) = plate_findings(plates)
    assert finding.code == "plates_unavailable"
    assert "pip install 'patrol-edge[plates]'" in finding.action


def test_nothing_looks_at_faces() -> None:
    """Neither plates nor searches know of any code that finds or tells faces."""
    root = Path(__file__).parents[2]
    for folder in ("perception/plates", "perception/search", "edge/plates", "edge/search"):
        for path in (root / folder).glob("*.py"):
            words = path.read_text(encoding="utf-8")
            imports = [line for line in words.splitlines() if line.startswith(("import", "from"))]
            for word in ("redaction", "face", "yunet", "recogni", "embedding", "gender", "ethnic"):
                assert not any(word in line.lower() for line in imports), (path, word)
