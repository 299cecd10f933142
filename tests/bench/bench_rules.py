"""Rules: precision, recall and delay on the scripted sets, and what a picture costs.

The peer of the cost is what others do at this place: points in prepared polygons (shapely), without
any error of the position, no rule, no episode.
"""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
import shapely

from perception.place.placed import Scene
from perception.rules.engine import Engine
from perception.rules.factory import build_rules
from perception.zones.zones import Plot, Zone, polygon
from tests.bench import rule_counts
from tests.bench.figures import Figure
from tests.rules.scenes import FRAME, scene, track, zone
from tests.rules.scripts import RULE, SETS, score

SEEDS = range(100, 108)
LATEST_S = {"carriageway": 10.0}  # of a standing person; the others have no limit of their own
ZONES, TRACKS, CORNERS = 48, 50, 10
FRAMES = 200


def measure() -> Iterator[Figure]:
    for kind in sorted(SETS):
        yield from _judged(kind)
    yield from rule_counts.measure()
    yield from _cost()


def _judged(kind: str) -> Iterator[Figure]:
    found, wrong = score(kind, SEEDS)
    told = f"{len(SETS[kind]())} scripts, {len(SEEDS)} seeds" + "".join(f"; {w}" for w in wrong[:2])
    precision = math.nan if found.precision is None else found.precision
    recall = math.nan if found.recall is None else found.recall
    yield Figure(
        name=f"{kind}: precision", value=precision, unit="", limit=0.95, sense=">=", peer=told
    )
    yield Figure(name=f"{kind}: recall", value=recall, unit="", limit=0.95, sense=">=")
    yield Figure(
        name=f"{kind}: told after, median", value=found.delay_s or 0.0, unit="s",
        peer=f"at most {max(found.delays_s, default=0):.1f} s",
    )  # fmt: skip
    if kind in LATEST_S:
        latest_s = max(found.delays_s, default=math.nan)
        yield Figure(name=f"{kind}: told at the latest", value=latest_s, unit="s",
                     limit=LATEST_S[kind])  # fmt: skip


# --- what a picture costs ---


def _cost() -> Iterator[Figure]:
    zones = _zones()
    scenes = [_crowd(n) for n in range(FRAMES)]
    rules = {f"rule_{n}": RULE.validate_python(each) for n, each in enumerate(_rules(zones))}
    engine = Engine(build_rules(rules, zones), zones)
    engine.see(scenes[0])
    each_ms = _each_ms(engine.see, scenes[1:])
    shapes = [polygon(_plot(each)) for each in zones]
    shapely.prepare(shapes)
    peer_ms = _each_ms(lambda s: _points_in(shapes, s), scenes[1:])
    yield Figure(
        name=f"a picture: {ZONES} zones, {TRACKS} tracks, 7 rules", value=each_ms, unit="ms",
        limit=2.0, peer=f"points in prepared polygons alone: {peer_ms:.2f} ms",
    )  # fmt: skip


def _zones() -> list[Zone]:
    """Eight by six ragged polygons of 20 m on a grid; lines and lanes are of the same kind."""
    rng = np.random.default_rng(5)
    made = []
    for number, (x, y) in enumerate(itertools.product(range(8), range(6))):
        angles = np.sort(rng.uniform(0, 2 * np.pi, CORNERS))
        radii = rng.uniform(6, 10, CORNERS)
        corners = np.column_stack((np.cos(angles), np.sin(angles))) * radii[:, None]
        kind = ("area", "carriageway", "lane", "area", "crossing", "exclusion")[number % 6]
        direction = 90.0 if kind == "lane" else None
        where = [(20 * x - 70 + a, 20 * y - 50 + b) for a, b in corners.tolist()]
        made.append(zone(f"zone_{number}", where, kind=kind, direction_deg=direction))
    return made


def _rules(zones: list[Zone]) -> list[dict[str, Any]]:
    """Every rule on all zones that it takes, so that each zone is looked into several times."""
    areas = [z.name for z in zones if z.kind == "area"]
    roads = [z.name for z in zones if z.kind in ("carriageway", "lane")]
    lanes = [z.name for z in zones if z.kind == "lane"]
    return [
        {"kind": "intrusion", "zones": areas},
        {"kind": "intrusion", "zones": areas, "labels": ["car", "truck"]},
        {"kind": "loitering", "zones": areas, "dwell_s": 10},
        {"kind": "carriageway", "zones": roads, "wandering_s": 5},
        {"kind": "wrong_way", "zones": lanes},
        {"kind": "fast", "zones": [*areas, *roads]},
        {"kind": "fast", "zones": roads, "labels": ["car", "truck"], "speed_mps": 15},
    ]


def _crowd(number: int) -> Scene:
    """Fifty who walk about, one in three a car."""
    rng = np.random.default_rng(9)
    starts = rng.uniform((-75, -55), (75, 55), (TRACKS, 2))
    steps = rng.normal(0, 1.2, (TRACKS, 2))
    t = 0.2 * number
    return scene(t, [
        track(n + 1, float(x), float(y), t, error_m=1.0, label="car" if n % 3 == 0 else "person",
              velocity_mps=(float(vx), float(vy)), box=_box(float(x), float(y)))
        for n, ((x, y), (vx, vy)) in enumerate(zip(starts + steps * t, steps, strict=True))
    ])  # fmt: skip


def _box(east_m: float, north_m: float) -> tuple[float, float, float, float]:
    left, foot = 640 + 8 * east_m, 400 - 4 * north_m
    return left, foot - 60, left + 25, foot


def _plot(zone_: Zone) -> Plot:
    return Plot.of(zone_, FRAME.ring_to_metres(zone_.points))


def _points_in(shapes: list[Any], seen: Scene) -> None:
    places = [(t.point.east_m, t.point.north_m) for t in seen.tracks if t.point is not None]
    points = shapely.points(np.array(places))
    for shape in shapes:
        shapely.contains(shape, points)


def _each_ms(work: Callable[[Scene], Any], scenes: list[Scene]) -> float:
    took = []
    for each in scenes:
        begun_s = time.thread_time()
        work(each)
        took.append(time.thread_time() - begun_s)
    return 1e3 * median(took)
