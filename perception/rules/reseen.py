"""Who stands where somebody stood on the pass before: all that a unit that drives by can say."""

import math
from dataclasses import dataclass

from perception.rules.sight import Standing

REMEMBERED_S = 1800.0  # a pass longer ago says nothing
REMEMBERED = 500  # sightings in a zone
FEW = 2  # where more people are about, one of them will always stand where another did


@dataclass(slots=True)
class _Sighting:
    """Somebody at one place, on one pass."""

    subject: int
    first_s: float
    last_s: float
    x: float
    y: float
    variance: float


class Passes:
    """The sightings in one zone. Nobody is recognised: that it is the same person is a guess, which
    a human has to make."""

    def __init__(self, after_s: float, within_m: float) -> None:
        self._after_s = after_s
        self._within_m = within_m
        self._sightings: list[_Sighting] = []
        self._since: dict[int, float] = {}  # of those who were taken for somebody seen before

    def see(self, there: list[Standing], mono_s: float) -> list[tuple[Standing, float]]:
        """Those who stand where one stood at least `after_s` ago, with the stamp of that."""
        self._sightings = [
            each for each in self._sightings if mono_s - each.last_s <= REMEMBERED_S
        ][-REMEMBERED:]
        known = {each.subject: each for each in self._sightings}
        for each in there:
            if each.subject not in known and len(there) <= FEW:
                before = [old for old in self._sightings if self._same(old, each, mono_s)]
                if before:
                    self._since[each.subject] = min(old.first_s for old in before)
            self._note(known.get(each.subject), each, mono_s)
        here = {each.subject for each in there}
        self._since = {key: since for key, since in self._since.items() if key in here}
        return [(e, self._since[e.subject]) for e in there if e.subject in self._since]

    def _same(self, old: _Sighting, each: Standing, mono_s: float) -> bool:
        error_m = math.sqrt(old.variance + _variance(each))
        apart_m = math.hypot(float(each.point[0]) - old.x, float(each.point[1]) - old.y)
        return mono_s - old.last_s >= self._after_s and apart_m <= self._within_m + 2 * error_m

    def _note(self, old: _Sighting | None, each: Standing, mono_s: float) -> None:
        x, y = float(each.point[0]), float(each.point[1])
        if old is None:
            self._sightings.append(_Sighting(each.subject, mono_s, mono_s, x, y, _variance(each)))
        else:
            old.last_s, old.x, old.y, old.variance = mono_s, x, y, _variance(each)


def _variance(each: Standing) -> float:
    return float(each.covariance[0, 0] + each.covariance[1, 1]) / 2
