"""Actors on paths, seen through noise as placing would tell them: with its covariance.

Two errors, as on a unit: one of the unit's own position, common to all tracks and slow; one of each
track, quick and filtered. The covariance that is published is the sum of both, and is true.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.place.placed import GroundPoint, Scene, WorldTrack
from tests.rules.scenes import scene

Floats = NDArray[np.float64]
Way = Sequence[tuple[float, float, float]]  # s, east, north: corners of a path in time

COMMON_S = 30.0  # how slowly the error of the unit's position changes
OWN_S = 0.8  # how quickly that of a track does, after its filter


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """At 1 sigma, per axis."""

    common_m: float = 0.4
    own_m: float = 0.3
    velocity_mps: float = 0.25
    unseen: float = 0.05  # share of pictures in which an actor is not detected
    slips: float = 0.0  # share of seconds in which a track gets another number
    jitter_s: float = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody on a way; outside its times there is nobody."""

    number: int
    way: Way
    label: str = "person"
    height_px: float = 100.0


def play(actors: Sequence[Actor], noise: Noise, seed: int, fps: float = 5.0) -> Iterator[Scene]:
    """The scenes, until the last actor has gone and ten seconds more."""
    rng = np.random.default_rng(seed)
    last_s = max(actor.way[-1][0] for actor in actors) + 10.0
    times = np.arange(0.0, last_s, 1 / fps)
    times = times + rng.uniform(0.0, noise.jitter_s, len(times))
    common = _drift(rng, times, noise.common_m, COMMON_S)
    shown = [_Shown(actor, rng, times, noise) for actor in actors]
    for index, mono_s in enumerate(times.tolist()):
        tracks = [each.track(index, mono_s, common[index], noise) for each in shown]
        yield scene(mono_s, [track for track in tracks if track is not None])


class _Shown:
    """One actor with the errors of its track."""

    def __init__(self, actor: Actor, rng: np.random.Generator, times: Floats, noise: Noise) -> None:
        self._actor = actor
        at, east, north = np.array(actor.way, np.float64).T
        self._points = np.column_stack((np.interp(times, at, east), np.interp(times, at, north)))
        self._there = (times >= at[0]) & (times <= at[-1])
        step = np.gradient(self._points, times, axis=0)
        self._velocity = step + _drift(rng, times, noise.velocity_mps, OWN_S)
        self._error = _drift(rng, times, noise.own_m, OWN_S)
        self._seen = rng.random(len(times)) >= noise.unseen
        self._slip = np.cumsum(rng.random(len(times)) < noise.slips * np.gradient(times))
        self._begun_s = float(at[0])

    def track(self, index: int, mono_s: float, common: Floats, noise: Noise) -> WorldTrack | None:
        if not self._there[index]:
            return None
        east_m, north_m = self._points[index] + common + self._error[index]
        height = self._actor.height_px
        left, foot = 640.0 + 20.0 * self._points[index, 0], 500.0 - 5.0 * self._points[index, 1]
        spread = np.eye(2) * (noise.common_m**2 + noise.own_m**2)
        return WorldTrack(
            track_id=self._actor.number + 1000 * int(self._slip[index]),
            camera="front",
            label=self._actor.label,
            score=0.9,
            box=(left, foot - height, left + 0.4 * height, foot),
            mono_s=mono_s,
            seen=bool(self._seen[index]),
            age_s=mono_s - self._begun_s,
            point=GroundPoint(float(east_m), float(north_m), spread),
            unplaced=None,
            velocity_mps=(float(self._velocity[index, 0]), float(self._velocity[index, 1])),
            velocity_covariance=np.eye(2) * noise.velocity_mps**2,
        )


def _drift(rng: np.random.Generator, times: Floats, sigma: float, tau_s: float) -> Floats:
    """(T, 2): an Ornstein-Uhlenbeck process, stationary with this sigma on each axis."""
    found = np.zeros((len(times), 2))
    if not len(times):
        return found
    found[0] = rng.normal(0, sigma, 2)
    for index in range(1, len(times)):
        keep = np.exp(-(times[index] - times[index - 1]) / tau_s)
        fresh = rng.normal(0, sigma * np.sqrt(1 - keep * keep), 2)
        found[index] = keep * found[index - 1] + fresh
    return found


def walk(
    corners: Sequence[tuple[float, float]], speed_mps: float, begin_s: float = 0.0
) -> list[tuple[float, float, float]]:
    """A way along corners at one speed."""
    way, t = [(begin_s, *corners[0])], begin_s
    for before, after in itertools.pairwise(corners):
        t += float(np.hypot(after[0] - before[0], after[1] - before[1])) / speed_mps
        way.append((t, *after))
    return way


def stand(
    place: tuple[float, float], for_s: float, begin_s: float = 0.0
) -> list[tuple[float, float, float]]:
    """A way of somebody who stands."""
    return [(begin_s, *place), (begin_s + for_s, *place)]


def pace(
    a: tuple[float, float], b: tuple[float, float], for_s: float, speed_mps: float = 1.0,
    begin_s: float = 0.0,
) -> list[tuple[float, float, float]]:  # fmt: skip
    """To and fro between two places."""
    leg_s = float(np.hypot(b[0] - a[0], b[1] - a[1])) / speed_mps
    legs = int(for_s / leg_s) + 1
    return [(begin_s + n * leg_s, *(a, b)[n % 2]) for n in range(legs + 1)]


def joined(*ways: Sequence[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """One way after the other, without a pause; each begins where the one before ended."""
    whole = list(ways[0])
    for way in ways[1:]:
        shift_s = whole[-1][0] - way[0][0]
        whole += [(t + shift_s, x, y) for t, x, y in way[1:]]
    return whole
