"""A vehicle stands where it may not, twice: when the unit comes by, and when it comes by again.

The first pass is told with the suggestion of a voice prompt, and the unit may drive on. The second,
ten minutes later, tells whether it is the same vehicle: by place, class, height and colours. That
is a suggestion with its confidence; a human looks at both pictures.
"""

import itertools
import math
from datetime import UTC, datetime

import numpy as np

from config.rules import IllegalParkingRule
from perception.rules.rule import Claim, Fact, Verdict
from perception.rules.sight import Sight, Standing
from perception.rules.standing.first_passes import FirstPass, FirstPasses
from perception.rules.standing.looks import Looks, evidence, looks
from perception.rules.standing.same_vehicle import SURE, Pair, assigned
from perception.rules.standing.standing_still import Halts

INSIDE = 0.3  # with a poor receiver hardly anything is surely inside; its confidence says so
CHI2_99 = 9.21  # a squared distance in sigma of two degrees of freedom
OWN_PLACE_M = 0.8  # how well the same point of a vehicle is met from another side, 1 sigma
ALIKE = {"bus": "large", "truck": "large", "car": "car", "motorcycle": "motorcycle"}
LABEL_SLIPS = math.log(0.08)  # a detector's second opinion of one vehicle
LABEL_SAME = math.log(1.6)
NO_METRES = "no_metres"
MEMORY_NOT_KEPT = "memory_not_kept"  # it works; but a restart would lose its first passes
FIRST_SEVERITY = 4
MOST_MATCHED = 1000  # subjects; numbers grow all day


