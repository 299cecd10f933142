"""The scripted sets that each rule is judged by: what must be told, what must not, and what is so
near to the limit that either is right (`optional`).

A rule's set is a list of scripts; each is one rule, its zones, actors, and what really happens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from config.rules import RuleConfig
from perception.place.frame import LocalFrame
from perception.rules.engine import Engine
from perception.rules.event_scores import Happening, Score, compare
from perception.rules.factory import build_rules
from perception.rules.rule import Alert, Count
from perception.zones.zones import Zone
from tests.rules.acting import Actor, Noise, joined, pace, play, stand, walk
from tests.rules.scenes import FRAME, square, zone

RULE: TypeAdapter[Any] = TypeAdapter(RuleConfig)
SETS: dict[str, Callable[[], "list[Script]"]] = {}
SCRIPT_RADIUS_M = 60.0  # actors move; what and when decides, and where only roughly
ROUGH = Noise(common_m=0.8, own_m=0.6, velocity_mps=0.4, unseen=0.15, slips=0.03)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One scene to be judged. `truths`: begin and end on the script's clock, with the place."""

    title: str
    rule: dict[str, Any]
    zones: tuple[Zone, ...]
    actors: tuple[Actor, ...]
    truths: tuple[Happening, ...] = ()
    noise: Noise = field(default_factory=Noise)


def scripted(kind: str) -> Callable[[Callable[[], list[Script]]], Callable[[], list[Script]]]:
    """Enters a set under the kind of its rule."""

    def enter(make: Callable[[], list[Script]]) -> Callable[[], list[Script]]:
        SETS[kind] = make
        return make

    return enter


def happens(
    kind: str, begin_s: float, end_s: float, place: tuple[float, float], *, optional: bool = False
) -> Happening:
    lat_deg, lon_deg = FRAME.to_degrees(*place)
    return Happening(
        rule=kind, begun_s=begin_s, ended_s=end_s, lat_deg=lat_deg, lon_deg=lon_deg,
        optional=optional,
    )  # fmt: skip


def perform(script: Script, seed: int) -> tuple[list[Alert], list[Count]]:
    """What the rule tells of the script."""
    rules = build_rules({"ours": RULE.validate_python(script.rule)}, script.zones)
    engine = Engine(rules, script.zones)
    news = [each for scene in play(script.actors, script.noise, seed) for each in engine.see(scene)]
    news += engine.end(None, "shutdown", 1e6)
    alerts = [each for each in news if isinstance(each, Alert)]
    return alerts, [each for each in news if isinstance(each, Count)]


def score(kind: str, seeds: Sequence[int]) -> tuple[Score, list[str]]:
    """Of a rule's set, over the seeds; and what went wrong, by title and seed."""
    whole, wrong = Score(), []
    for script in SETS[kind]():
        for seed in seeds:
            told = [happened(alerts) for alerts in _episodes(perform(script, seed)[0])]
            of_one = compare(told, script.truths, radius_m=SCRIPT_RADIUS_M).get(
                script.rule["kind"], Score()
            )
            whole.add(of_one)
            if of_one.false_alarms or of_one.misses:
                told_wrong = f"{of_one.false_alarms} false, {of_one.misses} missed"
                wrong.append(f"{script.title}, seed {seed}: {told_wrong}")
    return whole, wrong


def happened(episode: Sequence[Alert]) -> Happening:
    """An episode as the scores take it. It was told when it was last seen to hold in its `new`."""
    first, last = episode[0], episode[-1]
    frame: LocalFrame | None = first.frame
    lat_deg = lon_deg = None
    if first.place is not None and frame is not None:
        lat_deg, lon_deg = frame.to_degrees(first.place.east_m, first.place.north_m)
    return Happening(
        rule=first.rule, name=first.name, zone=first.zone, begun_s=first.begun_mono_s,
        ended_s=last.last_mono_s, told_s=first.last_mono_s, lat_deg=lat_deg, lon_deg=lon_deg,
    )  # fmt: skip


