"""What the simulated autopilot says, message by message, in MAVLink's units."""

import math
from typing import TYPE_CHECKING, Any

from drivers.platforms.mavlink.numbers import (
    MAV_LANDED_STATE_IN_AIR,
    MAV_LANDED_STATE_ON_GROUND,
    MISSION_STATE_ACTIVE,
    MISSION_STATE_COMPLETE,
    MISSION_STATE_NO_MISSION,
    MISSION_STATE_NOT_STARTED,
    MISSION_STATE_PAUSED,
    NO_UINT16,
)

if TYPE_CHECKING:
    from drivers.simulated.mavlink.autopilot import SimulatedAutopilot

SENSORS = 1 | 2 | 4 | 8 | 32 | (1 << 16) | (1 << 25)  # gyro .. GNSS, radio control, battery
GROUND_MSL_M = 35.0
EKF_GOOD = 0x033F  # attitude, velocity, positions: all known
CAPABILITIES = 1 | 4 | 8 | 32 | 8192  # MAV_PROTOCOL_CAPABILITY: missions and commands, MAVLink 2
VERSION = 4 << 24 | 5 << 16 | 7 << 8 | 255
UID2 = bytes.fromhex("3500330009513332383736330000000000aa")


def message(autopilot: "SimulatedAutopilot", name: str) -> dict[str, Any] | None:
    """The fields of one message as it would be sent now; None where it has nothing to say."""
    writer = WRITERS.get(name)
    return None if writer is None else writer(autopilot)


def _attitude(pilot: "SimulatedAutopilot") -> dict[str, Any]:
    body = pilot.body
    lean = math.radians(min(15.0, 2.0 * body.speed_mps)) if pilot.vehicle.flies else 0.0
    yaw = math.radians((body.heading_deg + 180.0) % 360.0 - 180.0)
    return {
        "time_boot_ms": pilot.boot_ms,
        "roll": 0.0,
        "pitch": -lean,
        "yaw": yaw,
        "rollspeed": 0.0,
        "pitchspeed": 0.0,
        "yawspeed": math.radians(body.turn_dps),
    }


def _global_position(pilot: "SimulatedAutopilot") -> dict[str, Any]:
    body = pilot.body
    known = pilot.gps_fix >= 2
    return {
        "time_boot_ms": pilot.boot_ms,
        "lat": round(body.spot.lat_deg * 1e7) if known else 0,
        "lon": round(body.spot.lon_deg * 1e7) if known else 0,
        "alt": round((GROUND_MSL_M + body.spot.height_m) * 1000),
        "relative_alt": round(body.spot.height_m * 1000),
        "vx": round(body.north_mps * 100),
        "vy": round(body.east_mps * 100),
        "vz": round(-body.climb_mps * 100),
        "hdg": round(body.heading_deg * 100) % 36_000,
    }


def _gps_raw(pilot: "SimulatedAutopilot") -> dict[str, Any]:
    body, known = pilot.body, pilot.gps_fix >= 2
    course = math.degrees(math.atan2(body.east_mps, body.north_mps)) % 360.0
    return {
        "time_usec": pilot.boot_ms * 1000,
        "fix_type": pilot.gps_fix,
        "lat": round(body.spot.lat_deg * 1e7) if known else 0,
        "lon": round(body.spot.lon_deg * 1e7) if known else 0,
        "alt": round((GROUND_MSL_M + body.spot.height_m) * 1000),
        "eph": 80 if known else NO_UINT16,
        "epv": 120 if known else NO_UINT16,
        "vel": round(body.speed_mps * 100),
        "cog": round(course * 100) % 36_000,
        "satellites_visible": 17 if known else 3,
        "alt_ellipsoid": round((GROUND_MSL_M + body.spot.height_m - 8) * 1000),
        "h_acc": 900 if known else 0,
        "v_acc": 1400 if known else 0,
        "vel_acc": 200,
        "hdg_acc": 0,
        "yaw": 0,
    }


def _sys_status(pilot: "SimulatedAutopilot") -> dict[str, Any]:
    battery = pilot.battery
    health = SENSORS if pilot.gps_fix >= 2 else SENSORS & ~32
    return {
        "onboard_control_sensors_present": SENSORS,
        "onboard_control_sensors_enabled": SENSORS,
        "onboard_control_sensors_health": health,
        "load": 420,
        "voltage_battery": round(battery.cell_v * battery.cells * 1000),
        "current_battery": round(battery.current_a * 100),
        "battery_remaining": round(battery.percent),
        "drop_rate_comm": 0,
        "errors_comm": 0,
        "errors_count1": 0,
        "errors_count2": 0,
        "errors_count3": 0,
        "errors_count4": 0,
    }


def _battery_status(pilot: "SimulatedAutopilot") -> dict[str, Any]:
    battery = pilot.battery
    cells = [round(battery.cell_v * 1000)] * battery.cells
    left_s = 0.0
    if battery.current_a > 0:
        left_s = (battery.capacity_mah - battery.used_mah) * 3.6 / battery.current_a / battery.drain
    return {
        "id": 0,
        "battery_function": 1,
        "type": 1,
        "temperature": 2950,
        "voltages": [*cells, *[NO_UINT16] * (10 - battery.cells)],
        "current_battery": round(battery.current_a * 100),
        "current_consumed": round(battery.used_mah),
        "energy_consumed": -1,
        "battery_remaining": round(battery.percent),
        "time_remaining": round(left_s),
        "charge_state": 1 if battery.percent > 20 else 2,
    }