class ParkingJudge:
    """First and second passes over all zones."""

    def __init__(self, config: IllegalParkingRule, memory: FirstPasses) -> None:
        self.memory = memory
        self._config = config
        self._halts = {zone: Halts(config.gap_s) for zone in config.zones}
        self._numbers = itertools.count(1)
        self._matched: dict[int, tuple[FirstPass, float]] = {}  # by subject, with the confidence

    def judge(self, sight: Sight) -> Verdict:
        blind = sight.blind(self._config.zones)
        if blind is not None or sight.ground.frame is None:
            return Verdict(blind=blind or NO_METRES)
        self.memory.expire(sight.scene.mono_s, _utc_s(sight))
        claims = [
            claim for zone, halts in self._halts.items() for claim in self._zone(zone, halts, sight)
        ]
        return Verdict(claims=claims, blind=MEMORY_NOT_KEPT if self.memory.trouble else None)

    def forget(self, camera: str | None) -> None:  # noqa: ARG002 - halts end by their age
        """Numbers of subjects mean nothing after a camera was lost; places do."""
        self._matched.clear()
        for record in self.memory:
            record.subject = None

    def _zone(self, zone: str, halts: Halts, sight: Sight) -> list[Claim]:
        mono_s, claims = sight.scene.mono_s, []
        halts.forget_before(mono_s)
        standing = [
            each
            for each in sight.strangers(zone, self._config)
            if each.inside >= INSIDE
            and (halt := halts.of(each, mono_s)) is not None
            and mono_s - halt.begun_s >= self._config.look_s
        ]
        self._recognise(standing, zone, sight)
        for each in standing:
            match = self._matched.get(each.subject)
            if match is None:
                claims.append(self._first(each, self._looks(each, sight), zone, sight))
            else:
                claims += self._again(each, match, zone, sight)
        return claims

    def _recognise(self, standing: list[Standing], zone: str, sight: Sight) -> None:
        """Give the vehicles that have just come into sight their first passes, the likeliest pairs
        first, each once."""
        here = {each.subject for each in standing}
        taken = {id(record) for who, (record, _) in self._matched.items() if who in here}
        fresh = [each for each in standing if each.subject not in self._matched]
        now = sight.scene.mono_s, _utc_s(sight)
        free = [
            each
            for each in self.memory
            if each.zone == zone and id(each) not in taken and each.age_s(*now) is not None
        ]
        if not fresh or not free:
            return
        pairs = [
            pair
            for each in fresh
            for seen in (self._looks(each, sight),)
            for record in free
            if (pair := self._pair(each, seen, record, sight)) is not None
        ]
        for pair, sure in assigned(pairs, self._config.confidence):
            self._matched[pair.subject] = (pair.record, sure)
        while len(self._matched) > MOST_MATCHED:
            del self._matched[next(iter(self._matched))]

    def _pair(self, each: Standing, seen: Looks, record: FirstPass, sight: Sight) -> Pair | None:
        """A vehicle and a first pass that may be its own; None where the place forbids it."""
        frame = sight.ground.frame
        if frame is None:
            return None
        off = each.point - np.array(frame.to_metres(record.lat_deg, record.lon_deg))
        a, b, c = record.covariance
        spread = each.covariance + np.array(((a, b), (b, c))) + np.eye(2) * OWN_PLACE_M**2
        distance2 = float(off @ np.linalg.solve(spread, off))
        followed = record.subject == each.subject and record.mono_s is not None
        if distance2 > CHI2_99 and not followed:
            return None
        same_label = ALIKE.get(each.track.label) == ALIKE.get(record.label)
        alike = evidence(record.looks, seen) + (LABEL_SAME if same_label else LABEL_SLIPS)
        return Pair(each.subject, record, off, distance2, SURE if followed else alike)

    def _looks(self, each: Standing, sight: Sight) -> Looks:
        eye, scene = sight.scene.eye, sight.scene
        away_m = None
        if eye is not None:
            away_m = math.hypot(float(each.point[0]) - eye[0], float(each.point[1]) - eye[1])
        return looks(sight.image, each.track.box, away_m, scene.height_px)

    def _first(self, each: Standing, seen: Looks, zone: str, sight: Sight) -> Claim:
        frame = sight.ground.frame
        lat_deg, lon_deg = frame.to_degrees(*each.point.tolist()) if frame else (0.0, 0.0)
        spread = each.covariance
        utc_s = _utc_s(sight)
        stamp = f"{utc_s:.0f}" if utc_s is not None else f"boot-{sight.scene.mono_s:.0f}"
        record = FirstPass(
            record=f"{stamp}-{next(self._numbers)}",
            zone=zone,
            label=each.track.label,
            lat_deg=lat_deg,
            lon_deg=lon_deg,
            covariance=(float(spread[0, 0]), float(spread[0, 1]), float(spread[1, 1])),
            utc_s=utc_s,
            mono_s=sight.scene.mono_s,
            looks=seen,
            subject=each.subject,
        )
        self.memory.add(record)
        self._matched[each.subject] = (record, 1.0)
        facts: dict[str, Fact] = {
            "pass": 1,
            "record": record.record,
            "suggest": "voice_prompt",
            "again_after_min": self._config.wait_min,
        }
        return Claim.about(
            each, zone, 1.0, facts, key=("first", record.record), severity=FIRST_SEVERITY,
            momentary=True, confidence=each.inside * each.track.quality,
        )  # fmt: skip

    def _again(
        self, each: Standing, match: tuple[FirstPass, float], zone: str, sight: Sight
    ) -> list[Claim]:
        """Nothing, until it has stood for long enough."""
        record, sure = match
        age_s = record.age_s(sight.scene.mono_s, _utc_s(sight))
        if age_s is None or age_s < self._config.wait_min * 60.0:
            return []
        facts: dict[str, Fact] = {
            "pass": 2,
            "record": record.record,
            "first_lat_deg": round(record.lat_deg, 7),
            "first_lon_deg": round(record.lon_deg, 7),
            "stood_min": round(age_s / 60.0, 1),
            "same_vehicle": round(sure, 3),
            "compared": _compared(record, each),
        }
        if record.utc_s is not None:
            first = datetime.fromtimestamp(record.utc_s, UTC)
            facts["first_seen"] = first.isoformat(timespec="seconds").replace("+00:00", "Z")
        return [
            Claim.about(
                each, zone, 1.0, facts, key=("again", record.record),
                confidence=sure * each.inside * each.track.quality,
            )
        ]  # fmt: skip


def _compared(record: FirstPass, each: Standing) -> str:
    """What it was told by."""
    if record.subject == each.subject and record.mono_s is not None:
        return "followed without a break"
    parts = ["place", "class"]
    parts += ["height"] if record.looks.height is not None else []
    parts += ["colours"] if record.looks.colours is not None else []
    return ", ".join(parts)


def _utc_s(sight: Sight) -> float | None:
    return None if sight.utc is None else sight.utc.timestamp()
