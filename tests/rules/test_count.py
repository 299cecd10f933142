"""How many cross a line."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from perception.place.placed import Unplaced
from perception.rules.engine import Engine
from perception.rules.factory import build_rules
from perception.rules.rule import Count
from tests.rules.acting import Actor, Noise, joined, pace, play, stand, walk
from tests.rules.scenes import scene, track, zone
from tests.rules.scripts import RULE

LINE = zone("gate", [(0, -10), (0, 10)], kind="line")


def engine(**options: Any) -> Engine:
    config = RULE.validate_python({"kind": "count", "zones": ["gate"], **options})
    return Engine(build_rules({"ours": config}, [LINE]), [LINE])


def counts(actors: list[Actor], seed: int, noise: Noise | None = None) -> list[Count]:
    ours = engine()
    news = [each for s in play(actors, noise or Noise(), seed) for each in ours.see(s)]
    news += ours.end("front", "shutdown", 1e6)
    return [each for each in news if isinstance(each, Count)]


def total(told: list[Count]) -> tuple[Counter[str], Counter[str]]:
    forward, backward = Counter[str](), Counter[str]()
    for each in told:
        forward.update(each.forward)
        backward.update(each.backward)
    return forward, backward


@pytest.mark.parametrize("seed", range(3))
def test_a_crowd_that_crosses_both_ways_is_counted_within_five_percent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    actors = []
    for number in range(1, 61):
        y, begin_s = rng.uniform(-9, 9), rng.uniform(0, 110)
        way = [(-9.0, y), (9.0, y)] if number % 3 else [(9.0, y), (-9.0, y)]
        label = "bicycle" if number % 5 == 0 else "person"
        actors.append(Actor(number=number, way=walk(way, rng.uniform(0.8, 2.5), begin_s),
                            label=label))  # fmt: skip

    forward, backward = total(counts(actors, seed))

    assert forward.total() == pytest.approx(40, abs=2)
    assert backward.total() == pytest.approx(20, abs=1)
    assert (forward + backward)["bicycle"] == pytest.approx(12, abs=1)


def test_who_dithers_on_the_line_is_counted_once() -> None:
    ditherers = [
        Actor(number=n, way=joined(walk([(-8, n), (-0.3, n)], 1.2),
                                   pace((-0.3, n), (0.3, n), 30, 0.3), walk([(0, n), (8, n)], 1.2)))
        for n in range(-4, 5)
    ]  # fmt: skip

    forward, backward = total(counts(ditherers, 3))

    assert (forward["person"], backward["person"]) == (9, 0)


def test_the_bins_are_of_a_minute_and_each_says_how_long_the_line_was_watched() -> None:
    told = counts([Actor(number=1, way=walk([(-100, 0), (100, 0)], 1.25))], 1)

    assert [round(each.length_s) for each in told] == [60, 60, 50]
    assert [each.begun_mono_s - told[0].begun_mono_s for each in told] == [0, 60, 120]
    assert all(each.watched_s == pytest.approx(each.length_s, abs=0.5) for each in told)
    assert [dict(each.forward) for each in told] == [{}, {"person": 1}, {}]


def test_nothing_is_watched_where_nothing_is_placed_or_the_line_is_out_of_sight() -> None:
    ours = engine()
    for t in np.arange(0.0, 30.0, 0.5):
        ours.see(scene(float(t), frame=None, unplaced=Unplaced.NO_HEADING))
    for t in np.arange(30.0, 50.0, 0.5):
        away = np.array([(50.0, 50.0), (60.0, 50.0), (60.0, 60.0), (50.0, 60.0)])
        ours.see(scene(float(t), [track(1, 55.0, 55.0, float(t))], footprint=away))

    (told,) = [each for each in ours.end("front", "camera_lost", 50.0) if isinstance(each, Count)]
    assert told.watched_s == 0.0
    assert told.length_s == pytest.approx(49.5)


def test_a_silence_ends_a_bin_and_its_minutes_are_not_made_up() -> None:
    ours = engine()
    ours.see(scene(0.0))
    ours.see(scene(1.0))

    (first,) = [each for each in ours.see(scene(200.0)) if isinstance(each, Count)]

    assert (first.length_s, first.watched_s) == (1.0, 1.0)
    assert first.begun_mono_s == 0.0


def test_two_who_stand_are_none() -> None:
    two = [Actor(number=1, way=stand((0, 0), 100)), Actor(number=2, way=stand((3, 3), 100))]
    told = counts(two, 5)

    forward, backward = total(told)
    assert (forward.total(), backward.total()) == (0, 0)