def _episodes(alerts: Sequence[Alert]) -> list[list[Alert]]:
    found: dict[int, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(alert.episode, []).append(alert)
    return list(found.values())


# --- intrusion ---


@scripted("intrusion")
def intrusion() -> list[Script]:
    rule = {"kind": "intrusion", "zones": ["yard"]}
    yard = (square(side_m=20.0),)

    def of(title: str, *ways: Any, truths: Sequence[Happening] = (), **more: Any) -> Script:
        actors = tuple(Actor(number=n, way=way) for n, way in enumerate(ways, 1))
        more = {"rule": rule, "zones": yard} | more
        return Script(title=title, actors=actors, truths=tuple(truths), **more)

    def told(begin_s: float, end_s: float, *place: float, **more: Any) -> Happening:
        return happens("intrusion", begin_s, end_s, (place[0], place[1]), **more)

    across = walk([(-30, 0), (30, 0)], 1.4)
    return [
        of("walks across", across, truths=[told(14.3, 28.6, -7, 0)]),
        of("walks across, rough", across, truths=[told(14.3, 28.6, -7, 0)], noise=ROUGH),
        of("stands inside", stand((3, -4), 40), truths=[told(0, 40, 3, -4)]),
        of("stands inside, rough", stand((0, 0), 40), truths=[told(0, 40, 0, 0)], noise=ROUGH),
        of("two at once", stand((-4, 0), 30), stand((4, 0), 30),
           truths=[told(0, 30, -4, 0), told(0, 30, 4, 0)]),
        of("in, out for long, in again after the cool-down",
           joined(walk([(0, 0), (40, 0)], 1.4), stand((40, 0), 90), walk([(40, 0), (0, 0)], 1.4),
                  stand((0, 0), 10)), truths=[told(0, 7.1, 5, 0), told(140, 157, 5, 0)]),
        of("runs across", walk([(-30, 3), (30, 3)], 5.0), truths=[told(4, 8, -5, 3)]),
        of("passes outside", walk([(-30, 14), (30, 14)], 1.4)),
        of("passes outside, rough", walk([(-30, 16), (30, 16)], 1.4), noise=ROUGH),
        of("stands outside", stand((13, 0), 60)),
        of("clips a corner for a moment", walk([(8, -14), (14, -8)], 3.0)),
        of("paces outside", pace((13, -10), (13, 10), 60)),
        Script(title="a car inside", rule=rule, zones=yard,
               actors=(Actor(number=1, way=stand((0, 0), 20), label="car"),)),
        of("stands on the border", stand((10, 0), 60), truths=[told(0, 60, 10, 0, optional=True)]),
        of("paces along the border", pace((10, -8), (10, 8), 60),
           truths=[told(0, 60, 10, 0, optional=True)]),
    ]  # fmt: skip


# --- tripwire ---


@scripted("tripwire")
def tripwire() -> list[Script]:
    line = (zone("wire", [(0, -10), (0, 10)], kind="line"),)  # left is west, right is east
    bend = (zone("wire", [(0, -10), (0, 0), (8, 8)], kind="line"),)

    def of(
        title: str, way: Any, *truths: Happening, direction: str = "both", **more: Any
    ) -> Script:
        rule = {"kind": "tripwire", "zones": ["wire"], "direction": direction}
        more = {"zones": line} | more
        return Script(title=title, rule=rule, actors=(Actor(number=1, way=way),),
                      truths=truths, **more)  # fmt: skip

    def told(at_s: float, *place: float) -> Happening:
        return happens("tripwire", at_s, at_s, (place[0], place[1]))

    east, west = walk([(-12, 0), (12, 0)], 1.4), walk([(12, 2), (-12, 2)], 1.4)
    return [
        of("crosses", east, told(8.6, 0, 0)),
        of("crosses, rough", east, told(8.6, 0, 0), noise=ROUGH),
        of("crosses the way that is asked for", east, told(8.6, 0, 0), direction="forward"),
        of("crosses the other way", west, told(8.6, 0, 2), direction="backward"),
        of("crosses the way that is not asked for", west, direction="forward"),
        of("runs across", walk([(-20, 3), (20, 3)], 6.0), told(3.3, 0, 3)),
        of("crosses slowly", walk([(-5, 0), (5, 0)], 0.4), told(12.5, 0, 0)),
        of("crosses and comes back", joined(east, walk([(12, 0), (-12, 2)], 1.4)),
           told(8.6, 0, 0), told(25.7, 0, 1)),
        of("crosses a bend", walk([(-6, 4), (14, 4)], 1.4), told(7.1, 4, 4), zones=bend),
        of("crosses at a slant", walk([(-10, -8), (10, 8)], 1.4), told(9.1, 0, 0)),
        of("walks around the end", walk([(-8, 0), (-8, 14), (8, 14), (8, 0)], 1.4)),
        of("walks around a bend's end", walk([(-6, 12), (12, 12), (12, 0)], 1.4), zones=bend),
        of("walks along it", walk([(-2.5, -12), (-2.5, 12)], 1.4)),
        of("walks along it, rough", walk([(-5, -12), (-5, 12)], 1.4), noise=ROUGH),
        of("turns back before it", joined(walk([(-10, 0), (-2, 0)], 1.4),
                                          walk([(-2, 0), (-10, 1)], 1.4))),
        of("stands near it", stand((-2.5, 0), 120)),
        of("dithers on it and goes back", joined(walk([(-8, 0), (0, 0)], 1.4), stand((0, 0), 60),
                                                 walk([(0, 0), (-8, 0)], 1.4))),
        of("dithers on it and goes on", joined(walk([(-8, 0), (0, 0)], 1.4), stand((0, 0), 60),
                                               walk([(0, 0), (8, 0)], 1.4)), told(65.7, 0, 0)),
    ]  # fmt: skip


# --- loitering ---


@scripted("loitering")
def loitering() -> list[Script]:
    square_ = (square("square", 40.0), square("stop", 6.0, kind="exclusion", east_m=12.0))

    def of(title: str, way: Any, *truths: Happening, **more: Any) -> Script:
        rule = {"kind": "loitering", "zones": ["square"], "dwell_s": 60.0}
        actors = (Actor(number=1, way=way),)
        return Script(title=title, rule=rule, zones=square_, actors=actors, truths=truths, **more)

    def told(begin_s: float, end_s: float, *place: float, **more: Any) -> Happening:
        return happens("loitering", begin_s, end_s, (place[0], place[1]), **more)

    ring = [(5 * x, 5 * y) for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1))] * 6
    return [
        of("stands", stand((-5, 0), 120), told(0, 120, -5, 0)),
        of("stands, rough, with slips of the tracker", stand((-5, 0), 120), told(0, 120, -5, 0),
           noise=ROUGH),
        of("paces to and fro", pace((-10, 0), (0, 0), 120), told(0, 120, -5, 0)),
        of("paces to and fro, rough", pace((-10, 0), (0, 0), 120), told(0, 120, -5, 0),
           noise=ROUGH),
        of("walks in circles", walk(ring, 1.0), told(0, 160, 0, 0)),
        of("arrives, then stays", joined(walk([(-60, 5), (-5, 5)], 1.4), stand((-5, 5), 100)),
           told(28.5, 139, -5, 5)),
        of("walks through", walk([(-25, 0), (-3, -10), (25, 0)], 1.2)),
        of("walks through slowly", walk([(-25, -8), (25, -8)], 0.5)),
        of("walks through slowly, rough", walk([(-25, -8), (25, -8)], 0.5), noise=ROUGH),
        of("stands for a while", joined(walk([(-25, -5), (0, -5)], 1.4), stand((0, -5), 25),
                                        walk([(0, -5), (25, -5)], 1.4))),
        of("waits at the stop", stand((12, 0), 150)),
        of("stands outside", stand((-25, 0), 120)),
        of("comes for short times", joined(stand((0, 0), 30), walk([(0, 0), (-40, 0)], 2.0),
                                           stand((-40, 0), 20), walk([(-40, 0), (0, 0)], 2.0),
                                           stand((0, 0), 30))),
        of("strolls with half of its way won",
           joined(*[walk([(-20 + 6 * n, 0), (-20 + 6 * n + 9, 0), (-20 + 6 * (n + 1), 0)], 0.25)
                    for n in range(5)]), told(0, 300, 0, 0, optional=True)),
    ]  # fmt: skip


