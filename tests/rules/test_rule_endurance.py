"""A day of a unit, ten seconds a look: nothing that rules and episodes remember grows with it."""

from collections import deque
from typing import Any

import numpy as np

from config.perception import EpisodesConfig
from perception.detections import Track
from perception.episodes import EpisodeBook
from perception.rules.engine import Engine
from tests.rules.scenes import scene, track
from tests.rules.test_rule_properties import RULES, engine

EVERY_S = 10.0
LOOKS = 8640  # of a day
AT_ONCE = {"min_duration_s": 0, "cool_down_s": 3600}
WATCHED = {
    **RULES,
    "a": {"kind": "intrusion", "zones": ["yard", "road"], **AT_ONCE},
    "d": {"kind": "carriageway", "zones": ["road"], **AT_ONCE, "min_duration_s": 0},
    "h": {"kind": "stopped", "zones": ["yard"], "labels": ["person"], "stands_s": 1},
}


def held(one: Any, seen: set[int]) -> int:
    """Entries of all containers that can be reached through the product's own objects."""
    if id(one) in seen or isinstance(one, np.ndarray | str | bytes):
        return 0
    seen.add(id(one))
    if isinstance(one, dict | list | tuple | set | frozenset | deque):
        inner = list(one.values()) if isinstance(one, dict) else list(one)
        return len(inner) + sum(held(each, seen) for each in inner)
    if not type(one).__module__.startswith("perception"):
        return 0
    slots = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
    names = {*slots, *getattr(one, "__dict__", {})}
    return sum(held(getattr(one, name, None), seen) for name in sorted(names))


def test_a_day_of_passers_by_leaves_no_more_than_half_a_day() -> None:
    ours: Engine = engine(rules=WATCHED)
    random, sizes, alerts = np.random.default_rng(5), list[int](), 0
    for look in range(LOOKS):
        now_s = 1000.0 + look * EVERY_S
        east_m, north_m = random.uniform((-28, -9), (28, 9)).tolist()
        alerts += len(ours.see(scene(now_s, [track(look, east_m, north_m, now_s)])))
        if look in (LOOKS // 2, LOOKS - 1):
            sizes.append(held(ours, set()))

    assert alerts > LOOKS / 2, "a day on which much was told"
    assert sizes[1] < 1.05 * sizes[0], sizes


def test_a_day_of_tracks_leaves_no_more_than_half_a_day() -> None:
    book, sizes = EpisodeBook(EpisodesConfig(min_duration_s=0), "front"), list[int]()
    for number in range(12_000):
        now_s = 1000.0 + number * EVERY_S
        one = Track(
            track_id=number, label="person", score=0.8, box=(1.0, 1.0, 9.0, 9.0), mono_s=now_s,
            seen=True, age_s=1.0,
        )  # fmt: skip
        assert [each.change for each in book.update([one], now_s, (64, 48))][:1] == ["new"]
        if number in (6000, 11_999):
            sizes.append(held(book, set()))

    assert sizes[1] == sizes[0]
