"""Which picture is chosen, how many are made, and that nothing unredacted passes while locked."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from config.loading import load
from config.media import MediaConfig
from edge.media.album import KEPT, Album
from edge.media.jobs import MOST_WAITING, Job, JobBoard
from edge.media.media import open_faces
from edge.media.orders import LockOrder, SnapshotOrder, UnlockOrder
from edge.media.snapshot_desk import SnapshotDesk
from edge.media.studio import Studio
from edge.media.unlocks import Unlock, Unlocks
from perception.detections import PATROL_CLASSES, Detections
from perception.errors import ModelError
from perception.redaction.faces import FaceFinder
from telemetry.commands.handling import Order, OrderFailedError, OrderRefusedError
from telemetry.commands.journal import Journal
from telemetry.contract.alerts import AlertEvent
from telemetry.contract.events import DetectionEvent
from telemetry.contract.media import MediaLock, MediaUnlock, TakeSnapshot
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import Message
from telemetry.contract_docs.examples import up_examples
from telemetry.pictures.picture import Picture, Rank
from telemetry.pictures.spool import PictureSpool
from tests.fakes import ManualClock
from tests.pictures import TIME, look, noise
from tests.shared_data import shared

PERSON = (40.0, 20.0, 80.0, 110.0)
HEAD = np.s_[24:36, 44:76]
MIB = 2**20


def no_faces() -> FaceFinder:
    raise ModelError("model face-yunet is not on this computer", "patrol-edge models pull")


class Room:
    """All of it but threads and a link; time moves when told."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.clock = ManualClock()
        self.config = MediaConfig(**config)
        self.board, self.unlocks = JobBoard(), Unlocks(self.clock)
        self.desk = SnapshotDesk(self.config, self.board, self.clock)
        self.spool = PictureSpool(folder / "pictures", 8 * MIB)
        self.ended: list[Unlock] = []
        self.studio = Studio(
            self.config,
            self.board,
            self.spool,
            self.unlocks,
            open_faces=no_faces,
            utc_at=lambda _mono_s: TIME,
            limit_bytes=lambda: MIB,
            locked=self.ended.append,
            clock=self.clock,
        )

    def show(self, *persons: tuple[float, ...], seed: int = 1, first_id: int = 1) -> None:
        image = noise(seed=seed)
        image.setflags(write=False)
        boxes = cast(Any, persons)
        self.desk.see(look(image, *boxes, mono_s=self.clock.mono_s(), first_id=first_id))

    def leaves(self) -> list[Picture]:
        """What the publisher would send now, asked as it asks: each at its last moment."""
        found = []
        while (each := self.spool.newest()) is not None:
            if self.unlocks.may_leave(each):
                found.append(each)
                self.spool.gone(each)
            else:
                self.spool.failed(each, "locked")
            self.spool.work()
        return found

    def unlock(self, camera: str = "front", for_s: float = 60.0) -> None:
        until_s = self.clock.mono_s() + for_s
        found = Unlock(camera=camera, by="hub-1", why="case", command="c", until_mono_s=until_s)
        self.unlocks.open([found])


def alert(room: Room, number: int, *tracks: int) -> None:
    room.desk._want(Rank.ALERT, uuid7(datetime(2026, 6, 1, 12, number % 60, tzinfo=UTC)), "front",
                    tracks)  # fmt: skip


def decoded(each: Picture) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(each.jpeg, np.uint8), cv2.IMREAD_COLOR)


def rough(image: np.ndarray) -> float:
    """Of neighbouring pixels in the head: noise has it, what is covered has not."""
    return float(np.abs(np.diff(image[HEAD].astype(float), axis=1)).mean())


# --- what is chosen ---


def test_the_look_that_shows_the_track_best_is_chosen(tmp_path: Path) -> None:
    room = Room(tmp_path)
    sizes = [(40.0, 20.0, 60.0, 60.0), (40.0, 5.0, 100.0, 118.0), (40.0, 20.0, 60.0, 60.0)]
    for number, box in enumerate(sizes):
        room.show(box, seed=number)
        room.clock.advance(0.5)
    best = room.desk.album.best("front", (1,))
    assert best is not None
    assert np.array_equal(best.frame.image, noise(seed=1))


