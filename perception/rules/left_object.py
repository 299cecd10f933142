"""Something was put down where somebody was, and stays when they have gone.

Only while the unit stands, and from the picture alone: the detector knows people and vehicles, no
bags. What it is nobody can say; a human looks.
"""

import itertools
import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from config.rules import LeftObjectRule
from perception.camera.leftovers import Blob, Leftovers, is_hidden, mask_of
from perception.rules.rule import Claim, Verdict
from perception.rules.sight import MOVING, Sight

NO_PICTURE = "no_picture"
EVERY_S = 0.5
HIDDEN_S = 60.0  # a thing that people hide for longer is not told any more
STEADY = 0.6  # share of the looks at its place in which it was to be seen
SEEN_SHARE = 0.3  # of its area, by which it is the same as before
GROWS = 2.0  # times its area: what is larger has something else in it
BESIDE = 0.012  # of the picture: a piece of it
BEFORE_S = 30.0  # where nobody saw the place free, who came so long before it may have brought it
SLACK_S = 1.5  # before and after: a box is wider than a person
ARM_HEIGHTS = 0.7  # of a person: who puts something down is within an arm's reach of it
NEAR_HEIGHTS = 1.2  # who is within two metres looks after it
JOINS_S = 3.0  # somebody else who stands at it for so long looks after it, too
NOBODYS_S = 10.0  # what stays so long without anybody who may have brought it is part of the view
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
    open_looks: int = 1  # at its place, when nobody hid it
    seen_looks: int = 1  # of these: there it was
    at_it: dict[int, float] = field(default_factory=dict)  # who else stands there, since when


@dataclass(slots=True)
class _View:
    """One camera that stands."""

    leftovers: Leftovers = field(default_factory=Leftovers)
    things: list[_Thing] = field(default_factory=list)
    people: deque[tuple[float, int, Box]] = field(default_factory=lambda: deque(maxlen=3000))
    looked_s: float = -math.inf
    shape: tuple[int, ...] = ()

    def near(self, thing: Box, person: Box, heights: float = NEAR_HEIGHTS) -> bool:
        """Whether the person's feet are within so many heights of a person of the thing's."""
        height = person[3] - person[1]
        wide = self.shape[1] / self.shape[0]  # shares of width as shares of height
        across = abs((thing[0] + thing[2]) / 2 - (person[0] + person[2]) / 2) * wide
        return across <= heights * height and abs(thing[3] - person[3]) <= heights / 2 * height

    def attend(self, thing: "_Thing", who: int, box: Box, mono_s: float) -> None:
        """Notes somebody who is seen near a thing, or is not."""
        if who in thing.owners:
            if self.near(thing.box, box):
                thing.near_s = mono_s
        elif not self.near(thing.box, box, ARM_HEIGHTS / 2):
            thing.at_it.pop(who, None)
        elif mono_s - thing.at_it.setdefault(who, mono_s) >= JOINS_S:
            thing.owners.add(who)
            thing.near_s = mono_s


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
        mask = mask_of(busy)
        blobs = view.leftovers.update(image, mask, scene.mono_s)
        self._follow(view, blobs, mask, scene.mono_s)
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
                view.attend(thing, who, box, scene.mono_s)
        return busy

    def _follow(
        self, view: _View, blobs: list[Blob], mask: NDArray[np.bool_], mono_s: float
    ) -> None:
        for blob in blobs:
            known = [each for each in view.things if _is_same(each.box, blob.box)]
            if known:
                if _area(blob.box) <= GROWS * _area(known[0].box):
                    known[0].box = blob.box
            elif blob.put_there:
                self._take_up(view, blob, mono_s)
            elif blob.put_there is False or mono_s - blob.begun_s > BEFORE_S:
                view.leftovers.accept(blob.box)
        view.things = [each for each in view.things if self._stays(view, each, mask, mono_s)]

    def _take_up(self, view: _View, blob: Blob, mono_s: float) -> None:
        """A new thing, if there is somebody who may have put it there: between the last look at
        its place without it and the first one with it."""
        since_s = max(blob.free_s, blob.begun_s - BEFORE_S) - SLACK_S
        there = [(who, box) for at_s, who, box in view.people
                 if since_s <= at_s <= blob.begun_s + SLACK_S]  # fmt: skip
        for reach in (ARM_HEIGHTS, NEAR_HEIGHTS):
            owners = {who for who, box in there if view.near(blob.box, box, reach)}
            if owners:
                near_s = max(at_s for at_s, who, box in view.people
                             if who in owners and view.near(blob.box, box))  # fmt: skip
                number = next(self._numbers)
                view.things.append(_Thing(number, blob.box, blob.begun_s, mono_s, owners, near_s))
                return
        if mono_s - blob.begun_s > NOBODYS_S:
            view.leftovers.accept(blob.box)  # nobody brought it: light, or the wind

    def _stays(self, view: _View, thing: _Thing, mask: NDArray[np.bool_], mono_s: float) -> bool:
        """Whether it is there still, as far as can be said."""
        if mono_s - thing.begun_s > self._config.accept_after_s:
            view.leftovers.accept(thing.box)
            return False
        if not is_hidden(thing.box, mask):
            thing.open_looks += 1
            if view.leftovers.remains(thing.box) < SEEN_SHARE:
                return False
            thing.seen_looks += 1
            thing.seen_s = mono_s
        return mono_s - thing.seen_s <= HIDDEN_S

    def _claim(self, camera: str, thing: _Thing, mono_s: float) -> Claim:
        alone_s = mono_s - thing.near_s
        x1, y1, x2, y2 = thing.box
        steady = thing.seen_looks / thing.open_looks
        holds = alone_s >= self._config.unattended_s and steady >= STEADY
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


def _is_same(thing: Box, blob: Box) -> bool:
    """Whether a blob lies where a thing is, or so near to it that it is a piece of it."""
    x1, y1, x2, y2 = thing
    return _overlap((x1 - BESIDE, y1 - BESIDE, x2 + BESIDE, y2 + BESIDE), blob) >= SEEN_SHARE


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _overlap(one: Box, two: Box) -> float:
    """Shared area over the smaller one's."""
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / max(min(_area(one), _area(two)), 1e-12)
