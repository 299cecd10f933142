"""Persons who stand where we know, seen by a unit whose every number is off by noise that we know:
what `bench_place` counts.

Nothing of the product makes the truth: it is projected by the noisy camera, and the product is told
the nominal one.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from config.cameras import GroundConfig, LensConfig, MountConfig
from perception.detections import Track
from perception.place.geometry import aim
from perception.place.lens import Lens
from perception.place.placed import Scene
from perception.place.placer import CameraSetup, Placer
from perception.place.pose import UnitPose
from perception.place.spread import CHI2_95

Floats = NDArray[np.float64]

SIZE = (1280, 720)
PERSONS = 3  # in each picture, at the same range
FOOT_SHARE, SIDE_SHARE, LEAST_PX = 0.035, 0.14, 1.0  # what a detector's edges are off by
LASTING_S = 0.3  # how long the errors of edges last
BODY_M = 0.1  # a foot is so far from the middle of its body, each way
SETTLE_S, STEP_S = 2.0, 0.2  # how long paths are followed, in pictures so far apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A unit, and how far off what it believes of itself is, 1 sigma."""

    name: str
    mount: MountConfig
    range_m: float  # on the ground, from the unit
    height_m: float = 0.0  # of the body
    position_m: float  # of each axis
    heading_deg: float
    tilt_deg: float
    body_height_m: float = 0.02
    person_m: float = 0.1
    focal_share: float = 0.005
    max_range_m: float = 200.0
    fov_deg: float = 90.0

    def lens(self) -> Lens:
        config = LensConfig(horizontal_fov_deg=self.fov_deg, focal_error=self.focal_share)
        found = Lens.of(config, *SIZE)
        if found is None:
            raise ValueError("no lens")
        return found

    def pose(self, mono_s: float = 0.0) -> UnitPose:
        """What the unit believes."""
        return UnitPose(
            mono_s=mono_s,
            lat_deg=35.4,
            lon_deg=116.6,
            position_error_m=self.position_m,
            heading_deg=0.0,
            heading_error_deg=self.heading_deg,
            tilt_error_deg=self.tilt_deg,
            height_m=self.height_m,
            height_error_m=self.body_height_m,
            speed_mps=0.0,
        )


@dataclass(slots=True)
class Outcome:
    """What came of all trials of a platform."""

    errors: list[Floats] = field(default_factory=list)  # east, north, of the first picture
    distances: list[float] = field(default_factory=list)  # squared, in sigmas, of the first
    settled_errors: list[float] = field(default_factory=list)  # after SETTLE_S
    settled: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)  # error of the peer, m
    refused: int = 0

    @property
    def lengths(self) -> Floats:
        return np.hypot(*np.array(self.errors).T)

    def held(self) -> float:
        return float(np.mean(np.array(self.distances) <= CHI2_95))

    def held_settled(self) -> float:
        return float(np.mean(np.array(self.settled) <= CHI2_95))


@dataclass(frozen=True, slots=True, eq=False)
class _World:
    """One draw of all that stays the same from picture to picture."""

    places: Floats  # (PERSONS, 2) east, north of where the unit believes to be
    feet: Floats  # (PERSONS, 2) what the camera sees of them, BODY_M away
    heights_m: Floats  # (PERSONS,)
    rotation: Floats
    lens: Lens
    at: Floats  # (3,) of the true lens


def trials(platform: Platform, poses: int, followed: int, seed: int) -> Outcome:
    """`poses` draws of the unit's errors, each with PERSONS persons; those of the first `followed`
    draws stand and are followed for SETTLE_S."""
    random, outcome = np.random.default_rng(seed), Outcome()
    setup = CameraSetup(
        lens=LensConfig(horizontal_fov_deg=platform.fov_deg, focal_error=platform.focal_share),
        mount=platform.mount,
    )
    for draw in range(poses):
        placer = Placer({"front": setup}, GroundConfig(max_range_m=platform.max_range_m), 0.2)
        world, edges = _draw(platform, random), _Edges(random)
        first = None
        steps = round(SETTLE_S / STEP_S) if draw < followed else 0
        for step in range(steps + 1):
            tracks = _tracks(world, edges, step * STEP_S)
            scene = placer.place("front", step * STEP_S, SIZE, tracks, platform.pose(step * STEP_S))
            if first is None:
                first = scene
                _note_first(outcome, platform, world, scene)
        if steps:
            _note_settled(outcome, world, scene)
    return outcome


