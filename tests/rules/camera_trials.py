"""Cameras that people meddle with, and those that only see weather: what the rule tells of them."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.rules.engine import Engine
from perception.rules.factory import build_rules
from perception.rules.rule import Alert
from tests.camera_tampers import PICTURE_TAMPERS, Picture, noisy
from tests.rules.scenes import scene
from tests.rules.scripts import RULE

Stamped = tuple[float, Picture]
TAMPERED_S = 9.0


def told(pictures: Iterable[Stamped], *, parked: bool = True) -> list[tuple[str, str, float]]:
    """State, phase and time of each alert but updates."""
    rules = build_rules({"ours": RULE.validate_python({"kind": "camera_state"})}, ())
    engine = Engine(rules)
    return [
        (str(news.facts["state"]), news.phase, mono_s)
        for mono_s, image in pictures
        for news in engine.see(scene(mono_s, parked=parked), image=image)
        if isinstance(news, Alert) and news.phase != "update"
    ]


def street(
    seconds: float, fps: float = 5.0, size: tuple[int, int] = (320, 192)
) -> Iterator[Stamped]:
    """A made-up street: walls with windows, noise of a sensor, somebody who walks through."""
    random = np.random.default_rng(3)
    width = size[0]
    still = cv2.resize(
        random.integers(40, 200, (24, 40, 3), np.uint8), size, interpolation=cv2.INTER_CUBIC
    )
    for x in range(10, width - 20, 36):
        cv2.rectangle(still, (x, 20), (x + 14, 60), (25, 30, 35), -1)
        cv2.line(still, (x, 120), (x + 25, 150), (220, 220, 210), 2)
    for number in range(round(seconds * fps)):
        image = noisy(still.astype(np.uint8), random, 2.0)
        x = number * 5 % (width + 40) - 20
        cv2.rectangle(image, (x, 90), (x + 14, 130), (60, 40, 150), -1)
        yield number / fps, image


def tampered(pictures: Iterable[Stamped], name: str, since_s: float) -> Iterator[Stamped]:
    """One tamper of PICTURE_TAMPERS, or of a stream, for TAMPERED_S from `since_s` on."""
    held: list[Picture] = []
    for number, (mono_s, image) in enumerate(pictures):
        if not since_s <= mono_s < since_s + TAMPERED_S:
            yield mono_s, image
        elif name in PICTURE_TAMPERS:
            yield mono_s, PICTURE_TAMPERS[name][1](image, since_s, mono_s)
        else:
            if len(held) < (6 if name == "looped" else 1):
                held.append(image)
            frozen = held[number % len(held)]
            yield mono_s, coded(frozen, number) if name == "frozen_and_coded" else frozen


def coded(image: Picture, number: int) -> Picture:
    """As a recorder that re-encodes leaves it: never twice quite the same."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, 86 + number % 3]
    read: NDArray[np.uint8] = np.asarray(
        cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR), np.uint8
    )
    return read


STREAM_TAMPERS = {"frozen": "frozen", "frozen_and_coded": "frozen", "looped": "frozen"}
ALL_TAMPERS = {name: state for name, (state, _) in PICTURE_TAMPERS.items()} | STREAM_TAMPERS
