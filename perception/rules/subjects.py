"""Who is who: one subject for what a tracker follows under several numbers, or two cameras see.

A track that begins where another has just been lost goes on as the same subject; so a dwell time
survives a tracker's slip. A track in one camera that stands where another camera follows somebody
is that one. Nobody is recognised: only place, time and class decide.
"""

import itertools
from dataclasses import dataclass

from perception.place.placed import Scene, WorldTrack

HEIR_WITHIN_S = 5.0  # a track that was lost longer ago has no heir
SAME_TIME_S = 1.0  # two cameras speak of the same moment
GATE = 9.21  # squared Mahalanobis distance: 99 % of a chi-squared with two degrees of freedom
SPLIT_GATE = 4 * GATE  # two cameras that differ so much do not see the same
# How much further than predicted somebody may have gone, per second unseen (1 sigma), and how near
# two positions can be told apart at all.
DRIFT = {"person": 0.25, "bicycle": 0.5}
USUAL_DRIFT = 0.8
FLOOR_M = 0.4
HEIGHTS_PER_S = 0.15  # the same in a picture, in heights of the box: 0.25 m/s of a person
# What a detector confuses is one class here.
ALIKE = {"bus": "car", "truck": "car", "motorcycle": "bicycle"}


@dataclass(slots=True)
class _Trace:
    """Where a track was last seen, in metres or pixels. Plain numbers: a picture has many."""

    camera: str
    subject: int
    alike: str
    mono_s: float
    x: float
    y: float
    spread: tuple[float, float, float]  # variances of x and y, and what they have in common
    velocity: tuple[float, float]  # per second
    on_ground: bool
    drift: float  # per second


class Subjects:
    """The subjects of a unit, over all its cameras. Numbers are unique in a boot."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._traces: dict[tuple[str, int], _Trace] = {}  # by camera and track
        self._elsewhere: list[_Trace] = []  # those of other cameras than the picture's

    def of(self, scene: Scene) -> dict[int, int]:
        """The subject of each track that was detected in this picture, by track."""
        now_s, camera = scene.mono_s, scene.camera
        for key in [k for k, t in self._traces.items() if now_s - t.mono_s > HEIR_WITHIN_S]:
            del self._traces[key]
        traces = {
            track.track_id: _trace(track, camera, now_s) for track in scene.tracks if track.seen
        }
        taken = {
            known.subject
            for track in scene.tracks
            if (known := self._traces.get((camera, track.track_id))) is not None
        }
        self._elsewhere = [t for (where, _), t in self._traces.items() if where != camera]
        newcomers = []
        for number, fresh in traces.items():
            known = self._traces.get((camera, number))
            if known is None:
                newcomers.append((number, fresh))
            else:
                fresh.subject = self._still(known.subject, fresh)
        self._match(newcomers, taken)
        self._traces |= {(camera, number): fresh for number, fresh in traces.items()}
        return {number: fresh.subject for number, fresh in traces.items()}

    def forget(self, camera: str | None) -> None:
        """What this camera (None: any) saw has no heirs."""
        for key in [key for key in self._traces if camera in (None, key[0])]:
            del self._traces[key]

    def _match(self, newcomers: list[tuple[int, _Trace]], taken: set[int]) -> None:
        """Give each newcomer the subject that fits it best, or a new one; nearest pairs first."""
        pairs = sorted(
            (distance, number, trace.subject)
            for number, fresh in newcomers
            for trace in self._traces.values()
            if trace.subject not in taken
            and (distance := _distance(trace, fresh)) is not None
            and distance < GATE
        )
        heirs: dict[int, int] = {}
        for _, number, subject in pairs:
            if number not in heirs and subject not in taken:
                heirs[number] = subject
                taken.add(subject)
        for number, fresh in newcomers:
            fresh.subject = heirs.get(number) or next(self._numbers)

    def _still(self, subject: int, fresh: _Trace) -> int:
        """The subject, unless another camera sees it elsewhere at this moment."""
        for trace in self._elsewhere:
            if trace.subject == subject:
                distance = _distance(trace, fresh)
                if distance is not None and distance > SPLIT_GATE:
                    return next(self._numbers)
        return subject


def _trace(track: WorldTrack, camera: str, mono_s: float) -> _Trace:
    alike = ALIKE.get(track.label, track.label)
    point = track.point
    if point is not None:
        (p, q), (_, r) = point.covariance.tolist()
        spread = p + FLOOR_M**2, r + FLOOR_M**2, q
        velocity, drift = track.velocity_mps or (0.0, 0.0), DRIFT.get(alike, USUAL_DRIFT)
        east_m, north_m = point.east_m, point.north_m
        return _Trace(camera, 0, alike, mono_s, east_m, north_m, spread, velocity, True, drift)
    x1, y1, x2, y2 = track.box
    height_px = max(y2 - y1, 1.0)
    spread = (0.1 * height_px) ** 2, (0.1 * height_px) ** 2, 0.0
    foot, drift = (x1 + x2) / 2, HEIGHTS_PER_S * height_px
    return _Trace(camera, 0, alike, mono_s, foot, y2, spread, (0.0, 0.0), False, drift)


def _distance(old: _Trace, new: _Trace) -> float | None:
    """Squared, in sigma; None where the two cannot be the same, or cannot be compared."""
    unseen_s = new.mono_s - old.mono_s
    same_camera = old.camera == new.camera
    if old.alike != new.alike or old.on_ground != new.on_ground:
        return None
    if not same_camera and not (new.on_ground and abs(unseen_s) <= SAME_TIME_S):
        return None
    a = new.x - old.x - old.velocity[0] * unseen_s
    b = new.y - old.y - old.velocity[1] * unseen_s
    wide = (old.drift * unseen_s) ** 2
    p, r = old.spread[0] + new.spread[0] + wide, old.spread[1] + new.spread[1] + wide
    q = old.spread[2] + new.spread[2]
    return (r * a * a - 2 * q * a * b + p * b * b) / max(p * r - q * q, 1e-12)
