"""Crowds at random on the ground, as a camera sees them: who is hidden by others is not detected.

Everybody is a board as wide as shoulders and as high as a person, turned to the camera. The boards
are drawn from near to far into a fine raster of angles; one of which too little is left is not
detected. That is no formula of the product's.
"""

import functools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perception.place.placed import Scene, WorldTrack
from tests.rules.scenes import scene, track

Floats = NDArray[np.float64]
STEP_RAD = 0.002
HEIGHT_M, WIDTH_M = 1.7, 0.5
NEEDED = 0.4  # share of a board that a detector needs
MISSED = 0.1  # of the pictures, at random, for each who can be seen
ERROR_M = 0.3


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Over a rectangle of ground: west, south, east, north."""

    eye: tuple[float, float, float]
    ground: tuple[float, float, float, float]
    name: str = "front"

    @property
    def footprint(self) -> Floats:
        west, south, east, north = self.ground
        return np.array([(west, south), (east, south), (east, north), (west, north)])


MAST = Camera(eye=(0.0, -12.0, 6.0), ground=(-6.0, -2.0, 6.0, 10.0))
ROOF = Camera(eye=(0.0, -8.0, 2.6), ground=(-4.0, -4.0, 4.0, 4.0))
DRONE = Camera(eye=(0.0, -10.0, 30.0), ground=(-7.0, -7.0, 7.0, 7.0))
CAMERAS = {"drone": DRONE, "mast": MAST, "roof": ROOF}


def crowd(per_m2: float, ground: tuple[float, float, float, float], seed: int) -> Floats:
    """(N, 2) people, at random, not nearer to one another than 0.35 m."""
    random = np.random.default_rng(seed)
    west, south, east, north = ground
    wanted = round(per_m2 * (east - west) * (north - south))
    placed = np.zeros((wanted, 2))
    number = 0
    while number < wanted:
        one = random.uniform((west, south), (east, north))
        if ((placed[:number] - one) ** 2).sum(axis=1).min(initial=1.0) >= 0.35**2:
            placed[number] = one
            number += 1
    return placed


def visible(people: Floats, eye: tuple[float, float, float]) -> NDArray[np.bool_]:
    """(N,) of whom enough is to be seen."""
    away = people - np.array(eye[:2])
    range_m = np.hypot(*away.T)
    azimuth = np.arctan2(away[:, 0], away[:, 1])
    half = np.arctan(WIDTH_M / 2 / range_m)
    top = np.arctan2(HEIGHT_M - eye[2], range_m)
    foot = np.arctan2(-eye[2], range_m)
    origin = np.array((float((azimuth - half).min()), float(foot.min())))
    size = (np.array((float((azimuth + half).max()), float(top.max()))) - origin) / STEP_RAD + 2
    taken = np.zeros((int(size[1]), int(size[0])), np.bool_)
    seen = np.zeros(len(people), np.bool_)
    for one in np.argsort(range_m):
        left, right = ((azimuth[one] + s * half[one] - origin[0]) / STEP_RAD for s in (-1, 1))
        low, high = ((angle - origin[1]) / STEP_RAD for angle in (foot[one], top[one]))
        board = taken[int(low) : int(high) + 1, int(left) : int(right) + 1]
        seen[one] = (~board).mean() >= NEEDED
        board[:] = True
    return seen


@functools.lru_cache(maxsize=64)
def _shown(people: bytes, eye: tuple[float, float, float]) -> NDArray[np.bool_]:
    places = np.frombuffer(people).reshape(-1, 2)
    return visible(places, eye) if len(places) else np.zeros(0, np.bool_)


def picture(people: Floats, camera: Camera, mono_s: float, random: np.random.Generator) -> Scene:
    """One picture: places with error; whom the detector misses is predicted by the tracker."""
    shown = _shown(people.tobytes(), camera.eye)
    tracks: list[WorldTrack] = []
    for number in np.flatnonzero(shown).tolist():
        east_m, north_m = people[number] + random.normal(0, ERROR_M, 2)
        one = track(
            number + 1, east_m, north_m, mono_s, camera=camera.name, error_m=ERROR_M,
            seen=random.random() >= MISSED, velocity_mps=(0.4, 0.0),
        )  # fmt: skip
        tracks.append(one)
    told = scene(mono_s, tracks, camera=camera.name, footprint=camera.footprint)
    return replace(told, eye=camera.eye)
