"""The unit's pose at the stamp of a picture, from all that tells of it.

Positions come late and seldom, pictures often: a pose is read between two samples, or a short way
after the last one along the course; never farther. Where nothing tells an angle, the configuration
does, with its error.
"""

import math
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from config.cameras import PoseConfig
from drivers.samples import Attitude, FixKind, GnssEpoch
from edge.positioning.whereabouts import error_radius_m
from perception.place.frame import LocalFrame
from perception.place.placed import Unplaced
from perception.place.pose import UnitPose
from perception.place.timeline import (
    Timeline,
    any_follows,
    finite,
    share_of,
    turn_deg,
)

AHEAD_S = 2.5  # a position is carried on along the course for so long: one epoch at 1 Hz may fail
BETWEEN_S = 5.0  # two positions farther apart say nothing of the way between them
ATTITUDE_AHEAD_S = 0.5
STAMP_ERROR_S = 0.05  # between the clocks of receiver and picture
ACCELERATION_MPS2 = 1.5  # what the unit may do while nobody tells, 1 sigma
SPEED_ERROR_MPS = 0.3  # of a receiver, 1 sigma: also what makes a course a poor heading when slow
COURSE_FROM_MPS = 2.0
COURSE_ERROR_DEG = 2.0  # a car's slip, and the receiver's smoothing
HEADING_ERROR_DEG = 1.0  # of a receiver with two antennas a metre apart, by the makers' figures
STANDING_MPS = 0.3
HELD_DEG_PER_M = 3.0  # how fast a heading that nobody tells any more is lost, by way and by time
HELD_DEG_PER_S = 0.01
HELD_MOST_DEG = 20.0
FREE_DEG_PER_S = 10.0  # of a body that turns on the spot
TURN_SHARE = 0.1  # of a turn between two samples, for what is not linear in it
FASTEST_MPS, SPARE_M = 120.0, 50.0


@dataclass(frozen=True, slots=True)
class _Spot:
    lat_deg: float
    lon_deg: float
    error_m: float  # of each axis
    speed_mps: float | None
    course_deg: float | None
    source: Literal["gnss", "dead_reckoning"]
    way_m: float  # driven since the start, for what is lost with it


@dataclass(frozen=True, slots=True)
class _Heading:
    deg: float
    error_deg: float
    way_m: float


