"""What an autopilot is asked for when it is met: its messages at our rates, who it is, its mission.

Orders of the unit go before all of this, and run beside it.
"""

from collections.abc import Callable

from drivers.platforms.mavlink.numbers import (
    MAV_CMD_REQUEST_MESSAGE,
    MAV_CMD_SET_MESSAGE_INTERVAL,
    MESSAGES,
)
from drivers.platforms.mavlink.plan import Plan
from drivers.platforms.mavlink.talk import SILENT, Port, Talk, Wait, command
from drivers.platforms.mavlink.transfer import download
from drivers.platforms.mavlink.vehicle import Vehicle

# Messages a second. About 1,200 bytes a second with MAVLink 2: a fifth of 57,600 baud.
RATES_HZ = {
    "ATTITUDE": 10.0,
    "GLOBAL_POSITION_INT": 5.0,
    "GPS_RAW_INT": 2.0,
    "SYSTEM_TIME": 0.5,
    "SYS_STATUS": 1.0,
    "BATTERY_STATUS": 1.0,
    "EXTENDED_SYS_STATE": 2.0,
    "MISSION_CURRENT": 2.0,
    "FENCE_STATUS": 2.0,
    "DISTANCE_SENSOR": 5.0,
    "TERRAIN_REPORT": 1.0,
    "ALTITUDE": 1.0,
    "EKF_STATUS_REPORT": 1.0,
    "ESTIMATOR_STATUS": 1.0,
    "GIMBAL_DEVICE_ATTITUDE_STATUS": 5.0,
}
# MAV_DATA_STREAM of before MAV_CMD_SET_MESSAGE_INTERVAL: status, position, attitude, the rest.
OLD_STREAMS_HZ = {2: 2, 6: 5, 10: 10, 11: 1, 12: 1}
VERSION = frozenset({"AUTOPILOT_VERSION"})


def set_up(port: Port, vehicle: Vehicle, on_plan: Callable[[Plan], None]) -> Talk:
    """Rates first: what comes by itself may be nothing at all. "" in the end."""
    why = yield from _ask_for_rates(port)
    if why == SILENT:
        return why
    why = yield from command(port, MAV_CMD_REQUEST_MESSAGE, float(MESSAGES["AUTOPILOT_VERSION"]))
    if not why:
        yield Wait(VERSION, port.now_s() + 1.0)
    return (yield from find_plan(port, vehicle, on_plan))


def find_plan(port: Port, vehicle: Vehicle, on_plan: Callable[[Plan], None]) -> Talk:
    """The mission that it holds, whoever loaded it."""
    items = yield from download(port)
    if isinstance(items, str):
        return items
    on_plan(Plan.found(items, vehicle))
    return ""


def _ask_for_rates(port: Port) -> Talk:
    refused = 0
    for name, rate_hz in RATES_HZ.items():
        interval_us = 1e6 / rate_hz
        number = float(MESSAGES[name])
        why = yield from command(port, MAV_CMD_SET_MESSAGE_INTERVAL, number, interval_us)
        if why == SILENT:
            return why
        refused += bool(why)
    if refused == len(RATES_HZ):
        for stream, rate in OLD_STREAMS_HZ.items():
            port.send(
                "REQUEST_DATA_STREAM", req_stream_id=stream, req_message_rate=rate, start_stop=1
            )
    return ""