# --- person on the carriageway ---


@scripted("carriageway")
def carriageway() -> list[Script]:
    road = (
        zone("road", [(-60, -5), (60, -5), (60, 5), (-60, 5)], kind="carriageway"),
        zone("zebra", [(10, -6), (15, -6), (15, 6), (10, 6)], kind="crossing"),
    )
    rule = {"kind": "carriageway", "zones": ["road"]}

    def of(title: str, way: Any, *truths: Happening, **more: Any) -> Script:
        more = {"actors": (Actor(number=1, way=way),)} | more
        return Script(title=title, rule=rule, zones=road, truths=truths, **more)

    def told(begin_s: float, end_s: float, *place: float, **more: Any) -> Happening:
        return happens("carriageway", begin_s, end_s, (place[0], place[1]), **more)

    def pair(way: Any, label: str, height_px: float) -> tuple[Actor, ...]:
        return (
            Actor(number=1, way=way),
            Actor(number=2, way=way, label=label, height_px=height_px),
        )

    ride = walk([(-50, 1), (50, 1)], 3.0)
    return [
        of("stands in the lane", stand((-10, 0), 30), told(0, 30, -10, 0)),
        of("stands in the lane, rough", stand((-10, 0), 30), told(0, 30, -10, 0), noise=ROUGH),
        of("wanders in the lane", pace((-20, 0), (-10, 1), 60, 0.7), told(0, 60, -15, 0)),
        of("walks along the road", walk([(-50, 0), (5, 0)], 1.2), told(0, 46, -30, 0)),
        of("crosses slowly beside the crossing", walk([(-10, -8), (-10, 8)], 0.8),
           told(3.8, 16.3, -10, 0)),
        of("walks before the traffic", walk([(-30, 0), (5, 0)], 1.0), told(0, 35, -20, 0),
           actors=(Actor(number=1, way=walk([(-30, 0), (5, 0)], 1.0)),
                   # Behind in depth, though the boxes overlap in the picture.
                   Actor(number=2, way=walk([(-29, 14), (6, 14)], 1.0), label="car",
                         height_px=160))),
        of("gets out of a car and walks off along the road",
           stand((0, 0), 1), told(6, 36, -20, 0),
           actors=(Actor(number=1, way=joined(stand((-30, 0), 6), walk([(-30, 0), (0, 0)], 1.0))),
                   Actor(number=2, way=stand((-30, 0), 36), label="car", height_px=150))),
        of("uses the crossing", walk([(12.5, -9), (12.5, 9)], 1.2)),
        of("stands on the crossing", stand((12.5, 0), 60)),
        of("walks on the pavement", walk([(-50, 8), (50, 8)], 1.3)),
        of("stands at the kerb, rough", stand((-10, 8.5), 60), noise=ROUGH),
        of("steps on it for a moment", joined(walk([(-10, 8), (-10, 4)], 1.4),
                                              walk([(-10, 4), (-10, 8)], 1.4))),
        of("rides a bicycle", ride, actors=pair(ride, "bicycle", 70)),
        of("rides a bicycle that is not detected", walk([(-50, 1), (50, 1)], 6.0)),
        of("sits on a motorcycle that waits", stand((-20, 0), 30),
           actors=pair(stand((-20, 0), 30), "motorcycle", 80)),
        of("gets something from the boot", stand((-20, -1), 20),
           actors=pair(stand((-20, -1), 20), "car", 130)),
        of("stands on the kerb itself", stand((-10, 5), 40),
           told(0, 40, -10, 5, optional=True)),
    ]  # fmt: skip


