"""Things that are put down, and all that only looks like it, in a camera that stands."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from perception.place.placed import WorldTrack
from perception.rules.engine import Engine
from perception.rules.factory import build_rules
from perception.rules.rule import Alert
from tests.camera_tampers import Picture, clouds, noisy
from tests.rules.scenes import scene, track
from tests.rules.scripts import RULE

SIZE = 640, 360
PERSON_PX = (30, 90)
LEFT_S, GOES_S = 20.0, 26.0
WAY = Callable[[float], float | None]  # x of a person's middle at a time; None: not there


def passing(at_s: float) -> float | None:
    """Comes at 10 s, stands at x = 300 from 16 s on, goes on at 26 s, is gone by 36 s."""
    if at_s < 10 or at_s > 36:
        return None
    return 300 - 50 * (16 - at_s) if at_s < 16 else 300 + 34 * max(0.0, at_s - GOES_S)


def staying(at_s: float) -> float | None:
    return passing(min(at_s, 25.0))


def street(
    seconds: float, way: WAY = passing, *, bag_s: tuple[float, float] | None = (LEFT_S, 999.0)
) -> Iterator[tuple[float, Picture, list[WorldTrack]]]:
    """A wall and a pavement; somebody on it; a bag at their feet from when to when."""
    random = np.random.default_rng(4)
    rough = random.integers(70, 170, (45, 80, 3), np.uint8)
    still = cv2.resize(rough, SIZE, interpolation=cv2.INTER_CUBIC)
    for step in range(round(seconds * 2)):
        at_s = step / 2
        image, tracks = noisy(np.asarray(still, np.uint8), random, 2.0), []
        if bag_s and bag_s[0] <= at_s < bag_s[1]:
            cv2.rectangle(image, (318, 272), (342, 292), (25, 25, 40), -1)
        x = way(at_s)
        if x is not None and -20 < x < SIZE[0] + 20:
            left, top = int(x - PERSON_PX[0] / 2), 290 - PERSON_PX[1]
            cv2.rectangle(image, (left, top), (left + PERSON_PX[0], 290), (150, 60, 60), -1)
            box = float(left), float(top), float(left + PERSON_PX[0]), 290.0
            tracks = [track(1, 0.0, 0.0, at_s, box=box)]
        yield at_s, image, tracks


def told(
    pictures: Iterator[tuple[float, Picture, list[WorldTrack]]], *, parked: bool = True
) -> tuple[list[tuple[float, str, str | None]], Engine]:
    rule = RULE.validate_python({"kind": "left_object", "unattended_s": 10.0})
    engine = Engine(build_rules({"ours": rule}, ()))
    news = []
    for at_s, image, tracks in pictures:
        plain = scene(at_s, tracks, parked=parked, frame=None)
        scaled = replace(plain, width_px=SIZE[0], height_px=SIZE[1])
        news += [
            (at_s, each.phase, each.reason)
            for each in engine.see(scaled, image=image)
            if isinstance(each, Alert) and each.phase != "update"
        ]
    return news, engine


def test_a_bag_is_told_when_who_brought_it_has_gone_and_ends_when_it_is_taken() -> None:
    news, _ = told(street(66.0, bag_s=(LEFT_S, 50.0)))

    assert [each[1] for each in news] == ["new", "end"]
    assert 26 + 10 <= news[0][0] <= 45
    assert 50 <= news[1][0] <= 65


def test_who_stays_with_a_bag_has_not_left_it() -> None:
    assert told(street(46.0, staying))[0] == []


def test_nobody_left_anything() -> None:
    assert told(street(46.0, bag_s=None))[0] == []


def test_what_was_there_from_the_beginning_or_came_with_nobody_is_not_told() -> None:
    assert told(street(46.0, bag_s=(0.0, 999.0)))[0] == []
    assert told(street(46.0, lambda _: None, bag_s=(30.0, 999.0)))[0] == []


def test_something_that_is_taken_away_was_not_left() -> None:
    assert told(street(46.0, bag_s=(0.0, LEFT_S)))[0] == []


def test_clouds_are_no_things() -> None:
    pictures = (
        (at_s, clouds(image, at_s), tracks) for at_s, image, tracks in street(46.0, bag_s=None)
    )

    assert told(pictures)[0] == []


def test_a_unit_that_moves_says_that_it_cannot_tell() -> None:
    news, engine = told(street(30.0), parked=False)

    assert news == []
    assert [each.why for each in engine.blind()] == ["moving"]


@pytest.mark.parametrize("size", [(2, 2), (31, 17), (8, 4000)])
def test_any_picture_is_survived(size: tuple[int, int]) -> None:
    pictures = ((n * 0.5, np.full((*size, 3), 9 * n, np.uint8), []) for n in range(6))

    assert told(pictures)[0] == []