def _draw(platform: Platform, random: np.random.Generator) -> _World:
    def off(sigma: float) -> float:
        return float(random.normal(0, sigma))

    mount, mount_deg = platform.mount, platform.mount.error_deg
    true_mount = mount.model_copy(
        update={
            "yaw_deg": mount.yaw_deg + off(mount_deg),
            "pitch_deg": mount.pitch_deg + off(mount_deg),
            "roll_deg": mount.roll_deg + off(mount_deg),
            "height_m": mount.height_m + off(mount.height_error_m),
        }
    )
    true_pose = replace(
        platform.pose(),
        heading_deg=off(platform.heading_deg) % 360.0,
        pitch_deg=off(platform.tilt_deg),
        roll_deg=off(platform.tilt_deg),
        height_m=platform.height_m + off(platform.body_height_m),
    )
    view = aim(true_mount, true_pose)
    if view is None:
        raise ValueError("no heading")
    shift = random.normal(0, platform.position_m, 2)
    lens = platform.lens()
    focal = 1 + off(platform.focal_share)
    bearings = np.radians(random.uniform(-30, 30, PERSONS))
    places = platform.range_m * np.column_stack((np.sin(bearings), np.cos(bearings)))
    return _World(
        places=places,
        feet=places + random.normal(0, BODY_M, places.shape),
        heights_m=random.normal(1.7, platform.person_m, PERSONS),
        rotation=view.rotation,
        lens=replace(lens, fx_px=lens.fx_px * focal, fy_px=lens.fy_px * focal),
        at=np.array([view.east_m + shift[0], view.north_m + shift[1], view.height_m]),
    )


class _Edges:
    """What a detector's edges are off by: errors that fade over LASTING_S, as pictures do."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._now = random.normal(0, 1, (PERSONS, 3))

    def step(self) -> Floats:
        """(PERSONS, 3) foot, top, middle, in sigmas."""
        stays = math.exp(-STEP_S / LASTING_S)
        new = self._random.normal(0, math.sqrt(1 - stays**2), self._now.shape)
        self._now = stays * self._now + new
        return self._now


def _tracks(world: _World, edges: _Edges, mono_s: float) -> list[Track]:
    """The persons as a detector finds them: the box around a body 0.5 m wide, its edges off."""
    tracks, off = [], edges.step().tolist()
    for index, (place, tall_m) in enumerate(zip(world.feet, world.heights_m, strict=True)):
        foot = np.array([*place, 0.0]) - world.at
        head = foot + np.array([0.0, 0.0, tall_m])
        pixels, _ = world.lens.pixels(np.array([foot, head]) @ world.rotation)
        (u, low), (_, high) = pixels.tolist()
        wide = 0.5 / float(np.linalg.norm(foot)) * world.lens.fx_px
        tall = max(low - high, wide)
        error = math.hypot(FOOT_SHARE * tall, LEAST_PX)
        middle = u + off[index][2] * math.hypot(SIDE_SHARE * wide, LEAST_PX)
        bottom, top = low + off[index][0] * error, low - tall + off[index][1] * error
        tracks.append(
            Track(
                track_id=index + 1,
                label="person",
                score=0.9,
                box=(middle - wide / 2, top, middle + wide / 2, bottom),
                mono_s=mono_s,
                seen=True,
            )
        )
    return tracks


def _note_first(outcome: Outcome, platform: Platform, world: _World, scene: Scene) -> None:
    for track, place in zip(scene.tracks, world.places, strict=True):
        if track.point is None:
            outcome.refused += 1
            continue
        error = np.array([track.point.east_m, track.point.north_m]) - place
        outcome.errors.append(error)
        outcome.distances.append(float(error @ np.linalg.solve(track.point.covariance, error)))
        plain = plain_ground(platform, track.box)
        outcome.plain.append(float(np.hypot(*(plain - place))))


def _note_settled(outcome: Outcome, world: _World, scene: Scene) -> None:
    for track, place in zip(scene.tracks, world.places, strict=True):
        if track.point is not None:
            error = np.array([track.point.east_m, track.point.north_m]) - place
            outcome.settled.append(float(error @ np.linalg.solve(track.point.covariance, error)))
            outcome.settled_errors.append(float(np.hypot(*error)))


def plain_ground(platform: Platform, box: tuple[float, float, float, float]) -> Floats:
    """The peer, in five lines: the ray through the foot meets the ground, and that is all."""
    lens, pitch = platform.lens(), math.radians(platform.mount.pitch_deg)
    x = ((box[0] + box[2]) / 2 - lens.cx_px) / lens.fx_px
    y = (box[3] - lens.cy_px) / lens.fy_px
    north, up = math.cos(pitch) + y * math.sin(pitch), math.sin(pitch) - y * math.cos(pitch)
    height_m = platform.height_m + platform.mount.height_m
    return np.array([x, north]) * (height_m / max(-up, 1e-3))
