"""Vehicles at a kerb, passed by twice by a unit whose position is off by metres, differently each
time; drawn as patches of their paint under light that differs, too."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception.place.placed import GroundPoint, WorldTrack
from perception.rules.engine import Engine
from perception.rules.factory import build_rules
from perception.rules.rule import Alert
from tests.rules.scenes import scene, track, zone
from tests.rules.scripts import RULE

KERB = zone("kerb", [(-40, -14), (40, -14), (40, 14), (-40, 14)], kind="no_stop")
NOON = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)
GNSS_M = 5.0  # 1 sigma on each axis, another one in each pass
OWN_M = 0.4
FOCAL = 0.9  # of the picture's height
# BGR, and how many of a hundred cars have it (roughly: Chinese registrations of the 2020s).
SEEN = np.array([(-60.0, -60.0), (60.0, -60.0), (60.0, 60.0), (-60.0, 60.0)])
PAINTS = {
    "white": ((215, 215, 215), 40), "black": ((35, 32, 30), 22), "grey": ((120, 118, 115), 16),
    "red": ((40, 35, 170), 7), "blue": ((150, 80, 35), 8), "brown": ((45, 70, 105), 4),
    "green": ((70, 120, 60), 3),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    """One at the kerb."""

    number: int
    east_m: float
    paint: str = "white"
    label: str = "car"
    height_m: float = 1.5
    speed_mps: float = 0.0


def some_car(random: np.random.Generator, number: int, east_m: float) -> Car:
    shares = np.array([share for _, share in PAINTS.values()], np.float64)
    paint = str(random.choice(list(PAINTS), p=shares / shares.sum()))
    label = "truck" if random.random() < 0.1 else "car"
    height_m = random.uniform(2.0, 3.2) if label == "truck" else random.uniform(1.42, 1.85)
    return Car(number=number, east_m=east_m, paint=paint, label=label, height_m=height_m)


class Street:
    """A unit with one rule that passes by."""

    def __init__(self, seed: int, state_dir: Path | None = None, **rule: Any) -> None:
        self.random = np.random.default_rng(seed)
        self.state_dir = state_dir
        self.rule = {"kind": "illegal_parking", "zones": ["kerb"]} | rule
        self.clock: datetime | None = NOON
        self.mono_s = 0.0
        self._ids = 0
        self.restart()

    def restart(self) -> None:
        rules = build_rules(
            {"ours": RULE.validate_python(self.rule)}, (KERB,), state_dir=self.state_dir
        )
        self.engine = Engine(rules, (KERB,))

    def wait(self, minutes: float) -> None:
        self.mono_s += minutes * 60
        if self.clock is not None:
            self.clock += timedelta(minutes=minutes)

    def drive_by(self, *cars: Car, seconds: float = 6.0) -> list[Alert]:
        """One pass: every car is a new track, seen for some seconds."""
        off = self.random.normal(0, GNSS_M, 2)
        light = self.random.uniform(0.7, 1.3)
        self._ids += 100
        news: list[Alert] = []
        for step in range(round(seconds * 4)):
            image = np.full((360, 640, 3), 105 * light, np.uint8)
            tracks = [self._track(car, off, image, light, step) for car in cars]
            told = scene(self.mono_s, tracks, footprint=SEEN)
            told = replace(told, eye=(float(off[0]), float(off[1]) - 8.0, 1.9), width_px=640,
                           height_px=360)  # fmt: skip
            news += [
                each
                for each in self.engine.see(told, utc=self.clock, image=image)
                if isinstance(each, Alert)
            ]
            self.wait(0.25 / 60)
        return news

    def _track(
        self, car: Car, off: NDArray[np.float64], image: NDArray[np.uint8], light: float, step: int
    ) -> WorldTrack:
        own = self.random.normal(0, OWN_M, 2)
        away_m = float(np.hypot(car.east_m, 8.0))
        height = FOCAL * 360 * car.height_m / away_m * self.random.normal(1, 0.05)
        x = 320 + 8 * car.east_m
        box = (x - height * 0.9, 200 - height / 2, x + height * 0.9, 200 + height / 2)
        left, top, right, bottom = (max(int(v), 0) for v in box)
        paint = np.array(PAINTS[car.paint][0]) * light
        patch = image[top:bottom, left:right]
        patch[:] = np.clip(paint + self.random.normal(0, 12, patch.shape), 0, 255)
        patch[: len(patch) // 3] = patch[: len(patch) // 3] // 4 + 12  # windows
        spread = np.eye(2) * (GNSS_M**2 + OWN_M**2)
        made = track(
            self._ids + car.number, 0, 0, self.mono_s, label=car.label, box=box,
            velocity_mps=(car.speed_mps, float(self.random.normal(0, 0.15))),
            velocity_error_mps=0.25,
        )  # fmt: skip
        there = np.array((car.east_m + car.speed_mps * step / 4, 0.0))
        place = off + there + own
        return replace(made, point=GroundPoint(float(place[0]), float(place[1]), spread))


def second(alerts: list[Alert]) -> list[Alert]:
    return [each for each in alerts if each.facts["pass"] == 2 and each.phase == "new"]
