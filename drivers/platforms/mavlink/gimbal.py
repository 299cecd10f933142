"""Where a camera's mount is turned to, and who the autopilot is: messages that stand alone."""

import math
from typing import Any

from drivers.platforms.mavlink.codec import Heard
from drivers.platforms.mavlink.numbers import (
    GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME,
    GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME,
    GIMBAL_DEVICE_FLAGS_YAW_LOCK,
)
from drivers.platforms.mavlink.vehicle import Vehicle
from drivers.samples import Gimbal, Identity


def gimbal(message: Heard, heard_s: float, bow_deg: float | None) -> Gimbal | None:
    """None for other messages. `bow_deg`: true heading, for a mount that tells its yaw so."""
    fields = message.fields
    if message.name == "MOUNT_ORIENTATION":
        pan, tilt, roll = fields.yaw, fields.pitch, fields.roll
    elif message.name == "GIMBAL_DEVICE_ATTITUDE_STATUS":
        roll, tilt, pan = euler_deg(fields.q)
        if in_earth_frame(fields.flags):
            pan = math.nan if bow_deg is None else pan - bow_deg
    else:
        return None
    return Gimbal(
        mono_s=heard_s,
        pan_deg=(pan + 180.0) % 360.0 - 180.0 if math.isfinite(pan) else None,
        tilt_deg=max(-90.0, min(90.0, tilt)) if math.isfinite(tilt) else None,
        roll_deg=roll if math.isfinite(roll) else None,
    )


def in_earth_frame(flags: int) -> bool:
    """GIMBAL_DEVICE_ATTITUDE_STATUS: whether its yaw is against north, not the bow."""
    if flags & GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME:
        return True
    if flags & GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME:
        return False
    return bool(flags & GIMBAL_DEVICE_FLAGS_YAW_LOCK)


def euler_deg(q: Any) -> tuple[float, float, float]:
    """Roll, pitch, yaw of a quaternion w x y z (Tait-Bryan, z y' x''); NaN where it is none."""
    w, x, y, z = (float(each) for each in q)
    norm = math.sqrt(w * w + x * x + y * y + z * z)
    if not math.isfinite(norm) or norm < 0.5:
        return math.nan, math.nan, math.nan
    w, x, y, z = w / norm, x / norm, y / norm, z / norm
    roll = math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    pitch = math.asin(max(-1.0, min(1.0, 2 * (w * y - z * x))))
    yaw = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    return math.degrees(roll), math.degrees(pitch), math.degrees(yaw)


def identity(name: str, fields: Any, vehicle: Vehicle) -> Identity:
    """Of AUTOPILOT_VERSION: firmware as major.minor.patch, serial number as hexadecimal digits."""
    version = fields.flight_sw_version
    parts = [version >> shift & 0xFF for shift in (24, 16, 8)]
    uid2 = bytes(getattr(fields, "uid2", None) or ()).rstrip(b"\0")
    serial = uid2.hex() if uid2 else (f"{fields.uid:016x}" if fields.uid else "")
    board = fields.board_version
    return Identity(
        name=name,
        kind="autopilot",
        model=vehicle.words,
        serial=serial,
        firmware=".".join(map(str, parts)) if version else "",
        hardware=f"{board >> 16 & 0xFFFF}" if board else "",
    )
