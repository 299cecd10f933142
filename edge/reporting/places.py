"""From metres on the ground to what the wire says of a place."""

import math
from typing import NamedTuple

import numpy as np

from perception.place.frame import LocalFrame
from perception.place.placed import GroundPoint, WorldTrack
from perception.place.spread import ellipse_of
from telemetry.contract.places import ErrorEllipse, GroundMotion, GroundPlace, Unplaced

COURSE_SIGMAS = 2.0  # slower than so many of its own errors, a motion has no direction


class Told(NamedTuple):
    """What a message says of where an object is."""

    place: GroundPlace | None
    missing: Unplaced | None
    motion: GroundMotion | None


def told(track: WorldTrack | None, frame: LocalFrame | None) -> Told:
    """`frame`: the one that the track's point is in. Nothing where there is no track."""
    if track is None:
        return Told(None, None, None)
    if track.point is None or frame is None:
        return Told(None, None if track.unplaced is None else track.unplaced.value, None)
    return Told(ground_place(track.point, frame), None, ground_motion(track))


def ground_place(point: GroundPoint, frame: LocalFrame) -> GroundPlace:
    """A point in degrees, with the ellipse that holds it in 95 of 100 cases."""
    lat_deg, lon_deg = frame.to_degrees(point.east_m, point.north_m)
    ellipse = ellipse_of(point.covariance)
    return GroundPlace(
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        error=ErrorEllipse(
            major_m=ellipse.major_m, minor_m=ellipse.minor_m, bearing_deg=ellipse.bearing_deg
        ),
    )


def ground_motion(track: WorldTrack) -> GroundMotion | None:
    """How an object moves; None where that is not known."""
    if track.velocity_mps is None or track.velocity_covariance is None:
        return None
    east_mps, north_mps = track.velocity_mps
    speed_mps = math.hypot(east_mps, north_mps)
    variances = np.diag(track.velocity_covariance)
    error_mps = math.sqrt(float(variances.max()))
    if speed_mps > 0:
        along = np.array([east_mps, north_mps]) / speed_mps
        error_mps = math.sqrt(float(along @ track.velocity_covariance @ along))
    told = speed_mps > COURSE_SIGMAS * error_mps
    course_deg = math.degrees(math.atan2(east_mps, north_mps)) % 360.0
    return GroundMotion(
        speed_mps=speed_mps,
        speed_error_mps=error_mps,
        course_deg=course_deg if told else None,
    )
