"""How right alerts are: matched with what really happened, counted per rule."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from perception.place.frame import LocalFrame

SLACK_S = 10.0  # an alert may come so late, and a truth be noted so roughly
RADIUS_M = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that an alert was raised for, or should have been."""

    rule: str
    begun_s: float  # of any clock that both sides share
    ended_s: float
    told_s: float | None = None  # when the alert came; None for a truth
    name: str | None = None  # of the rule, as configured; None fits all
    zone: str | None = None
    lat_deg: float | None = None  # None: anywhere
    lon_deg: float | None = None
    error_m: float = 0.0  # of the place, 95 %
    optional: bool = False  # of a truth: an alert is neither right nor wrong


@dataclass(slots=True)
class Score:
    """Of one rule, or of all."""

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0
    delays_s: list[float] = field(default_factory=list)  # of the hits, from the beginning on

    @property
    def precision(self) -> float | None:
        told = self.hits + self.false_alarms
        return self.hits / told if told else None

    @property
    def recall(self) -> float | None:
        happened = self.hits + self.misses
        return self.hits / happened if happened else None

    @property
    def delay_s(self) -> float | None:
        """The median."""
        return median(self.delays_s) if self.delays_s else None

    def add(self, other: "Score") -> None:
        self.hits += other.hits
        self.false_alarms += other.false_alarms
        self.misses += other.misses
        self.delays_s += other.delays_s


def compare(
    alerts: Sequence[Happening],
    truths: Sequence[Happening],
    slack_s: float = SLACK_S,
    radius_m: float = RADIUS_M,
) -> dict[str, Score]:
    """By rule. A truth takes the alert that begins nearest to it, among those of its rule (and
    name, and zone, where it has them) that overlap with it in time, within the slack, and lie
    within the radius or the alert's own error. Each goes with one other only."""
    pairs = sorted(
        (truth.optional, abs(alert.begun_s - truth.begun_s), number, other)
        for number, truth in enumerate(truths)
        for other, alert in enumerate(alerts)
        if _may_be(alert, truth, slack_s, radius_m)
    )
    found: dict[int, int] = {}  # alert to truth
    for _, _, number, other in pairs:
        if number not in found.values() and other not in found:
            found[other] = number
    scores = {each.rule: Score() for each in (*truths, *alerts)}
    for other, alert in enumerate(alerts):
        truth = truths[found[other]] if other in found else None
        if truth is None:
            scores[alert.rule].false_alarms += 1
        elif not truth.optional:
            scores[alert.rule].hits += 1
            if alert.told_s is not None:
                scores[alert.rule].delays_s.append(alert.told_s - truth.begun_s)
    for number, truth in enumerate(truths):
        scores[truth.rule].misses += not truth.optional and number not in found.values()
    return scores


def total(scores: dict[str, Score]) -> Score:
    whole = Score()
    for score in scores.values():
        whole.add(score)
    return whole


def _may_be(alert: Happening, truth: Happening, slack_s: float, radius_m: float) -> bool:
    same = alert.rule == truth.rule
    same = same and (truth.name is None or truth.name == alert.name)
    same = same and (truth.zone is None or truth.zone == alert.zone)
    in_time = alert.begun_s <= truth.ended_s + slack_s and alert.ended_s >= truth.begun_s - slack_s
    return same and in_time and _apart_m(alert, truth) <= max(radius_m, alert.error_m)


def _apart_m(alert: Happening, truth: Happening) -> float:
    """0 where either has no place."""
    if truth.lat_deg is None or truth.lon_deg is None:
        return 0.0
    if alert.lat_deg is None or alert.lon_deg is None:
        return 0.0
    frame = LocalFrame.at(truth.lat_deg, truth.lon_deg)
    return math.hypot(*frame.to_metres(alert.lat_deg, alert.lon_deg))