# --- wrong way ---


@scripted("wrong_way")
def wrong_way() -> list[Script]:
    lane = (
        zone("lane", [(-80, -2), (80, -2), (80, 2), (-80, 2)], kind="lane", direction_deg=90.0),
    )

    def of(title: str, way: Any, *truths: Happening, label: str = "car", **more: Any) -> Script:
        rule = {"kind": "wrong_way", "zones": ["lane"]}
        actors = (Actor(number=1, way=way, label=label),)
        return Script(title=title, rule=rule, zones=lane, actors=actors, truths=truths, **more)

    def told(begin_s: float, end_s: float, *place: float) -> Happening:
        return happens("wrong_way", begin_s, end_s, (place[0], place[1]))

    return [
        of("drives against it", walk([(70, 0), (-70, 0)], 10.0), told(0, 14, 40, 0)),
        of("drives against it slowly", walk([(30, 0), (-30, 0)], 4.0), told(0, 15, 20, 0)),
        of("a motorcycle against it", walk([(70, 0.5), (-70, 0.5)], 8.0), told(0, 17, 40, 0),
           label="motorcycle"),
        of("drives against it, then on", joined(walk([(60, 0), (0, 0)], 8.0), stand((0, 0), 20),
                                                walk([(0, 0), (70, 0)], 8.0)), told(0, 7.5, 40, 0)),
        of("drives with it", walk([(-70, 0), (70, 0)], 10.0)),
        of("drives with it, rough", walk([(-70, 0), (70, 0)], 10.0), noise=ROUGH),
        of("stands", stand((0, 0), 60)),
        of("stands, rough", stand((0, 0), 60), noise=ROUGH),
        of("crosses the lane", walk([(0, -30), (0, 30)], 6.0)),
        of("backs into a gap", joined(walk([(-20, 0), (0, 0)], 5.0), walk([(0, 0), (-5, 0)], 1.0),
                                      stand((-5, 0), 10))),
        of("drives against it beside the lane", walk([(70, 6), (-70, 6)], 10.0)),
        of("rolls back", walk([(3, 0), (-3, 0)], 0.8)),
        of("changes lanes at a slant", walk([(-40, -10), (40, 10)], 8.0)),
        of("a person walks against it", walk([(30, 0), (-30, 0)], 1.4), label="person"),
    ]  # fmt: skip


