"""The plate of one track: several pictures of it, each with its weight, vote on each character."""

from collections import deque
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.plates.formats import Colour, Fit, colour_fits, fit
from perception.plates.reader import Reading

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

MOST_READS = 12  # of one track; a better one takes the place of the worst
ENOUGH_PX = 24.0  # height of a plate from which more pixels tell no more
# Variance of the Laplacian (Pech-Pacheco et al., ICPR 2000) of sharp pictures that were drawn.
SHARP_PLATE = 500.0
SHARP_VEHICLE = 70.0


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One reading, with what it is worth."""

    reading: Reading
    quality: float  # 0..1
    mono_s: float


def picture_quality(picture: Image) -> float:
    """0..1: how much a vehicle's picture promises before it is read: its sharpness times size.

    (H, W, 3) uint8, BGR. The lower two thirds count: plates hang low.
    """
    height, width = picture.shape[:2]
    if min(height, width) < 8:
        return 0.0
    low = picture[height // 3 :]
    scale = min(1.0, 160.0 / width)  # compare near and far at one size
    size = (max(1, round(width * scale)), max(1, round(low.shape[0] * scale)))
    small = np.asarray(cv2.resize(low, size, interpolation=cv2.INTER_AREA), np.uint8)
    return float(min(1.0, _sharpness(small) / SHARP_VEHICLE) * min(1.0, width / 320.0))


def reading_quality(reading: Reading, picture: Image) -> float:
    """0..1: sharpness of the plate itself, times its size, times how upright it is."""
    x1, y1 = np.floor(reading.corners.min(axis=0)).astype(int).clip(0)
    x2, y2 = np.ceil(reading.corners.max(axis=0)).astype(int)
    part = picture[y1:y2, x1:x2]
    if min(part.shape[:2]) < 4:
        return 0.0
    size = min(1.0, reading.height_px / ENOUGH_PX)
    return min(1.0, _sharpness(part) / SHARP_PLATE) * size * (1.0 - 0.5 * reading.slant)


def _sharpness(picture: Image) -> float:
    """Smoothed first, so that noise is not taken for detail."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.CV_32F).var())


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What the pictures of a track say together."""

    fit: Fit
    colour: Colour
    reads: int  # pictures that agree in the number of characters
    best: Shot


@dataclass(slots=True)
class Ballot:
    """The readings of one track. One thread."""

    shots: list[Shot] = field(default_factory=list)
    taken: int = 0

    def add(self, shot: Shot) -> None:
        self.taken += 1
        self.shots.append(shot)
        if len(self.shots) > MOST_READS:
            self.shots.remove(min(self.shots, key=_weight))

    def verdict(self) -> Verdict | None:
        """The plate that the pictures mean together; None where they have not said any.

        The readings of the length that has more weight are averaged character by character.
        """
        by_length: dict[int, list[Shot]] = {}
        for shot in self.shots:
            by_length.setdefault(len(shot.reading.opinions), []).append(shot)
        if not by_length:
            return None
        votes = max(by_length.values(), key=lambda shots: sum(map(_weight, shots)))
        weights = np.array([_weight(shot) for shot in votes])
        opinions = np.average([shot.reading.opinions for shot in votes], axis=0, weights=weights)
        found = fit(opinions.astype(np.float32))
        colour = _colour(votes)
        if found is None or not colour_fits(found.plate, colour):
            return None
        return Verdict(found, colour, len(votes), max(votes, key=_weight))


def _weight(shot: Shot) -> float:
    return max(shot.quality, 0.01) * shot.reading.fit.confidence


def _colour(votes: list[Shot]) -> Colour:
    weights: dict[Colour, float] = {}
    for shot in votes:
        colour = shot.reading.colour
        weights[colour] = weights.get(colour, 0.0) + _weight(shot)
    return max(weights, key=lambda colour: weights[colour])


@dataclass(slots=True)
class Memory:
    """Which plates were told lately, so that one vehicle that is lost and found is one record."""

    within_s: float
    _told: deque[tuple[float, str]] = field(default_factory=deque)

    def is_new(self, text: str, mono_s: float) -> bool:
        """Whether this plate was not told within the time; a True is taken as told."""
        while self._told and mono_s - self._told[0][0] >= self.within_s:
            self._told.popleft()
        if any(text == told for _, told in self._told):
            return False
        self._told.append((mono_s, text))
        return True
