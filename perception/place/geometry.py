"""How a camera stands in the world: mount and pose, from camera axes to east-north-up."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.cameras import MountConfig
from perception.place.pose import UnitPose

Floats = NDArray[np.float64]

# Camera axes (right, down, ahead) as body axes (ahead, right, down), and those as east-north-up
# where the body is level and points north.
CAMERA_TO_BODY = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
NED_TO_ENU = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aim:
    """Where the lens is and where it looks, with errors at 1 sigma."""

    rotation: Floats  # (3, 3) camera axes to east-north-up
    east_m: float  # of the lens, from the unit's position
    north_m: float
    height_m: float  # above the ground
    tilt_error_rad: float  # about each level axis: the body's and the mount's
    heading_error_rad: float  # about the vertical
    height_error_m: float
    position_error_m: float  # of each horizontal axis

    @property
    def lens(self) -> Floats:
        """(2,) where the lens is, east and north of the unit's position."""
        return np.array([self.east_m, self.north_m])


def turned(heading_deg: float, pitch_deg: float, roll_deg: float) -> Floats:
    """(3, 3) body axes (ahead, right, down) to north-east-down: yaw, then pitch, then roll
    (ISO 1151-1; Stevens and Lewis, Aircraft Control and Simulation, 2nd ed., eq. 1.3-20)."""
    yaw, pitch, roll = (math.radians(angle) for angle in (heading_deg, pitch_deg, roll_deg))
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    cr, sr = math.cos(roll), math.sin(roll)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def aim(mount: MountConfig, pose: UnitPose) -> Aim | None:
    """The camera in the world; None where the pose has no heading."""
    if pose.heading_deg is None:
        return None
    body = NED_TO_ENU @ turned(pose.heading_deg, pose.pitch_deg, pose.roll_deg)
    head = turned(mount.yaw_deg, mount.pitch_deg, mount.roll_deg)
    # What does not turn with the body's tilt: the height that the mount's is told above.
    lever = body @ np.array([mount.forward_m, -mount.left_m, -mount.height_m])
    mount_rad = math.radians(mount.error_deg)
    return Aim(
        rotation=body @ head @ CAMERA_TO_BODY,
        east_m=float(lever[0]),
        north_m=float(lever[1]),
        height_m=pose.height_m + float(lever[2]),
        tilt_error_rad=math.hypot(math.radians(pose.tilt_error_deg), mount_rad),
        heading_error_rad=math.hypot(math.radians(pose.heading_error_deg), mount_rad),
        height_error_m=math.hypot(pose.height_error_m, mount.height_error_m),
        position_error_m=pose.position_error_m,
    )
