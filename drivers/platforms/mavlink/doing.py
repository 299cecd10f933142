"""Orders of the common vocabulary as talks with an autopilot.

None of them arms motors or takes off; a mission is not started on the ground, where starting it
would be a take-off.
"""

import math

from drivers.platforms.mavlink.numbers import (
    GIMBAL_MANAGER_FLAGS_PITCH_LOCK,
    GIMBAL_MANAGER_FLAGS_ROLL_LOCK,
    MAV_CMD_COMPONENT_ARM_DISARM,
    MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW,
    MAV_CMD_DO_MOUNT_CONTROL,
    MAV_CMD_MISSION_START,
    MAV_CMD_NAV_RETURN_TO_LAUNCH,
    MAV_CMD_SET_CAMERA_ZOOM,
    MAV_FRAME_BODY_OFFSET_NED,
    MAV_MOUNT_MODE_MAVLINK_TARGETING,
    ZOOM_TYPE_RANGE,
)
from drivers.platforms.mavlink.talk import UNSUPPORTED, Port, Talk, command, set_mode
from drivers.platforms.mavlink.vehicle import Vehicle
from drivers.platforms.orders import Aim, Drive

# SET_POSITION_TARGET_LOCAL_NED, POSITION_TARGET_TYPEMASK: only velocity and yaw rate count.
VELOCITY_ONLY = 1 | 2 | 4 | 64 | 128 | 256 | 1024
ON_THE_GROUND = "it stands on the ground: the pilot takes off, then the mission can be started"
NO_PRESETS = "a gimbal on MAVLink has no presets: give pan, tilt or zoom"
HELD_TIGHT = float(GIMBAL_MANAGER_FLAGS_ROLL_LOCK | GIMBAL_MANAGER_FLAGS_PITCH_LOCK)


def hold(port: Port, vehicle: Vehicle) -> Talk:
    return (yield from set_mode(port, vehicle, *vehicle.holds))


def go_home(port: Port) -> Talk:
    return (yield from command(port, MAV_CMD_NAV_RETURN_TO_LAUNCH))


def start_mission(port: Port, vehicle: Vehicle) -> Talk:
    """For one that is under way: armed, and in the air if it flies."""
    why = yield from set_mode(port, vehicle, vehicle.mission_mode)
    if why:
        return why
    why = yield from command(port, MAV_CMD_MISSION_START)
    # In its mission mode it flies on by itself; older firmware has no such order.
    return "" if why == UNSUPPORTED else why


def stop_for_good(port: Port, vehicle: Vehicle) -> Talk:
    """What flies hovers, for motors that stop up there fall on somebody; the rest is disarmed."""
    why = yield from hold(port, vehicle)
    if vehicle.flies:
        return why
    off = yield from command(port, MAV_CMD_COMPONENT_ARM_DISARM, 0.0)
    return off


def aim(port: Port, wanted: Aim) -> Talk:
    """Against the bow and the horizon: yaw follows the vehicle, pitch and roll do not."""
    if wanted.preset is not None:
        return NO_PRESETS
    why = ""
    if wanted.pan_deg is not None or wanted.tilt_deg is not None:
        tilt = math.nan if wanted.tilt_deg is None else wanted.tilt_deg
        pan = math.nan if wanted.pan_deg is None else _half_turn(wanted.pan_deg)
        params = (tilt, pan, math.nan, math.nan, HELD_TIGHT)
        why = yield from command(port, MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, *params)
        if why == UNSUPPORTED and not math.isnan(tilt) and not math.isnan(pan):
            mode = float(MAV_MOUNT_MODE_MAVLINK_TARGETING)  # before the gimbal protocol 2
            old = (tilt, 0.0, pan, 0.0, 0.0, 0.0, mode)
            why = yield from command(port, MAV_CMD_DO_MOUNT_CONTROL, *old)
    if not why and wanted.zoom is not None:
        percent = 100.0 * min(max(wanted.zoom, 0.0), 1.0)
        why = yield from command(port, MAV_CMD_SET_CAMERA_ZOOM, float(ZOOM_TYPE_RANGE), percent)
    return why


def send_velocity(port: Port, drive: Drive, boot_ms: int) -> None:
    """Once; nothing answers it."""
    port.send(
        "SET_POSITION_TARGET_LOCAL_NED",
        time_boot_ms=boot_ms,
        coordinate_frame=MAV_FRAME_BODY_OFFSET_NED,
        type_mask=VELOCITY_ONLY,
        x=0.0,
        y=0.0,
        z=0.0,
        vx=drive.forward_mps,
        vy=drive.sideways_mps,
        vz=0.0,
        afx=0.0,
        afy=0.0,
        afz=0.0,
        yaw=0.0,
        yaw_rate=math.radians(drive.turn_dps),
    )


def _half_turn(degrees: float) -> float:
    return (degrees + 180.0) % 360.0 - 180.0
