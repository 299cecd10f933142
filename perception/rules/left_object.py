"""Something was put down where somebody was, and stays when they have gone.

Only while the unit stands, and from the picture alone: the detector knows people and vehicles, no
bags. What it is nobody can say; a human looks.
"""

import itertools
import math
from collections import deque
from dataclasses import dataclass, field

from config.rules import LeftObjectRule
from perception.camera.leftovers import Blob, Leftovers, mask_of
from perception.rules.rule import Claim, Verdict
from perception.rules.sight import MOVING, Sight

NO_PICTURE = "no_picture"
EVERY_S = 0.5
LOST_S = 6.0  # a thing that is hidden for so long has gone
STEADY = 0.4  # share of looks in which it was to be seen: people walk before it
SEEN_SHARE = 0.3  # of its area, by which it is the same as before
BEFORE_S = 15.0  # who was there so long before it became a thing that stays may have brought it
NEAR_HEIGHTS = 1.2  # of a person: about two metres
Box = tuple[float, float, float, float]


@dataclass(slots=True)
class _Thing:
    """Something that stays."""

    number: int
    box: Box
    begun_s: float
    seen_s: float
    owners: set[int]
    near_s: float  # when an owner was last near
    was_looks: int = 1


@dataclass(slots=True)
class _View:
    """One camera that stands."""

    leftovers: Leftovers = field(default_factory=Leftovers)
    things: list[_Thing] = field(default_factory=list)
    people: deque[tuple[float, int, Box]] = field(default_factory=lambda: deque(maxlen=3000))
    looked_s: float = -math.inf
    shape: tuple[int, ...] = ()


class LeftObjectJudge:
    """What stays in the pictures of each camera."""

    def __init__(self, config: LeftObjectRule) -> None:
        self._config = config
        self._views: dict[str, _View] = {}
        self._numbers = itertools.count(1)

    def judge(self, sight: Sight) -> Verdict:
        scene, image = sight.scene, sight.image
        if image is None or min(image.shape[:2]) < 2:
            return Verdict(blind=NO_PICTURE)
        view = self._views.get(scene.camera)
        if not scene.parked or (view is not None and view.shape != image.shape):
            self._views.pop(scene.camera, None)
            return Verdict(blind=None if scene.parked else MOVING)
        view = self._views.setdefault(scene.camera, _View(shape=image.shape))
        if scene.mono_s - view.looked_s < EVERY_S * 0.9:
            return Verdict()
        view.looked_s = scene.mono_s
        busy = self._people(view, sight)
        blobs = view.leftovers.update(image, mask_of(busy), scene.mono_s)
        self._follow(view, [each for each in blobs if each.put_there], scene.mono_s)
        return Verdict(
            claims=[self._claim(scene.camera, each, scene.mono_s) for each in view.things]
        )

    def forget(self, camera: str | None) -> None:
        for name in [name for name in self._views if camera in (None, name)]:
            del self._views[name]

    def _people(self, view: _View, sight: Sight) -> list[Box]:
        """Where people and vehicles are, as shares; notes who is where, which owners are near."""
        scene, busy = sight.scene, []
        for track in scene.tracks:
            x1, y1, x2, y2 = track.box
            box = (x1 / scene.width_px, y1 / scene.height_px,
                   x2 / scene.width_px, y2 / scene.height_px)  # fmt: skip
            busy.append(box)
            if track.label != "person" or not track.seen:
                continue
            who = sight.subject(track)
            view.people.append((scene.mono_s, who, box))
            for thing in view.things:
                if who in thing.owners and _near(thing.box, box):
                    thing.near_s = scene.mono_s
        return busy

    def _follow(self, view: _View, blobs: list[Blob], mono_s: float) -> None:
        for blob in blobs:
            known = [each for each in view.things if _overlap(each.box, blob.box) >= SEEN_SHARE]
            if known:
                known[0].box, known[0].seen_s = blob.box, mono_s
                known[0].was_looks += 1
                continue
            owners = {
                who
                for at_s, who, box in view.people
                if mono_s - at_s <= BEFORE_S and _near(blob.box, box)
            }
            if owners:
                number = next(self._numbers)
                thing = _Thing(number, blob.box, mono_s, mono_s, owners, mono_s)
                view.things.append(thing)
            elif mono_s - (view.people[0][0] if view.people else -math.inf) > BEFORE_S:
                view.leftovers.accept(blob.box)  # nobody brought it: light, or the wind
        kept = []
        for thing in view.things:
            if mono_s - thing.begun_s > self._config.accept_after_s:
                view.leftovers.accept(thing.box)
            elif mono_s - thing.seen_s <= LOST_S:
                kept.append(thing)
        view.things = kept

    def _claim(self, camera: str, thing: _Thing, mono_s: float) -> Claim:
        alone_s = mono_s - thing.near_s
        x1, y1, x2, y2 = thing.box
        steady = min(1.0, thing.was_looks * EVERY_S / max(mono_s - thing.begun_s, EVERY_S))
        alone = alone_s >= self._config.unattended_s
        holds = alone and thing.seen_s == mono_s and steady >= STEADY
        return Claim(
            key=(camera, thing.number),
            level=1.0 if holds else 0.0,
            confidence=round(0.4 + 0.5 * steady, 3),
            since_mono_s=thing.begun_s,
            facts={
                "x": round(x1, 4),
                "y": round(y1, 4),
                "width": round(x2 - x1, 4),
                "height": round(y2 - y1, 4),
                "stood_s": round(mono_s - thing.begun_s, 1),
                "unattended_s": round(alone_s, 1),
            },
        )


def _near(thing: Box, person: Box) -> bool:
    """Whether the person's feet are within about two metres of the thing's."""
    height = person[3] - person[1]
    across = abs((thing[0] + thing[2]) / 2 - (person[0] + person[2]) / 2)
    # Shares of width are compared with shares of height as in a picture of 16 : 9.
    return across * 16 / 9 <= NEAR_HEIGHTS * height and abs(thing[3] - person[3]) <= 0.6 * height


def _overlap(one: Box, two: Box) -> float:
    """Shared area over the smaller one's."""
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, two)]
    return width * height / max(min(areas), 1e-12)