def test_an_old_look_does_not_show_what_is_told_now(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.show((40.0, 5.0, 100.0, 118.0), seed=1)
    room.clock.advance(5)
    room.show((40.0, 20.0, 60.0, 60.0), seed=2)
    best = room.desk.album.best("front", (1,))
    assert best is not None
    assert np.array_equal(best.frame.image, noise(seed=2))


def test_the_album_holds_a_few_pictures_and_no_more() -> None:
    album = Album()
    for number in range(500):
        album.add(look(noise(8, 8), mono_s=number * 0.1))
    assert len(album._older["front"]) == KEPT
    album.forget("front")
    assert album.newest("front") is None
    assert album.best("front", (1,)) is None


def test_pictures_per_minute_are_bounded_and_alerts_have_the_larger_half(tmp_path: Path) -> None:
    room = Room(tmp_path, snapshots="all", per_minute=4)
    room.show(PERSON)
    for _ in range(5):
        room.desk._want(Rank.DETECTION, uuid7(TIME), "front", (1,))
    assert room.desk.drops == {"per_minute": 3}
    for number in range(5):
        alert(room, number, 1)
    assert room.desk.drops == {"per_minute": 6}
    room.clock.advance(61)
    alert(room, 9, 1)
    assert room.desk.drops == {"per_minute": 6}


def test_where_too_much_is_wanted_detections_are_given_up_first() -> None:
    board = JobBoard()
    shown = look(noise(8, 8))
    first = Job(look=shown, rank=Rank.DETECTION, episode="d")
    board.put(first)
    for number in range(MOST_WAITING):
        board.put(Job(look=shown, rank=Rank.ALERT, episode=str(number)))
    assert first.done.is_set()
    assert first.error
    assert board.drops == {"busy": 1}
    taken = [board.take(0) for _ in range(MOST_WAITING)]
    assert [job.episode for job in taken if job] == ["0", "1", "2", "3"]
    assert board.take(0) is None


def test_without_any_look_there_is_no_picture_and_it_is_counted(tmp_path: Path) -> None:
    room = Room(tmp_path)
    alert(room, 1, 1)
    assert room.desk.drops == {"no_frame": 1}


def alert_event(phase: str = "new") -> AlertEvent:
    data = json.loads(up_examples()["event.alert-new"])["data"]
    return AlertEvent.model_validate_json(json.dumps(data | {"camera": "front", "phase": phase}))


def detection_event() -> DetectionEvent:
    data = json.loads(up_examples()["event.detection-new"])["data"]
    return DetectionEvent.model_validate_json(json.dumps(data | {"camera": "front"}))


@pytest.mark.parametrize(
    ("snapshots", "wanted"),
    [("off", []), ("alerts", [Rank.ALERT]), ("all", [Rank.ALERT, Rank.DETECTION])],
)
def test_a_picture_goes_with_what_the_file_says_and_only_with_the_first_message(
    snapshots: str, wanted: list[Rank], tmp_path: Path
) -> None:
    room = Room(tmp_path, snapshots=snapshots)
    room.show(PERSON)
    told = (alert_event(), detection_event(), alert_event("update"))
    for data in told:
        room.desk.told(data)
    jobs = [job for _ in told if (job := room.board.take(0)) is not None]
    assert [job.rank for job in jobs] == wanted
    if Rank.ALERT in wanted:
        assert jobs[0].episode == told[0].episode


# --- what is made ---


def test_a_picture_of_an_alert_is_redacted_and_named_after_its_episode(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.show(PERSON)
    alert(room, 7, 1)
    room.studio.step(0)
    (sent,) = room.leaves()
    assert sent.redacted
    assert sent.properties.camera == "front"
    assert sent.properties.time == TIME
    assert rough(decoded(sent)) < 10 < rough(noise())


def test_without_the_face_model_heads_are_covered_and_it_is_told(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.studio.step(0)
    assert "not on this computer (patrol-edge models pull)" in room.studio.face_error


def test_a_person_who_is_hidden_for_a_moment_is_covered_where_he_must_be(tmp_path: Path) -> None:
    room = Room(tmp_path)
    shown = look(noise(), PERSON, mono_s=room.clock.mono_s())
    hidden = replace(shown, found=type(shown.found).none())
    room.desk.see(hidden)
    alert(room, 1, 1)
    room.studio.step(0)
    (sent,) = room.leaves()
    assert rough(decoded(sent)) < 10


def test_under_load_vehicles_are_not_followed_and_covered_all_the_same(tmp_path: Path) -> None:
    room = Room(tmp_path)
    shown = look(noise(), PERSON, mono_s=room.clock.mono_s())
    car = Detections(
        np.array([(100.0, 20.0, 158.0, 110.0)], np.float32),
        np.array([0.8], np.float32),
        np.array([PATROL_CLASSES.index("car")], np.int64),
    )
    room.desk.see(replace(shown, detected=car))
    alert(room, 1, 1)
    room.studio.step(0)
    (sent,) = room.leaves()
    plate = decoded(sent)[65:105, 104:154].astype(float)
    assert np.abs(np.diff(plate, axis=1)).mean() < 10
    assert rough(decoded(sent)) < 10


def test_what_was_not_looked_at_is_covered_whole(tmp_path: Path) -> None:
    """A parked unit that watches one part of the picture knows of nobody beside it."""
    room = Room(tmp_path)
    room.studio._watched = {"front": (0.5, 0.25, 1.0, 0.75)}
    room.show()
    alert(room, 1)
    room.studio.step(0)
    (sent,) = room.leaves()
    rows = np.abs(np.diff(decoded(sent).astype(float), axis=1)).mean(axis=2)
    assert rows[35:85, 85:155].mean() > 20  # the part that is watched
    assert rows[:, :75].mean() < 10
    assert rows[:25, 85:].mean() < 10
    assert rows[95:, 85:].mean() < 10


def test_a_picture_that_cannot_be_redacted_does_not_leave(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.desk.see(look(noise(), (float("nan"), 0.0, 5.0, 5.0), mono_s=room.clock.mono_s()))
    alert(room, 1, 1)
    room.studio.step(0)
    assert room.leaves() == []
    assert room.studio.drops == {"not_redacted": 1}


@pytest.mark.parametrize("error", [cv2.error("(-215) ssize"), MemoryError()])
def test_a_picture_that_the_library_cannot_cover_costs_itself_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    room = Room(tmp_path)

    def fail(*_args: Any, **_more: Any) -> None:
        raise error

    room.show(PERSON)
    with monkeypatch.context() as patch:
        patch.setattr("perception.redaction.covering.cv2.resize", fail)
        alert(room, 1, 1)
        room.studio.step(0)
    assert room.leaves() == []
    assert room.studio.drops == {"not_redacted": 1}

    alert(room, 2, 1)
    room.studio.step(0)
    assert [each.redacted for each in room.leaves()] == [True]


def test_who_waits_for_a_picture_is_told_though_the_maker_crashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(tmp_path)
    room.show(PERSON)
    wanted = room.desk.album.newest("front")
    assert wanted is not None
    job = Job(look=wanted, rank=Rank.ASKED, episode=uuid7(TIME))
    room.board.put(job)

    def crash(_picture: Picture) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(room.spool, "put", crash)
    with pytest.raises(ZeroDivisionError):
        room.studio.step(0)
    assert job.done.is_set()
    assert job.error


def test_redaction_cannot_be_turned_off_in_a_file() -> None:
    with pytest.raises(ValidationError, match=r"media\.unlock"):
        MediaConfig(redact=False)
    assert MediaConfig(redact=True).redact


# --- what is unlocked ---


def order(args: Message, name: str = "media.unlock", **changes: Any) -> Order:
    facts: dict[str, Any] = {
        "id": uuid7(TIME),
        "name": name,
        "args": args,
        "issuer": "hub-1",
        "role": "commander",
        "origin": "hub",
        "received": TIME,
        "expires_mono_s": 1e9,
    }
    return Order(**(facts | changes))


@pytest.fixture
def unit_file(tmp_path: Path) -> Callable[..., Any]:
    def written(**security: str) -> Any:
        path = tmp_path / "unit.yaml"
        path.write_text(
            json.dumps(
                {
                    "unit": {"id": "dog-1", "kind": "robot_dog"},
                    "state_dir": str(tmp_path),
                    "cameras": {
                        name: {"kind": "file", "path": str(tmp_path / "x.mp4"), "detect": detect}
                        for name, detect in (("front", True), ("rear", False))
                    },
                    "security": security,
                }
            )
        )
        return load(path).settings

    return written


class NoJournal:
    """Remembers what was written."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def write(self, what: str, **facts: Any) -> None:
        self.records.append({"what": what} | facts)


@pytest.mark.parametrize("how", ["expired", "locked"])
def test_without_a_link_an_unredacted_picture_is_not_even_in_memory_longer(
    tmp_path: Path, how: str
) -> None:
    room = Room(tmp_path)
    room.unlock(for_s=60.0)
    room.show(PERSON)
    wanted = room.desk.album.newest("front")
    assert wanted is not None
    room.board.put(Job(look=wanted, rank=Rank.ASKED, episode=uuid7(TIME), unredacted=True))
    room.studio.step(0)
    assert [each.redacted for each in room.spool._memory] == [False]
    assert room.spool.stats().drops == {}

    if how == "expired":
        room.clock.advance(60.0)
    else:
        room.unlocks.close(())
    room.studio.step(0)
    assert room.spool.stats().waiting == 0
    assert room.spool.stats().drops == {"locked": 1}


def test_an_unlock_ends_by_itself_and_is_told_once(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.unlock(for_s=60)
    room.clock.advance(59.9)
    room.studio.step(0)
    assert room.unlocks.is_open("front")
    room.clock.advance(0.2)
    assert not room.unlocks.is_open("front")
    room.studio.step(0)
    room.studio.step(0)
    assert [each.camera for each in room.ended] == ["front"]


def test_a_clock_that_is_set_back_prolongs_nothing(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.unlock(for_s=60)
    room.clock.jump_utc(-86_400)
    room.clock.advance(61)
    assert not room.unlocks.is_open("front")


@pytest.mark.parametrize("change", [{"origin": "local"}])
def test_only_a_hub_can_unlock(unit_file: Callable[..., Any], change: dict[str, Any]) -> None:
    clock = ManualClock()
    handler = UnlockOrder(unit_file(), Unlocks(clock), clock)
    args = MediaUnlock(cameras=("front",), reason="case")
    handler.check(order(args))
    with pytest.raises(OrderRefusedError) as refused:
        handler.check(order(args, **change))
    assert refused.value.code == "unsigned"


def test_on_the_bench_without_signatures_nothing_is_unlocked(
    unit_file: Callable[..., Any],
) -> None:
    clock = ManualClock()
    unlocks = Unlocks(clock)
    handler = UnlockOrder(unit_file(commands="unsigned"), unlocks, clock)
    with pytest.raises(OrderRefusedError):
        handler.carry_out(order(MediaUnlock(cameras=("front",), reason="x")), lambda *_: None)
    assert unlocks.now() == ()


@pytest.mark.parametrize(
    "args",
    [
        {"cameras": [], "reason": "x"},
        {"cameras": ["front"]},
        {"cameras": ["front"], "reason": ""},
        {"cameras": ["front"], "reason": "x", "for_s": 3601},
        {"cameras": ["front"], "reason": "x", "for_s": 0},
        {"cameras": ["front"], "reason": "x", "for_s": float("nan")},
    ],
)
def test_an_unlock_says_what_why_and_for_how_long(args: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MediaUnlock(**args)


def test_lock_ends_it_and_says_what_was_open(unit_file: Callable[..., Any]) -> None:
    clock = ManualClock()
    unlocks, told = Unlocks(clock), []
    UnlockOrder(unit_file(), unlocks, clock).carry_out(
        order(MediaUnlock(cameras=("front", "rear"), reason="case")), lambda *_: None
    )
    lock = LockOrder(unlocks, lambda unlock, by: told.append((unlock.camera, by)))
    assert lock.carry_out(order(MediaLock(cameras=("rear",))), lambda *_: None) == {
        "cameras": ["rear"]
    }
    assert unlocks.is_open("front")
    assert lock.carry_out(order(MediaLock()), lambda *_: None) == {"cameras": ["front"]}
    assert told == [("rear", "hub-1"), ("front", "hub-1")]
    assert unlocks.now() == ()


def snapshot_order(room: Room, settings_: Any, journal: NoJournal) -> SnapshotOrder:
    return SnapshotOrder(
        settings_,
        room.desk.album,
        room.board,
        room.unlocks,
        cast(Journal, journal),
        room.clock,
    )


@pytest.mark.parametrize(
    ("camera", "code"),
    [("front", "wrong_state"), ("rear", "invalid_arguments"), ("roof", "invalid_arguments")],
)
def test_no_snapshot_of_a_camera_that_is_away_undetected_or_unknown(
    camera: str, code: str, tmp_path: Path, unit_file: Callable[..., Any]
) -> None:
    room = Room(tmp_path)
    room.show(PERSON)
    room.clock.advance(10)
    handler = snapshot_order(room, unit_file(), NoJournal())
    with pytest.raises(OrderRefusedError) as refused:
        handler.check(order(TakeSnapshot(camera=camera), "snapshot"))
    assert refused.value.code == code


@pytest.mark.parametrize("unlocked", [False, True])
def test_a_snapshot_that_is_asked_for_is_answered_with_its_sha256(
    unlocked: bool, tmp_path: Path, unit_file: Callable[..., Any]
) -> None:
    room, journal = Room(tmp_path), NoJournal()
    room.show(PERSON)
    if unlocked:
        room.unlock()
    worker = threading.Thread(target=lambda: room.studio.step(5.0))
    worker.start()
    asked = order(TakeSnapshot(camera="front", reason="look"), "snapshot")
    result = snapshot_order(room, unit_file(), journal).carry_out(asked, lambda *_: None)
    worker.join(5)
    (sent,) = room.leaves()
    assert result is not None
    assert result["episode"] == asked.id == sent.properties.episode
    assert result["sha256"] == sent.properties.sha256
    assert result["redacted"] is sent.redacted is not unlocked
    assert (rough(decoded(sent)) > 10) == unlocked
    (record,) = journal.records
    assert (record["what"], record["by"], record["reason"]) == ("picture", "hub-1", "look")
    assert record["redacted"] is not unlocked


def test_a_snapshot_that_cannot_be_made_has_failed(
    tmp_path: Path, unit_file: Callable[..., Any]
) -> None:
    room = Room(tmp_path)
    room.desk.see(look(noise(), (float("nan"), 0.0, 5.0, 5.0), mono_s=room.clock.mono_s()))
    worker = threading.Thread(target=lambda: room.studio.step(5.0))
    worker.start()
    asked = order(TakeSnapshot(camera="front"), "snapshot")
    with pytest.raises(OrderFailedError):
        snapshot_order(room, unit_file(), NoJournal()).carry_out(asked, lambda *_: None)
    worker.join(5)
    assert room.leaves() == []


# --- whatever happens in whatever order ---

STEPS = st.one_of(
    st.tuples(st.just("unlock"), st.sampled_from(["front", "rear"]), st.floats(1, 30)),
    st.tuples(st.just("lock"), st.just(""), st.just(0.0)),
    st.tuples(st.just("wait"), st.just(""), st.floats(0, 40)),
    st.tuples(st.just("alert"), st.just("front"), st.just(0.0)),
    st.tuples(st.just("ask"), st.sampled_from(["front", "rear"]), st.just(0.0)),
    st.tuples(st.just("make"), st.just(""), st.just(0.0)),
    st.tuples(st.just("send"), st.just(""), st.just(0.0)),
    st.tuples(st.just("restart"), st.just(""), st.just(0.0)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_no_unredacted_picture_leaves_while_its_camera_is_locked(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, float]]
) -> None:
    """Unlocks, locks, time, alerts, requests, sending and restarts in any order (S-PRIV-1)."""
    folder = tmp_path_factory.mktemp("media")
    room = Room(folder, per_minute=120)
    open_until = {"front": 0.0, "rear": 0.0}
    for number, (what, camera, seconds) in enumerate(steps):
        now_s = room.clock.mono_s()
        if what == "unlock":
            room.unlock(camera, seconds)
            open_until[camera] = now_s + seconds
        elif what == "lock":
            room.unlocks.close(())
            open_until = dict.fromkeys(open_until, 0.0)
        elif what == "wait":
            room.clock.advance(seconds)
        elif what in ("alert", "ask"):
            shown = look(noise(seed=number), PERSON, mono_s=now_s, camera=camera)
            rank = Rank.ALERT if what == "alert" else Rank.ASKED
            wanted = what == "ask" and room.unlocks.is_open(camera)
            room.board.put(Job(look=shown, rank=rank, episode=uuid7(TIME), unredacted=wanted))
        elif what == "make":
            room.studio.step(0)
        elif what == "restart":
            clock = room.clock
            room = Room(folder, per_minute=120)
            room.clock.advance(clock.mono_s() - room.clock.mono_s())
            open_until = dict.fromkeys(open_until, 0.0)
        else:
            for sent in room.leaves():
                raw = rough(decoded(sent)) > 10
                assert raw is not sent.redacted  # what it says of itself is true
                assert not raw or open_until[sent.properties.camera] > room.clock.mono_s()
                assert not raw or sent.rank == Rank.ASKED  # never a picture of an event
        for path in (folder / "pictures").glob("*"):
            assert b'"redacted": "true"' in path.read_bytes()


def test_the_face_model_of_the_file_is_the_one_that_is_opened(
    unit_file: Callable[..., Any],
) -> None:
    settings_ = unit_file()
    known = settings_.media.model_copy(update={"face_model": str(shared("models/face_yunet.onnx"))})
    finder = open_faces(settings_.model_copy(update={"media": known}))
    assert finder.find(noise()).shape[1] == 4
    other = settings_.media.model_copy(update={"face_model": "nanodet-g-416"})
    with pytest.raises(ModelError):
        open_faces(settings_.model_copy(update={"media": other}))
