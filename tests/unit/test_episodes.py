"""EpisodeBook: new, update*, end, whatever the tracks do."""

import itertools
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.perception import EpisodesConfig
from perception.detections import PATROL_CLASSES, Track
from perception.episodes import EpisodeBook, EpisodeChange

SIZE = (640, 480)


def track(mono_s: float, left: float = 100, *, track_id: int = 1, **more: object) -> Track:
    """A track of 40x80 px that has been there since 0 s."""
    fields = {
        "track_id": track_id,
        "label": "person",
        "score": 0.8,
        "box": (left, 200.0, left + 40, 280.0),
        "mono_s": mono_s,
        "seen": True,
        "age_s": mono_s,
    }
    return Track(**(fields | more))  # type: ignore[arg-type]  # a dict of the right fields


def book(min_duration_s: float = 0.5, update_every_s: float = 10) -> EpisodeBook:
    config = EpisodesConfig(min_duration_s=min_duration_s, update_every_s=update_every_s)
    return EpisodeBook(config, "front")


def play(episodes: EpisodeBook, *tracks: Track) -> list[EpisodeChange]:
    return [c for t in tracks for c in episodes.update([t], t.mono_s, SIZE)]


def test_an_episode_is_new_only_after_its_least_duration() -> None:
    episodes = book(min_duration_s=0.5)

    assert play(episodes, *(track(t / 10) for t in range(5))) == []
    (new,) = play(episodes, track(0.5, left=128))

    assert (new.change, new.camera, new.label, new.reason) == ("new", "front", "person", None)
    assert new.box == (0.2, 0.4167, 0.0625, 0.1666)
    assert (new.first_seen_mono_s, new.last_seen_mono_s) == (0.0, 0.5)


def test_a_track_too_short_to_be_reported_ends_in_silence() -> None:
    episodes = book(min_duration_s=0.5)
    play(episodes, track(0.0), track(0.4))

    assert episodes.update([], 0.5, SIZE) == []
    assert episodes.end_all("shutdown") == []


def test_time_in_which_it_was_only_predicted_does_not_make_it_long_enough() -> None:
    assert play(book(), track(0.0), track(0.8, seen=False)) == []


def test_updates_come_at_the_configured_pace_and_say_what_changed() -> None:
    episodes = book(update_every_s=2)
    changes = play(episodes, *(track(t / 4, left=100 + t * 2) for t in range(4 * 5)))

    assert [(c.change, c.last_seen_mono_s) for c in changes] == [
        ("new", 0.5),
        ("update", 2.5),
        ("update", 4.5),
    ]
    assert changes[1].changed == ("box",)


def test_a_change_of_class_is_told_at_once() -> None:
    changes = play(book(), track(0.0), track(1.0), track(1.1, label="bicycle"), track(1.2))

    assert [c.label for c in changes] == ["person", "bicycle", "person"]
    assert changes[1].changed == ("label",)


def test_an_update_waits_until_the_object_is_seen_again() -> None:
    episodes = book(update_every_s=2)
    play(episodes, track(0.0), track(1.0))

    assert play(episodes, track(3.5, seen=False)) == []
    assert [c.change for c in play(episodes, track(3.6))] == ["update"]


@pytest.mark.parametrize(
    ("lefts", "reason"),
    [
        ([60, 40, 20, 2], "left"),
        ([540, 560, 580, 600], "left"),
        ([2, 2, 2, 2], "lost"),  # stands at the border
        ([300, 280, 260, 240], "lost"),  # vanishes in the middle
        ([2, 10, 20, 30], "lost"),  # comes in
    ],
)
def test_the_reason_tells_leaving_from_losing(lefts: list[float], reason: str) -> None:
    episodes = book()
    play(episodes, *(track(i / 4, left=left) for i, left in enumerate(lefts)))

    (end,) = episodes.update([], 2.0, SIZE)

    assert (end.change, end.reason, end.last_seen_mono_s) == ("end", reason, 0.75)


def test_one_predicted_beyond_the_picture_has_left() -> None:
    episodes = book()
    play(episodes, track(0.0, left=300), track(1.0, left=500))
    play(episodes, track(1.5, left=640, seen=False))

    (end,) = episodes.update([], 3.0, SIZE)

    assert end.reason == "left"
    assert end.box == (0.7812, 0.4167, 0.0626, 0.1666)  # where it was seen, not where it is guessed


def test_the_loss_of_the_camera_ends_what_was_told_and_begins_nothing_twice() -> None:
    episodes = book()
    play(episodes, track(0.0), track(1.0))

    (end,) = episodes.end_all("camera_lost")

    assert (end.change, end.reason) == ("end", "camera_lost")
    assert episodes.open_count == 0
    assert play(episodes, track(1.1), track(2.1)) == []


def test_confidence_is_a_median_and_the_best_is_kept() -> None:
    scores = [0.3, 0.99, 0.3, 0.4, 0.3]
    changes = play(book(), *(track(i / 8, score=s) for i, s in enumerate(scores)))

    assert (changes[0].confidence, changes[0].best_confidence) == (0.3, 0.99)


anywhere = st.floats(-2000, 2000)
tracks = st.builds(
    lambda track_id, label, score, seen, x, y, w, h, age: Track(
        track_id=track_id,
        label=label,
        score=score,
        box=(x, y, x + w, y + h),
        mono_s=0.0,
        seen=seen,
        age_s=age,
    ),
    track_id=st.integers(1, 6),
    label=st.sampled_from(PATROL_CLASSES),
    score=st.floats(0, 1),
    seen=st.booleans(),
    x=anywhere,
    y=anywhere,
    w=st.floats(0.1, 3000),
    h=st.floats(0.1, 3000),
    age=st.floats(0, 5),
)
steps = st.lists(
    st.one_of(
        st.lists(tracks, max_size=6, unique_by=lambda t: t.track_id),
        st.just("camera_lost"),
    ),
    max_size=30,
)


@given(steps=steps, gaps=st.lists(st.floats(0.01, 3), min_size=30, max_size=30))
def test_every_episode_is_new_then_updates_then_one_end(
    steps: list[list[Track] | str], gaps: list[float]
) -> None:
    episodes, told = book(min_duration_s=0.2, update_every_s=1), defaultdict(list)
    changes: list[EpisodeChange] = []
    for step, mono_s in zip(steps, itertools.accumulate(gaps), strict=False):
        if isinstance(step, str):
            changes += episodes.end_all("camera_lost")
        else:
            changes += episodes.update(step, mono_s, SIZE)
    changes += episodes.end_all("shutdown")
    for change in changes:
        told[change.track_id].append(change)
        x, y, w, h = change.box
        assert min(change.box) >= 0
        assert x + w <= 1 + 1e-9
        assert y + h <= 1 + 1e-9
        assert change.first_seen_mono_s <= change.last_seen_mono_s
        assert (change.reason is None) == (change.change != "end")
    for life in told.values():
        kinds = [change.change for change in life]
        assert kinds == ["new", *["update"] * (len(kinds) - 2), "end"]
    assert episodes.open_count == 0
