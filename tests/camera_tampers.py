"""What people and weather do to cameras, done to real pictures."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Tamper = Callable[[Picture, float, float], Picture]  # picture, since when s, at what s


def played(path: Path, longest_s: float, step: int = 1) -> Iterator[tuple[float, Picture]]:
    """Stamps and pictures of a recording; a short one goes forth and back, so that no picture
    jumps."""
    capture = cv2.VideoCapture(str(path))
    period_s = step / capture.get(cv2.CAP_PROP_FPS)
    kept: list[Picture] = []
    while len(kept) * period_s < longest_s:
        for _ in range(step):
            there, image = capture.read()
        if not there:
            break
        kept.append(np.ascontiguousarray(image, np.uint8))
    capture.release()
    number = 0
    noise = np.random.default_rng(5)
    while number * period_s < longest_s:
        lap, place = divmod(number, len(kept))
        image = kept[place if lap % 2 == 0 else -1 - place]
        if lap:  # a turned-back recording must not repeat itself to the bit
            image = noisy(image, noise)
        yield number * period_s, image
        number += 1


def noisy(image: Picture, random: np.random.Generator, sigma: float = 1.0) -> Picture:
    grain = random.normal(0, sigma, image.shape[:2]).astype(np.float32)[:, :, None]
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def _grain(image: Picture, at_s: float, sigma: float = 1.5) -> Picture:
    return noisy(image, np.random.default_rng(int(at_s * 1000)), sigma)


def black_cap(image: Picture, _since_s: float, at_s: float) -> Picture:
    return _grain(np.full_like(image, 9), at_s)


def cloth(image: Picture, _since_s: float, at_s: float) -> Picture:
    """Out of focus, a little light comes through, with soft folds."""
    height, width = image.shape[:2]
    folds = (
        12 * np.sin(np.linspace(0, 9, width))[None, :]
        + 8 * np.cos(np.linspace(0, 4, height))[:, None]
    )
    light = cv2.GaussianBlur(image, (0, 0), width / 12) * 0.15
    return _grain(np.clip(60 + folds[:, :, None] + light, 0, 255).astype(np.uint8), at_s)


def spray(image: Picture, _since_s: float, at_s: float) -> Picture:
    """Paint over nine tenths of the picture; a corner stays free."""
    painted = np.full_like(image, 140)
    height, width = image.shape[:2]
    keep_h, keep_w = int(height * 0.31), int(width * 0.31)
    painted[:keep_h, :keep_w] = image[:keep_h, :keep_w]
    return _grain(painted, at_s)


def lamp(image: Picture, _since_s: float, at_s: float) -> Picture:
    """A torch into the lens: a saturated disc and a veil over all."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    distance = np.hypot((x - width / 2) / width, (y - height / 2) / width)
    glow = 600 * np.exp(-((distance / 0.3) ** 2))[:, :, None] + 60
    return _grain(np.clip(image * 0.6 + glow, 0, 255).astype(np.uint8), at_s)


def _warped(image: Picture, matrix: NDArray[np.float64]) -> Picture:
    size = image.shape[1], image.shape[0]
    return cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REFLECT).astype(np.uint8)


def pushed(image: Picture, _since_s: float, _at_s: float) -> Picture:
    """Turned by a twentieth of the picture's width."""
    return _warped(image, np.array([[1, 0, 0.05 * image.shape[1]], [0, 1, 0.02 * image.shape[0]]]))


def tilted(image: Picture, _since_s: float, _at_s: float) -> Picture:
    """Rolled by eight degrees."""
    centre = image.shape[1] / 2, image.shape[0] / 2
    return _warped(image, cv2.getRotationMatrix2D(centre, 8.0, 1.1).astype(np.float64))


def turned_away(image: Picture, _since_s: float, at_s: float) -> Picture:
    """It looks at something else: here, at its own picture upside down and mirrored."""
    return _grain(np.ascontiguousarray(image[::-1, ::-1]), at_s)


def defocused(image: Picture, _since_s: float, at_s: float) -> Picture:
    return _grain(cv2.GaussianBlur(image, (0, 0), image.shape[1] / 130).astype(np.uint8), at_s)


PICTURE_TAMPERS: dict[str, tuple[str, Tamper]] = {
    "black_cap": ("covered", black_cap),
    "cloth": ("covered", cloth),
    "spray": ("covered", spray),
    "lamp": ("blinded", lamp),
    "pushed": ("moved", pushed),
    "tilted": ("moved", tilted),
    "turned_away": ("moved", turned_away),
    "defocused": ("blurred", defocused),
}


def dusk(image: Picture, at_s: float, over_s: float = 120.0) -> Picture:
    """Down to a tenth of the light, with a sensor's noise."""
    gain = max(0.1, 1 - 0.9 * at_s / over_s)
    return _grain(np.clip(image * gain, 0, 255).astype(np.uint8), at_s, 2.0)


def dawn(image: Picture, at_s: float, over_s: float = 120.0) -> Picture:
    gain = min(1.0, 0.15 + 0.85 * at_s / over_s)
    return _grain(np.clip(image * gain, 0, 255).astype(np.uint8), at_s, 2.0)


def fog(image: Picture, at_s: float, over_s: float = 120.0) -> Picture:
    share = min(0.8, 0.8 * at_s / over_s)
    soft = cv2.GaussianBlur(image, (0, 0), 0.3 + 3 * share)
    return _grain(np.clip(soft * (1 - share) + 190 * share, 0, 255).astype(np.uint8), at_s)


def clouds(image: Picture, at_s: float) -> Picture:
    """The sun comes and goes: light by a third within two seconds, each fifteen."""
    gain = 0.85 + 0.2 * np.tanh(3 * np.sin(at_s * 2 * np.pi / 15))
    return np.clip(image * gain, 0, 255).astype(np.uint8)


def wind(image: Picture, at_s: float) -> Picture:
    """The mast sways by half a per cent."""
    x = 0.005 * image.shape[1] * np.sin(at_s * 2.6)
    return _warped(image, np.array([[1, 0, x], [0, 1, 0.3 * x]]))