# --- fast ---


@scripted("fast")
def fast() -> list[Script]:
    street = (square("street", 100.0),)

    def of(title: str, way: Any, *truths: Happening, rule: Any = None, **more: Any) -> Script:
        label = more.pop("label", "person")
        usual = {"kind": "fast", "zones": ["street"], "speed_mps": 3.5}
        actors = (Actor(number=1, way=way, label=label),)
        return Script(title=title, rule=usual | (rule or {}), zones=street, actors=actors,
                      truths=truths, **more)  # fmt: skip

    def told(begin_s: float, end_s: float, *place: float) -> Happening:
        return happens("fast", begin_s, end_s, (place[0], place[1]))

    cars = {"labels": ["car", "truck"], "speed_mps": 11.0}
    return [
        of("runs", walk([(-30, 0), (30, 0)], 5.0), told(0, 12, -20, 0)),
        of("sprints", walk([(-30, 0), (30, 0)], 7.0), told(0, 8.6, -15, 0)),
        of("walks, then runs", joined(walk([(-20, 0), (0, 0)], 1.4), walk([(0, 0), (40, 0)], 5.0)),
           told(14.3, 22.3, 5, 0)),
        of("runs, rough", walk([(-40, 0), (40, 0)], 5.5), told(0, 14.5, -20, 0), noise=ROUGH),
        of("walks", walk([(-30, 0), (30, 0)], 1.4)),
        of("walks, rough", walk([(-30, 0), (30, 0)], 1.6), noise=ROUGH),
        of("jogs below the limit", walk([(-30, 0), (30, 0)], 2.6)),
        of("stands, rough", stand((0, 0), 60), noise=ROUGH),
        of("hops aside for a moment", joined(stand((0, 0), 5), walk([(0, 0), (2, 0)], 5.0),
                                             stand((2, 0), 5))),
        of("runs elsewhere", walk([(-30, 60), (30, 60)], 5.0)),
        of("a car that races", walk([(-49, 0), (49, 0)], 18.0), told(0, 5.4, -20, 0), rule=cars,
           label="car"),
        of("a car that does not", walk([(-49, 0), (49, 0)], 9.0), rule=cars, label="car"),
        of("jogs at the limit", walk([(-30, 0), (30, 0)], 3.6),
           happens("fast", 0, 17, (0, 0), optional=True)),
    ]  # fmt: skip


# --- stopped vehicle ---


@scripted("stopped")
def stopped() -> list[Script]:
    kerb = (zone("kerb", [(-40, -8), (40, -8), (40, 8), (-40, 8)], kind="no_stop"),)

    def of(title: str, way: Any, *truths: Happening, label: str = "car", **more: Any) -> Script:
        rule = {"kind": "stopped", "zones": ["kerb"], "stands_s": 30}
        actors = (Actor(number=1, way=way, label=label),)
        return Script(title=title, rule=rule, zones=kerb, actors=actors, truths=truths, **more)

    def told(begin_s: float, end_s: float, *place: float, **more: Any) -> Happening:
        return happens("stopped", begin_s, end_s, (place[0], place[1]), **more)

    comes = walk([(-60, 0), (0, 0)], 8.0)
    return [
        of("comes and stands", joined(comes, stand((0, 0), 60)), told(7.5, 67.5, 0, 0)),
        of("stands, rough", stand((3, 0), 70), told(0, 70, 3, 0), noise=ROUGH),
        of("a truck stands, then drives on",
           joined(stand((-5, 1), 50), walk([(-5, 1), (60, 1)], 8.0)), told(0, 50, -5, 1),
           label="truck"),
        of("drives by", walk([(-60, 0), (60, 0)], 10.0)),
        of("waits for a while", joined(comes, stand((0, 0), 15), walk([(0, 0), (60, 0)], 8.0))),
        of("crawls in a queue", walk([(-30, 0), (30, 0)], 1.2)),
        of("stands elsewhere", stand((0, 16), 70)),
        of("a person stands there", stand((0, 0), 70), label="person"),
        of("stands for just so long", stand((0, 0), 30), told(0, 30, 0, 0, optional=True)),
    ]  # fmt: skip
