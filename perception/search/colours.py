"""Colours by the eleven basic names (Berlin and Kay, 1969), in a space where distance is contrast.

Each name has examples: the averages of what 222,500 people called by such a name in the xkcd colour
survey (R. Munroe, 2010, CC0). A pixel belongs to a name by its distance to the nearest example in
CIELAB (CIE 15:2004); lightness counts less than hue and chroma, since it is the light's, too.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.errors import ImageError

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

# sRGB, in the order of NAMES.
EXAMPLES: dict[str, tuple[int, ...]] = {
    "black": (0x000000, 0x1D1D20, 0x070D0D),
    "white": (0xFFFFFF, 0xF4F4F0),
    "grey": (0x929591, 0x59656D, 0xC5C9C7, 0x4A4A4C),
    "red": (0xE50000, 0x840000, 0xB00149, 0xFF474C, 0xA83C3C),
    "orange": (0xF97306, 0xC65102, 0xFDAA48),
    "yellow": (0xFFFF14, 0xDBB40C, 0xFFFD78, 0xC9A918),
    "green": (0x15B01A, 0x033500, 0x96F97B, 0x6E750E, 0x4B6B3A, 0x7BB274),
    "blue": (0x0343DF, 0x01153E, 0x95D0FC, 0x0165FC, 0x3B638C, 0x24344F),
    "purple": (0x7E1E9C, 0x35063E, 0xC79FEF, 0x9A0EEA, 0x6A4E77),
    "pink": (0xFF81C0, 0xFFD1DF, 0xCB416B, 0xFF028D, 0xD99AA8),
    "brown": (0x653700, 0x341C02, 0xD1B26F, 0x9C6D57, 0xAD8150),
}
NAMES: tuple[str, ...] = tuple(EXAMPLES)
LIGHTNESS = 0.55  # weight of lightness among the three
SPREAD = 7.0  # so much nearer to one name than to another: it belongs to it twice as much
BITS = 5  # of each channel in the table: 32,768 colours, computed once

# Who says one name may mean what the light makes another of: how much of it counts, 0..1.
KIN: dict[str, dict[str, float]] = {
    "white": {"grey": 0.5},
    "grey": {"white": 0.3, "black": 0.3},
    "black": {"grey": 0.35, "blue": 0.35, "brown": 0.3},
    "blue": {"black": 0.3, "purple": 0.3, "grey": 0.2},
    "red": {"pink": 0.5, "orange": 0.3, "brown": 0.3},
    "pink": {"red": 0.4, "purple": 0.4},
    "purple": {"blue": 0.4, "pink": 0.4},
    "orange": {"red": 0.4, "brown": 0.3, "yellow": 0.3},
    "yellow": {"brown": 0.4, "orange": 0.3},
    "brown": {"orange": 0.3, "yellow": 0.2, "grey": 0.2, "black": 0.2},
    "green": {},
}

# Shades of grey (Finlayson and Trezzi, CIC 2004): the light's colour is the Minkowski mean of the
# picture's.
NORM = 6
LARGEST_CAST = 1.2  # a picture of one colour must not turn that into grey
BRIGHT = 0.95  # what the brightest twentieth of a picture shall be, 0..1
LARGEST_GAIN = 2.2


def light_of(picture: Image) -> Floats:
    """(3,) gains of blue, green, red that take the light's colour and dimness out of a picture.

    (H, W, 3) uint8, BGR: the whole picture, of which a coarse look is enough. Raises ImageError.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ImageError(f"a picture of shape {picture.shape}, {picture.dtype}")
    step = max(1, min(picture.shape[0] // 72, picture.shape[1] // 128))
    coarse = np.ascontiguousarray(picture[::step, ::step])
    small = cv2.resize(coarse, (64, 36), interpolation=cv2.INTER_AREA).reshape(-1, 3) / 255.0
    means = np.maximum((small**NORM).mean(axis=0) ** (1 / NORM), 1e-3)
    cast = np.clip(means.mean() / means, 1 / LARGEST_CAST, LARGEST_CAST)
    brightest = float(np.percentile((small * cast).max(axis=1), 95))
    gain = min(max(BRIGHT / max(brightest, 1e-3), 1.0), LARGEST_GAIN)
    return np.asarray(cast * gain, np.float32)


def named(pixels: Image, light: Floats) -> Floats:
    """(N, 11) float32: how far each pixel belongs to each of NAMES; rows sum to 1.

    `pixels` (N, 3) uint8, BGR; `light` as `light_of` gives it.
    """
    lit = np.clip(pixels * light, 0, 255).astype(np.int32) >> (8 - BITS)
    index = (lit[:, 0] << (2 * BITS)) | (lit[:, 1] << BITS) | lit[:, 2]
    return np.asarray(_table()[index], np.float32)


@cache
def _table() -> Floats:
    """Memberships of all colours of BITS bits a channel, by blue, green, red."""
    side = 1 << BITS
    values = (np.arange(side, dtype=np.float32) + 0.5) / side
    every = np.stack(np.meshgrid(values, values, values, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = _lab(np.asarray(every, np.float32))
    nearest = np.stack(
        [np.min([_distance(lab, each) for each in _lab(_bgr(EXAMPLES[n]))], axis=0) for n in NAMES],
        axis=1,
    )
    # What is far from all names belongs to the nearest: the least distance is taken off first.
    least = nearest.min(axis=1, keepdims=True)
    likely = np.exp2(-((nearest**2 - least**2) / SPREAD**2))
    return np.asarray(likely / likely.sum(axis=1, keepdims=True), np.float32)


def _lab(bgr: Floats) -> Floats:
    """(N, 3) of 0..1, sRGB, to L (weighted), a, b."""
    lab = cv2.cvtColor(bgr[None].astype(np.float32), cv2.COLOR_BGR2LAB)[0]
    return np.asarray(lab * (LIGHTNESS, 1.0, 1.0), np.float32)


def _distance(lab: Floats, example: Floats) -> Floats:
    return np.asarray(np.sqrt(((lab - example) ** 2).sum(axis=1)), np.float32)


def _bgr(examples: tuple[int, ...]) -> Floats:
    parts = [[v & 255, v >> 8 & 255, v >> 16] for v in examples]
    return np.asarray(np.array(parts) / 255, np.float32)


@cache
def counts_for(wanted: frozenset[str]) -> Floats:
    """(11,) what a pixel of each name counts towards any of the wanted ones."""
    return np.array(
        [max(1.0 if n == w else KIN[w].get(n, 0.0) for w in wanted) for n in NAMES], np.float32
    )