class Poses:
    """Any thread may tell it something or ask it."""

    def __init__(self, config: PoseConfig) -> None:
        self.refused: Counter[str] = Counter()  # samples, by cause: not_finite
        self._config = config
        self._lock = threading.Lock()
        self._spots: Timeline[_Spot] = Timeline(_can_follow)
        self._headings: Timeline[_Heading] = Timeline(any_follows)
        self._courses: Timeline[_Heading] = Timeline(any_follows)
        self._attitudes: Timeline[Attitude] = Timeline(any_follows)

    def counts(self) -> dict[str, int]:
        """What was refused, by cause."""
        lines = (self._spots, self._headings, self._courses, self._attitudes)
        with self._lock:  # receivers and pictures count meanwhile
            return dict(sum((line.refused for line in lines), start=Counter(self.refused)))

    def note_gnss(self, epoch: GnssEpoch) -> None:
        """Take a position of the receiver that is believed, and the heading where it tells one."""
        if epoch.fix is FixKind.NONE or epoch.lat_deg is None or epoch.lon_deg is None:
            return
        numbers = (epoch.mono_s, epoch.lat_deg, epoch.lon_deg, epoch.speed_mps, epoch.course_deg)
        with self._lock:
            if not finite(*numbers, epoch.heading_deg, epoch.error_m, epoch.hdop):
                self.refused["not_finite"] += 1
                return
            mono_s = epoch.mono_s - self._config.gnss_delay_s
            spot = _Spot(
                lat_deg=epoch.lat_deg,
                lon_deg=epoch.lon_deg,
                error_m=error_radius_m(epoch) / math.sqrt(2),
                speed_mps=epoch.speed_mps,
                course_deg=epoch.course_deg,
                source="dead_reckoning" if epoch.fix is FixKind.ESTIMATED else "gnss",
                way_m=self._way_m(mono_s, epoch.speed_mps),
            )
            if self._spots.add(mono_s, spot):
                self._note_headings(mono_s, epoch, spot.way_m)

    def note_attitude(self, attitude: Attitude) -> None:
        """Take what an IMU or an autopilot tells."""
        numbers = (attitude.pitch_deg, attitude.roll_deg, attitude.heading_deg, attitude.height_m)
        errors = (attitude.tilt_error_deg, attitude.heading_error_deg, attitude.height_error_m)
        with self._lock:
            if not finite(attitude.mono_s, *numbers, *errors):
                self.refused["not_finite"] += 1
                return
            self._attitudes.add(attitude.mono_s, attitude)
            if attitude.heading_deg is not None:
                newest = self._spots.last()
                way_m = newest[1].way_m if newest else 0.0
                heading = _Heading(attitude.heading_deg, attitude.heading_error_deg, way_m)
                self._headings.add(attitude.mono_s, heading)

    def at(self, mono_s: float) -> UnitPose | Unplaced:
        """The pose at a stamp, or why there is none."""
        with self._lock:
            if not math.isfinite(mono_s):
                return Unplaced.BAD_POSE
            spot = self._spot_at(mono_s)
            if spot is None:
                return Unplaced.NO_POSE
            return self._pose(mono_s, *spot)

    # --- position ---

    def _way_m(self, mono_s: float, speed_mps: float | None) -> float:
        """What has been driven up to now. Standing receivers tell of a little speed, too."""
        last = self._spots.last()
        if last is None:
            return 0.0
        passed_s = min(max(mono_s - last[0], 0.0), BETWEEN_S)
        speeds = [speed for speed in (speed_mps, last[1].speed_mps) if speed is not None]
        speed = sum(speeds) / len(speeds) if speeds else COURSE_FROM_MPS
        return last[1].way_m + (speed * passed_s if speed > STANDING_MPS else 0.0)

    def _note_headings(self, mono_s: float, epoch: GnssEpoch, way_m: float) -> None:
        if epoch.heading_deg is not None:
            error_deg = epoch.heading_error_deg or HEADING_ERROR_DEG
            told = _Heading(epoch.heading_deg, error_deg, way_m)
            self._headings.add(mono_s, told)
        speed, course = epoch.speed_mps, epoch.course_deg
        if not self._config.course_is_heading or speed is None or course is None:
            return
        if speed >= COURSE_FROM_MPS:
            slip_deg = math.degrees(math.atan2(SPEED_ERROR_MPS, speed))
            error_deg = math.hypot(COURSE_ERROR_DEG, slip_deg)
            self._courses.add(mono_s, _Heading(course, error_deg, way_m))

    def _spot_at(self, mono_s: float) -> tuple[_Spot, float] | None:
        """Where the unit was, and the time to the nearest sample; None too far from any."""
        before, after = self._spots.around(mono_s)
        if before is None:
            return None
        age_s = mono_s - before[0]
        if after is not None and after[0] - before[0] <= BETWEEN_S:
            return _between(before, after, mono_s), min(age_s, after[0] - mono_s)
        return (_ahead(before[1], age_s), age_s) if age_s <= AHEAD_S else None

    # --- how it is turned ---

    def _pose(self, mono_s: float, spot: _Spot, age_s: float) -> UnitPose | Unplaced:
        tilt, config = self._tilt_at(mono_s), self._config
        height_m, height_error_m = config.height_m, config.height_error_m
        if tilt.height_m is not None:
            height_m, height_error_m = tilt.height_m, tilt.height_error_m
        if height_m is None:
            return Unplaced.NO_HEIGHT
        heading = self._heading_at(mono_s, spot.way_m)
        speed_mps = spot.speed_mps or 0.0
        return UnitPose(
            mono_s=mono_s,
            lat_deg=spot.lat_deg,
            lon_deg=spot.lon_deg,
            position_error_m=math.hypot(spot.error_m, speed_mps * STAMP_ERROR_S),
            heading_deg=None if heading is None else heading.deg % 360.0,
            heading_error_deg=HELD_MOST_DEG if heading is None else heading.error_deg,
            pitch_deg=tilt.pitch_deg or 0.0,
            roll_deg=tilt.roll_deg or 0.0,
            tilt_error_deg=tilt.tilt_error_deg,
            height_m=height_m,
            height_error_m=height_error_m,
            speed_mps=spot.speed_mps,
            course_deg=spot.course_deg,
            source=spot.source,
            age_s=age_s,
        )

    def _heading_at(self, mono_s: float, way_m: float) -> _Heading | None:
        """By a sensor; else by the course; else as configured; None where none of them tells."""
        config = self._config
        held = HELD_DEG_PER_S if config.course_is_heading else FREE_DEG_PER_S
        candidates = [
            _turned_at(line, mono_s, way_m, held) for line in (self._headings, self._courses)
        ]
        if config.heading_deg is not None:
            candidates.append(_Heading(config.heading_deg, config.heading_error_deg, way_m))
        known = [one for one in candidates if one is not None and one.error_deg <= HELD_MOST_DEG]
        return min(known, key=lambda one: one.error_deg, default=None)

    def _tilt_at(self, mono_s: float) -> Attitude:
        before, after = self._attitudes.around(mono_s)
        level = Attitude(mono_s=mono_s, tilt_error_deg=self._config.tilt_error_deg)
        if before is None or mono_s - before[0] > ATTITUDE_AHEAD_S:
            return level
        one = before[1]
        two = after[1] if after and after[0] - before[0] <= 2 * ATTITUDE_AHEAD_S else one
        share = share_of(before[0], after[0], mono_s) if after and two is not one else 0.0
        pitch, roll = _mixed(one.pitch_deg, two.pitch_deg, share), None
        if one.roll_deg is not None:
            turn = 0.0 if two.roll_deg is None else turn_deg(one.roll_deg, two.roll_deg)
            roll = one.roll_deg + share * turn
        told = pitch is not None and roll is not None
        return Attitude(
            mono_s=mono_s,
            pitch_deg=pitch,
            roll_deg=roll,
            height_m=_mixed(one.height_m, two.height_m, share),
            tilt_error_deg=one.tilt_error_deg if told else level.tilt_error_deg,
            height_error_m=one.height_error_m,
        )


