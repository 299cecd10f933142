"""How fast and how turning a body went between two samples of its motion."""

import math

from drivers.samples import Odometry


def speed_of(last: Odometry, motion: Odometry) -> float | None:
    """Over the step: the mean of both ends, or by the odometer."""
    if motion.speed_mps is not None:
        before = motion.speed_mps if last.speed_mps is None else last.speed_mps
        return (before + motion.speed_mps) / 2
    if motion.way_m is None or last.way_m is None or motion.way_m < last.way_m:
        return None
    return (motion.way_m - last.way_m) / (motion.mono_s - last.mono_s)


def yaw_of(last: Odometry, motion: Odometry) -> float | None:
    """Over the step, rad/s: of the gyro, or by how a heading changed."""
    if motion.yaw_rate_dps is not None:
        before = motion.yaw_rate_dps if last.yaw_rate_dps is None else last.yaw_rate_dps
        return math.radians((before + motion.yaw_rate_dps) / 2)
    if motion.heading_deg is None or last.heading_deg is None:
        return None
    turn_deg = (motion.heading_deg - last.heading_deg + 180.0) % 360.0 - 180.0
    return math.radians(turn_deg) / (motion.mono_s - last.mono_s)