def _mission_current(pilot: "SimulatedAutopilot") -> dict[str, Any]:
    store = pilot.missions
    if store.total == 0:
        state = MISSION_STATE_NO_MISSION
    elif store.item() is None:
        state = MISSION_STATE_COMPLETE
    elif pilot.in_mission:
        state = MISSION_STATE_ACTIVE
    else:
        begun = store.current > store.first or pilot.mission_begun
        state = MISSION_STATE_PAUSED if begun else MISSION_STATE_NOT_STARTED
    return {
        "seq": min(store.current, max(0, len(store.items) - 1)),
        "total": store.total or NO_UINT16,
        "mission_state": state,
        "mission_mode": 1 if pilot.in_mission else 2,
    }


def _extended(pilot: "SimulatedAutopilot") -> dict[str, Any]:
    up = pilot.body.spot.height_m > 0.3
    landed = MAV_LANDED_STATE_IN_AIR if up else MAV_LANDED_STATE_ON_GROUND
    return {"vtol_state": 0, "landed_state": landed}


def _fence(pilot: "SimulatedAutopilot") -> dict[str, Any] | None:
    if pilot.own_fence_breached is None:
        return None
    return {
        "breach_status": int(pilot.own_fence_breached),
        "breach_count": int(pilot.own_fence_breached),
        "breach_type": 3,
        "breach_time": 0,
    }


def _gimbal(pilot: "SimulatedAutopilot") -> dict[str, Any]:
    """Euler angles to a quaternion, roll 0 (the inverse of gimbal.euler_deg)."""
    half_yaw, half_pitch = math.radians(pilot.pan_deg) / 2, math.radians(pilot.tilt_deg) / 2
    cy, sy, cp, sp = map(float, (math.cos(half_yaw), math.sin(half_yaw),
                                 math.cos(half_pitch), math.sin(half_pitch)))  # fmt: skip
    return {
        "time_boot_ms": pilot.boot_ms,
        "target_system": 0,
        "target_component": 0,
        "flags": 4 | 8 | 32,  # roll and pitch against the horizon, yaw against the bow
        "q": [cp * cy, -sp * sy, sp * cy, cp * sy],
        "angular_velocity_x": 0.0,
        "angular_velocity_y": 0.0,
        "angular_velocity_z": 0.0,
        "failure_flags": 0,
    }


def _version(_pilot: "SimulatedAutopilot") -> dict[str, Any]:
    return {
        "capabilities": CAPABILITIES,
        "flight_sw_version": VERSION,
        "middleware_sw_version": 0,
        "os_sw_version": 0,
        "board_version": 50 << 16,
        "flight_custom_version": [0] * 8,
        "middleware_custom_version": [0] * 8,
        "os_custom_version": [0] * 8,
        "vendor_id": 0x1209,
        "product_id": 0x5741,
        "uid": 0,
        "uid2": list(UID2),
    }


def _ekf(_pilot: "SimulatedAutopilot") -> dict[str, Any]:
    return {
        "flags": EKF_GOOD,
        "velocity_variance": 0.05,
        "pos_horiz_variance": 0.04,
        "pos_vert_variance": 0.05,
        "compass_variance": 0.03,
        "terrain_alt_variance": 0.0,
    }


def _home(pilot: "SimulatedAutopilot") -> dict[str, Any]:
    return {
        "latitude": round(pilot.home.lat_deg * 1e7),
        "longitude": round(pilot.home.lon_deg * 1e7),
        "altitude": round(GROUND_MSL_M * 1000),
        "x": 0.0, "y": 0.0, "z": 0.0,
        "q": [1.0, 0.0, 0.0, 0.0],
        "approach_x": 0.0, "approach_y": 0.0, "approach_z": 0.0,
    }  # fmt: skip


def _remote_id(pilot: "SimulatedAutopilot") -> dict[str, Any] | None:
    if pilot.remote_id is None:
        return None
    error = b"" if pilot.remote_id else b"no location"
    return {"status": 0 if pilot.remote_id else 1, "error": error}


WRITERS: dict[str, Any] = {
    "ATTITUDE": _attitude,
    "GLOBAL_POSITION_INT": _global_position,
    "GPS_RAW_INT": _gps_raw,
    "SYSTEM_TIME": lambda pilot: {
        "time_unix_usec": pilot.unix_us,
        "time_boot_ms": pilot.boot_ms,
    },
    "SYS_STATUS": _sys_status,
    "BATTERY_STATUS": _battery_status,
    "MISSION_CURRENT": _mission_current,
    "EXTENDED_SYS_STATE": _extended,
    "FENCE_STATUS": _fence,
    "GIMBAL_DEVICE_ATTITUDE_STATUS": _gimbal,
    "AUTOPILOT_VERSION": _version,
    "EKF_STATUS_REPORT": _ekf,
    "HOME_POSITION": _home,
    "OPEN_DRONE_ID_ARM_STATUS": _remote_id,
}
