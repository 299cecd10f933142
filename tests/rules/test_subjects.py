"""Who is who over slips of the tracker and over cameras."""

import numpy as np

from perception.place.placed import WorldTrack
from perception.rules.subjects import Subjects
from tests.rules.scenes import scene, track


def walk(number: int, t: float, *, camera: str = "front", label: str = "person") -> WorldTrack:
    return track(number, 1.2 * t, 0.0, t, velocity_mps=(1.2, 0.0), camera=camera, label=label)


def test_a_track_that_goes_on_under_another_number_stays_who_it_was() -> None:
    subjects = Subjects()
    first = subjects.of(scene(0.0, [walk(1, 0.0)]))
    subjects.of(scene(2.0))

    assert subjects.of(scene(3.0, [walk(2, 3.0)])) == {2: first[1]}


def test_who_begins_elsewhere_or_later_or_is_something_else_is_somebody_else() -> None:
    for newcomer, t in (
        (track(2, 30.0, 0.0, 1.0), 1.0),
        (walk(2, 7.0), 7.0),
        (walk(2, 1.0, label="car"), 1.0),
    ):
        subjects = Subjects()
        first = subjects.of(scene(0.0, [walk(1, 0.0)]))
        assert subjects.of(scene(t, [newcomer]))[2] != first[1]


def test_two_side_by_side_are_two() -> None:
    subjects = Subjects()
    a = subjects.of(scene(0.0, [track(1, 0.0, 0.0, 0.0)]))
    b = subjects.of(scene(0.2, [track(1, 0.0, 0.0, 0.2), track(2, 0.5, 0.0, 0.2)]))

    assert b[1] == a[1]
    assert b[2] != b[1]


def test_two_cameras_that_see_one_person_see_one_subject() -> None:
    subjects = Subjects()
    seen = [
        subjects.of(scene(t, [walk(number, t, camera=camera)], camera=camera))
        for t in np.arange(0.0, 3.0, 0.25)
        for number, camera in ((1, "front"), (2, "left"))
    ]

    assert {subject for each in seen for subject in each.values()} == {1}


def test_two_cameras_that_drift_apart_saw_two_people() -> None:
    subjects = Subjects()
    for t in np.arange(0.0, 20.0, 0.5):
        one = subjects.of(scene(t, [track(1, 0.0, 0.0, t)]))
        other = subjects.of(scene(t + 0.1, [track(2, t, 0.0, t, camera="left")], camera="left"))

    assert one[1] != other[2]


def test_swapped_numbers_are_matched_nearest_first() -> None:
    subjects = Subjects()
    before = subjects.of(scene(0.0, [track(1, 0.0, 0.0, 0.0), track(2, 1.5, 0.0, 0.0)]))
    after = subjects.of(scene(0.5, [track(3, 1.5, 0.0, 0.5), track(4, 0.0, 0.0, 0.5)]))

    assert (after[4], after[3]) == (before[1], before[2])