def _can_follow(seconds: float, old: _Spot, new: _Spot) -> bool:
    frame = LocalFrame.at(old.lat_deg, old.lon_deg)
    away_m = math.hypot(*frame.to_metres(new.lat_deg, new.lon_deg))
    return away_m <= FASTEST_MPS * seconds + SPARE_M


def _between(before: tuple[float, _Spot], after: tuple[float, _Spot], mono_s: float) -> _Spot:
    (one_s, one), (two_s, two) = before, after
    share = share_of(one_s, two_s, mono_s)
    frame = LocalFrame.at(one.lat_deg, one.lon_deg)
    east_m, north_m = frame.to_metres(two.lat_deg, two.lon_deg)
    lat_deg, lon_deg = frame.to_degrees(share * east_m, share * north_m)
    passed_s = min(mono_s - one_s, two_s - mono_s)
    bend_m = ACCELERATION_MPS2 * (mono_s - one_s) * (two_s - mono_s) / 2
    nearest = one if passed_s == mono_s - one_s else two
    return _Spot(
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        error_m=math.hypot(max(one.error_m, two.error_m), bend_m if _moves(nearest) else 0.0),
        speed_mps=_mixed(one.speed_mps, two.speed_mps, share),
        course_deg=nearest.course_deg,
        source=nearest.source,
        way_m=one.way_m + share * (two.way_m - one.way_m),
    )


def _ahead(spot: _Spot, age_s: float) -> _Spot:
    """Straight on at the same speed."""
    frame = LocalFrame.at(spot.lat_deg, spot.lon_deg)
    way_m, unknown = (spot.speed_mps or 0.0) * age_s, spot.speed_mps is None
    if spot.course_deg is None or not _moves(spot):
        way_m = 0.0
    course_rad = math.radians(spot.course_deg or 0.0)
    lat_deg, lon_deg = frame.to_degrees(way_m * math.sin(course_rad), way_m * math.cos(course_rad))
    drift_m = (COURSE_FROM_MPS if unknown else SPEED_ERROR_MPS) * age_s
    error_m = math.hypot(spot.error_m, drift_m, ACCELERATION_MPS2 * age_s**2 / 2)
    return _Spot(
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        error_m=error_m,
        speed_mps=spot.speed_mps,
        course_deg=spot.course_deg,
        source=spot.source,
        way_m=spot.way_m + way_m,
    )


def _moves(spot: _Spot) -> bool:
    return spot.speed_mps is None or spot.speed_mps > STANDING_MPS


def _turned_at(
    line: Timeline[_Heading], mono_s: float, way_m: float, held_deg_per_s: float
) -> _Heading | None:
    before, after = line.around(mono_s)
    if before is None:
        return None
    one_s, one = before
    if after is not None and after[0] - one_s <= BETWEEN_S:
        turn = turn_deg(one.deg, after[1].deg)
        error_deg = math.hypot(max(one.error_deg, after[1].error_deg), TURN_SHARE * turn)
        share = share_of(one_s, after[0], mono_s)
        return _Heading((one.deg + share * turn) % 360.0, error_deg, way_m)
    lost_deg = HELD_DEG_PER_M * max(way_m - one.way_m, 0.0) + held_deg_per_s * (mono_s - one_s)
    return _Heading(one.deg, math.hypot(one.error_deg, lost_deg), way_m)


def _mixed(one: float | None, two: float | None, share: float) -> float | None:
    if one is None or two is None:
        return one
    return one + share * (two - one)
