"""What is new in a standing camera's picture and stays, whoever walks before it meanwhile.

Each pixel has the view it usually shows (slow), the view it has shown lately (quick), and how long
it has been *seen* to show something new and steady: time in which people hide it is neither for nor
against (after Porikli, Ivanov and Haga, EURASIP J. Adv. Signal Process. 2008, 197875, with evidence
that is gathered over visible pictures). Whether something was put there or taken away its border
tells: what was put there brings edges and stands out of its surroundings.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bits = NDArray[np.bool_]
Box = tuple[float, float, float, float]

WIDTH, HEIGHT = 320, 192  # px: a bag of 0.4 m where a person is a seventh of the picture high is 8
QUICK_S, SLOW_S = 3.0, 60.0
LEARN_S = 10.0  # before anything can be called new
DIFFERENT = 18.0  # grey levels from the usual view
RESTLESS = 4.0  # and so many times the pixel's usual deviation: leaves, edges on a swaying mast
CALM = 14.0  # grey levels: what differs from the quick view by less stays
STAY_S, MOST_S = 3.0, 6.0  # seen to stay for so long; and how much of that is remembered
FADE = 2.0  # how much faster it is over than it came, where the usual view is seen again
UPSET = 0.35  # of the picture is new at once: the light or the camera has changed
EDGES = 1.2  # how much stronger border and contrast are, in the view with the object in it
EDGE_MIN = 4.0  # grey levels per pixel: a shadow's border is softer
FRAMED, AS_STEEP = 0.5, 0.5  # share of its border that was as steep before
SHADE_GAIN, SHADE_OFF = (0.3, 1.8), 6.0  # light, and grey levels that it leaves unexplained
SHADE_LIKE = 0.8  # correlation from which the ground still shows through: shade, or light
LARGEST_SHARE = 0.04  # of the picture: what is larger is light, or a vehicle
SMALLEST_PX = 20
THIN_PX = 4.0  # of its area over its length


@dataclass(frozen=True, slots=True)
class Blob:
    """Something new that stays."""

    box: Box  # x1 y1 x2 y2 as shares of the picture
    put_there: bool | None  # False: taken away, or light; None: cannot be said (yet)
    free_s: float  # when its place was last seen without it; -inf: never
    begun_s: float  # when it was first seen there


class Leftovers:
    """What one camera that stands usually shows, and what has been new for how long."""

    def __init__(self) -> None:
        self._last_s: float | None = None
        self._start(np.zeros((HEIGHT, WIDTH, 3), np.float32))

    def _start(self, now: Floats) -> None:
        self._slow, self._quick = now.copy(), now.copy()
        self._seen_s = np.zeros((HEIGHT, WIDTH), np.float32)  # for how long nobody hid it
        self._restless = np.zeros((HEIGHT, WIDTH), np.float32)
        self._stayed_s = np.zeros((HEIGHT, WIDTH), np.float32)
        self._free_s = np.full((HEIGHT, WIDTH), -math.inf)
        self._begun_s = np.full((HEIGHT, WIDTH), math.inf)
        self._upset_s = 0.0

    def update(self, image: NDArray[np.uint8], busy: Bits, mono_s: float) -> list[Blob]:
        """What is new and stays after a (H, W, 3) picture; `busy` (HEIGHT, WIDTH): where people and
        vehicles are, which teaches nothing."""
        now, free = _small(image), ~busy
        if self._last_s is None:
            self._start(now)
            self._last_s = mono_s
        passed_s = min(max(mono_s - self._last_s, 0.0), 2.0)
        self._last_s = mono_s
        now = _in_light_of(now, self._slow, free & (self._seen_s > 0) & (self._stayed_s <= 0))
        self._seen_s += np.float32(passed_s) * free
        off = _largest(cv2.absdiff(now, self._slow))
        new = free & (self._seen_s >= LEARN_S)
        new &= off > np.maximum(DIFFERENT, RESTLESS * self._restless)
        if self._is_upset(new, free, passed_s):
            self._start(now)
            return []
        self._gather(now, new, free & ~new, passed_s, mono_s)
        self._learn(now, off, free & ~new & (self._stayed_s <= 0), passed_s)
        return list(self._blobs(self._stayed_s >= STAY_S))

    def remains(self, box: Box) -> float:
        """The share of a box in which something new stays, or did just now, 0..1: somebody who is
        not detected may stand before it."""
        part = self._stayed_s[_cut(box)]
        return float((part > 0).mean()) if part.size else 0.0

    def accept(self, box: Box) -> None:
        """What is there belongs to the view from now on."""
        cut = _cut(box, margin_px=3)
        self._slow[cut] = self._quick[cut]
        self._stayed_s[cut] = 0.0

    def _learn(self, now: Floats, off: Floats, where: Bits, passed_s: float) -> None:
        """The usual view: at first the mean of all that was seen of a pixel, so that it is known
        soon after those who stood before it have gone."""
        weight = passed_s / np.clip(self._seen_s, max(passed_s, 1e-3), SLOW_S) * where
        self._restless += weight * (off - self._restless)
        self._slow += weight[..., None] * (now - self._slow)

    def _is_upset(self, new: Bits, free: Bits, passed_s: float) -> bool:
        """So much is new for a second that nothing learnt holds."""
        share = float(new.sum()) / max(float(free.sum()), 1.0)
        self._upset_s = self._upset_s + passed_s if share > UPSET else 0.0
        return self._upset_s >= 1.0

    def _gather(self, now: Floats, new: Bits, usual: Bits, passed_s: float, mono_s: float) -> None:
        """Time for and against each pixel that is seen; a hidden one keeps what it has."""
        calm = new & (_largest(cv2.absdiff(now, self._quick)) < CALM)
        stayed_s = self._stayed_s
        stayed_s += np.float32(passed_s) * calm
        stayed_s -= np.float32(passed_s) * (new & ~calm)
        stayed_s -= np.float32(FADE * passed_s) * usual
        np.clip(stayed_s, 0.0, MOST_S, out=stayed_s)
        begins = new & (stayed_s <= 0)
        self._quick[begins] = now[begins]
        self._begun_s[begins] = mono_s
        self._free_s[usual] = mono_s
        share = np.float32(min(1.0, passed_s / QUICK_S)) * (calm | (usual & (stayed_s <= 0)))
        self._quick += share[..., None] * (now - self._quick)

    def _blobs(self, mask: Bits) -> Iterator[Blob]:
        # Threads that a fluttering tape would tie to a thing are cut, then its pieces joined.
        cut = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        closed = cv2.morphologyEx(cut, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
        for number in range(1, count):
            x, y, width, height, area = (int(value) for value in stats[number])
            if area < SMALLEST_PX or area > LARGEST_SHARE * WIDTH * HEIGHT:
                continue
            if area < max(0.25 * width * height, THIN_PX * max(width, height)):
                continue  # a line: an edge that a swaying mast moved, a tape, a cable
            part = labels == number
            seen = part & mask
            box = x / WIDTH, y / HEIGHT, (x + width) / WIDTH, (y + height) / HEIGHT
            yield Blob(
                box,
                put_there=self._put_there(part, box),
                free_s=float(np.median(self._free_s[seen])),
                begun_s=float(np.median(self._begun_s[seen])),
            )

    def _put_there(self, part: Bits, box: Box) -> bool | None:
        cut = _cut(box, margin_px=5)
        inside, quick, slow = part[cut], self._quick[cut], self._slow[cut]
        bits = inside.astype(np.uint8)
        core = cv2.erode(bits, np.ones((3, 3), np.uint8)) > 0  # without a shadow's soft border
        core = core if core.sum() >= SMALLEST_PX // 2 else inside
        if _is_shade(quick[core], slow[core]):
            return False
        rim = cv2.morphologyEx(bits, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        around = (cv2.dilate(bits, np.ones((7, 7), np.uint8)) > 0) & ~inside & ~rim
        edge, edge_before = _steepness(quick)[rim], _steepness(slow)[rim]
        if max(edge.mean(), edge_before.mean()) < EDGE_MIN:
            return False
        if (edge_before >= AS_STEEP * edge).mean() >= FRAMED:
            return False  # its border was there before: a door, or what was taken away
        contrast, contrast_before = (_contrast(view, inside, around) for view in (quick, slow))
        ratio = math.sqrt(
            (edge.mean() + 1) / (edge_before.mean() + 1) * (contrast + 6) / (contrast_before + 6)
        )
        if ratio >= EDGES:
            return True
        return False if ratio <= 1 / EDGES else None


def _small(image: NDArray[np.uint8]) -> Floats:
    step = max(1, min(image.shape[0] // HEIGHT, image.shape[1] // WIDTH))
    part = np.ascontiguousarray(image[::step, ::step])
    return cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)


def _in_light_of(now: Floats, other: Floats, where: Bits) -> Floats:
    """As bright and as tinted as the other in each sixth of the picture, by the pixels that are
    alike: clouds are no things."""
    weight = where.astype(np.float32)[..., None]
    sums = [
        cv2.resize(view * weight, (6, 4), interpolation=cv2.INTER_AREA) + np.float32(0.5)
        for view in (other, now)
    ]
    gain = np.clip(sums[0] / sums[1], 0.4, 2.5).astype(np.float32)
    wide = cv2.resize(gain, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.asarray(now * wide, np.float32)


def _largest(channels: NDArray[Any]) -> Floats:
    """(H, W) of (H, W, 3)."""
    one, two, three = cv2.split(np.asarray(channels, np.float32))
    return np.asarray(cv2.max(cv2.max(one, two), three), np.float32)


def _steepness(view: Floats) -> Floats:
    """(H, W), grey levels per pixel, of the steepest channel."""
    across = cv2.Sobel(view, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(view, cv2.CV_32F, 0, 1, scale=1 / 8)
    return _largest(np.abs(across) + np.abs(down))


def _is_shade(now: Floats, before: Floats) -> bool:
    """Whether (N, 3) pixels are the same ground in another light: one gain explains them, or what
    little structure they have shows through (Jacques, Jung and Musse, SIBGRAPI 2005)."""
    gain = float((now * before).sum() / max(float((before * before).sum()), 1.0))
    off = float(np.sqrt(np.square(now - gain * before).mean()))
    if SHADE_GAIN[0] < gain < SHADE_GAIN[1] and off < SHADE_OFF:
        return True
    return _correlation(now.mean(axis=1), before.mean(axis=1)) > SHADE_LIKE


def _contrast(view: Floats, inside: Bits, around: Bits) -> float:
    """Grey levels by which the pixels inside differ from the mean around them."""
    if not around.any():
        return 0.0
    return float(np.abs(view[inside] - view[around].mean(axis=0)).max(axis=1).mean())


def _correlation(one: Floats, two: Floats) -> float:
    """-1..1; 0 where one of them has no texture to compare."""
    one, two = one - one.mean(), two - two.mean()
    if min(one.std(), two.std()) < 4.0:
        return 0.0
    return float((one * two).mean() / (one.std() * two.std()))


def _cut(box: Box, margin_px: int = 0) -> tuple[slice, slice]:
    """Rows and columns of a box in shares."""
    x1, y1, x2, y2 = box
    left, right = round(x1 * WIDTH) - margin_px, math.ceil(x2 * WIDTH - 1e-6) + margin_px
    top, bottom = round(y1 * HEIGHT) - margin_px, math.ceil(y2 * HEIGHT - 1e-6) + margin_px
    return slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))


def mask_of(boxes: list[Box]) -> Bits:
    """(HEIGHT, WIDTH): inside one of the boxes, shares of the picture."""
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    for box in boxes:
        mask[_cut(box, margin_px=2)] = True
    return mask


def is_hidden(box: Box, mask: Bits) -> bool:
    """Whether half of a box or more lies behind the mask."""
    return bool(mask[_cut(box)].mean() >= 0.5) if mask[_cut(box)].size else True
