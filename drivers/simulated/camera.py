"""A simulated network camera: pictures of a street that does not exist, or of a clip, as JPEG.

What can befall a camera is done to it while it runs: a hand before the lens, the sun in it, a
frozen picture, one picture a minute, damaged data, a plug that is pulled.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from config.language import tell
from drivers.base import DeviceUnavailableError
from drivers.simulated.verbs import Verb, WrongOrderError, switched

Image = NDArray[np.uint8]
Source = Callable[[float], Image]

CAR_S = 9.0  # for a car to cross the picture
QUALITY = 80
TORN_AT = 0.4  # of a damaged picture's bytes


def street(width_px: int, height_px: int) -> Source:
    """Sky, houses, a road, and a car that drives along it for ever."""
    ground = np.zeros((height_px, width_px, 3), np.uint8)
    ground[: height_px // 2] = (200, 170, 140)
    ground[height_px // 2 :] = (90, 95, 95)
    for number in range(6):
        left = number * width_px // 6
        top = height_px // 2 - (3 + number * 7 % 4) * height_px // 12
        colour = (70 + 20 * number, 90, 160 - 15 * number)
        cv2.rectangle(
            ground, (left, top), (left + width_px // 6 - 4, height_px // 2), colour, cv2.FILLED
        )
    noise = np.random.default_rng(1).integers(0, 24, ground.shape, np.uint8)
    ground = cv2.add(ground, noise).astype(np.uint8)

    def picture(now_s: float) -> Image:
        image = ground.copy()
        left = round((now_s % CAR_S) / CAR_S * 1.4 * width_px - 0.2 * width_px)
        top, length = round(0.66 * height_px), width_px // 5
        body = (left, top), (left + length, top + height_px // 9)
        cv2.rectangle(image, *body, (40, 40, 190), cv2.FILLED)
        words = f"{math.floor(now_s / 60) % 60:02}:{now_s % 60:05.2f}"
        place = (10, height_px - 12)
        cv2.putText(image, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1)
        return image

    return picture


def clip(path: Path) -> Source:
    """A video file, over and over. Raises DeviceUnavailableError."""
    capture = cv2.VideoCapture(str(path))
    readable, _ = capture.read()
    if not readable:
        raise DeviceUnavailableError(tell("{path} is no video that can be read", path=path))

    def picture(_now_s: float) -> Image:
        whole, image = capture.read()
        if not whole:
            capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            _, image = capture.read()
        return np.asarray(image, np.uint8)

    return picture


class SimulatedCamera:
    """Everything about it is a plain value, to be set from outside."""

    def __init__(self, source: Source, fps: float) -> None:
        self.fps = fps
        self.covered = self.dark = self.glaring = self.frozen = self.damaged = False
        self.hangs = self.gone = False
        self._source = source
        self._held: Image | None = None

    def picture(self, now_s: float) -> bytes | None:
        """The JPEG of this moment; None while it hangs."""
        if self.hangs:
            return None
        image = self._held if self.frozen and self._held is not None else self._source(now_s)
        self._held = image
        data = bytes(
            cv2.imencode(".jpg", self._seen(image), (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1]
        )
        return data[: round(len(data) * TORN_AT)] if self.damaged else data

    def _seen(self, image: Image) -> Image:
        if self.covered:
            return np.full_like(image, 12)
        if self.dark:
            return (image // 16).astype(np.uint8)
        if self.glaring:
            return np.maximum(image, 250).astype(np.uint8)
        return image

    def verbs(self) -> dict[str, Verb]:
        def switch(name: str) -> Callable[[Sequence[str], float], None]:
            return lambda words, _now_s: setattr(self, name, switched(words))

        return {
            "fps": Verb("fps N", "so many pictures a second; 0.017 is one a minute", self._rate),
            "cover": Verb("cover on|off", "a hand before the lens", switch("covered")),
            "dark": Verb("dark on|off", "night, without a lamp", switch("dark")),
            "glare": Verb("glare on|off", "the sun in the lens", switch("glaring")),
            "freeze": Verb("freeze on|off", "the same picture again and again", switch("frozen")),
            "damage": Verb("damage on|off", "pictures that end too soon", switch("damaged")),
            "hang": Verb("hang on|off", "connected, and no picture", switch("hangs")),
            "gone": Verb("gone on|off", "pull its plug", switch("gone")),
        }

    def _rate(self, words: Sequence[str], _now_s: float) -> None:
        fps = float(words[0])
        if not 0.001 <= fps <= 120:
            raise WrongOrderError(f"{words[0]} is not within 0.001..120")
        self.fps = fps
