"""What a robot with ROS says and hears, as the rosbridge protocol v2 carries it: JSON objects.

rosbridge_suite, ROSBRIDGE_PROTOCOL.md 2.1; sensor_msgs/BatteryState, nav_msgs/Odometry,
diagnostic_msgs/DiagnosticArray; axes as in REP 103: x forward, y left, turns to the left positive.
"""

import json
import math
from typing import Any

from config.robots import RosbridgePlatformConfig
from drivers.base import BadDataError
from drivers.platforms.orders import Drive
from drivers.samples import Battery, Odometry

_TYPES = {
    "twist": "geometry_msgs/Twist",
    "twist_stamped": "geometry_msgs/TwistStamped",
    "odometry": "nav_msgs/Odometry",
    "battery": "sensor_msgs/BatteryState",
    "diagnostics": "diagnostic_msgs/DiagnosticArray",
    "bool": "std_msgs/Bool",
}
_CHARGING, _FULL = 1, 4  # power_supply_status
_ERROR = 2  # DiagnosticStatus.level; 3 is stale
MOST_FAULTS = 8
_MOST_MPS, _MOST_RADPS = 20.0, 20.0


def type_name(kind: str, ros: int) -> str:
    """`geometry_msgs/Twist` in ROS 1, `geometry_msgs/msg/Twist` in ROS 2."""
    name = _TYPES[kind]
    return name.replace("/", "/msg/") if ros == 2 else name


def openings(config: RosbridgePlatformConfig) -> list[str]:
    """What is said first: what we will say, and what we want to hear."""
    twist = "twist_stamped" if config.stamped else "twist"
    said = [
        {"op": "set_level", "level": "error"},
        _topic("advertise", config.cmd_vel, type_name(twist, config.ros)),
    ]
    if config.estop is not None:
        said.append(_topic("advertise", config.estop, type_name("bool", config.ros)))
    for kind in ("odometry", "battery", "diagnostics"):
        topic = getattr(config, "odom" if kind == "odometry" else kind)
        if topic is not None:
            wanted = _topic("subscribe", topic, type_name(kind, config.ros))
            # The newest counts: ten a second, and none waits for us.
            said.append(wanted | {"throttle_rate": 100, "queue_length": 1})
    return [json.dumps(each) for each in said]


def _topic(op: str, topic: str, kind: str) -> dict[str, Any]:
    return {"op": op, "id": f"{op}:{topic}", "topic": topic, "type": kind}


def speeds(config: RosbridgePlatformConfig, drive: Drive) -> str:
    """A Twist. Ours goes to the right and turns clockwise; REP 103 goes to the left."""
    twist = {
        "linear": {"x": drive.forward_mps, "y": -drive.sideways_mps, "z": 0.0},
        "angular": {"x": 0.0, "y": 0.0, "z": -math.radians(drive.turn_dps)},
    }
    header = {"stamp": {"sec": 0, "nanosec": 0}, "frame_id": "base_link"}
    msg = {"header": header, "twist": twist} if config.stamped else twist
    return json.dumps({"op": "publish", "topic": config.cmd_vel, "msg": msg})


def emergency(topic: str, *, on: bool) -> str:
    return json.dumps({"op": "publish", "topic": topic, "msg": {"data": on}})


def read_publish(text: str | bytes) -> tuple[str, dict[str, Any]] | None:
    """Topic and message of a publication; None for what is no business of ours.

    Raises BadDataError: for no JSON, and for a complaint of the rosbridge (`status`, error).
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadDataError("no JSON") from error
    if not isinstance(said, dict):
        raise BadDataError("no object")
    if said.get("op") == "status" and said.get("level") == "error":
        raise StatusError(str(said.get("msg"))[:200])
    topic, msg = said.get("topic"), said.get("msg")
    if said.get("op") != "publish":
        return None
    if not isinstance(topic, str) or not isinstance(msg, dict):
        raise BadDataError("a publication without topic or message")
    return topic, msg


class StatusError(BadDataError):
    """The rosbridge says that something of ours was wrong: a topic's type, most likely."""


def _number(msg: Any, *path: str) -> float | None:
    """A finite number at this place; None where there is none (NaN: not measured)."""
    for name in path:
        msg = msg.get(name) if isinstance(msg, dict) else None
    if isinstance(msg, bool) or not isinstance(msg, int | float):
        return None
    try:
        value = float(msg)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def odometry(msg: dict[str, Any], now_s: float) -> Odometry:
    """Raises BadDataError where it says no speed."""
    forward = _number(msg, "twist", "twist", "linear", "x")
    turn = _number(msg, "twist", "twist", "angular", "z")
    if forward is None and turn is None:
        raise BadDataError("odometry without a speed")
    if abs(forward or 0) > _MOST_MPS or abs(turn or 0) > _MOST_RADPS:
        raise BadDataError(f"no robot goes {forward} m/s, or turns {turn} rad/s")
    return Odometry(
        mono_s=now_s,
        speed_mps=forward,
        yaw_rate_dps=None if turn is None else -math.degrees(turn),
    )


def battery(msg: dict[str, Any], now_s: float) -> Battery:
    """Raises BadDataError where it says nothing. Charge is a share there, a percentage here;
    its current is negative while it is drawn."""
    share, voltage = _number(msg, "percentage"), _number(msg, "voltage")
    current, status = _number(msg, "current"), _number(msg, "power_supply_status")
    if share is None and voltage is None:
        raise BadDataError("a battery that says nothing")
    if share is not None and not 0 <= share <= 1:
        # Some drivers say 0..100, against the message's own definition: 1 could be both.
        raise BadDataError(f"percentage is {share}, and must be 0..1")
    return Battery(
        mono_s=now_s,
        percent=None if share is None else share * 100,
        voltage_v=voltage or None,  # 0: not measured
        current_a=None if current is None else -current,
        charging=status in (_CHARGING, _FULL) if status else None,
        celsius=_number(msg, "temperature"),
    )


def diagnostics(msg: dict[str, Any]) -> dict[str, str]:
    """What is wrong by the part's name; "" for a part that is well. Raises BadDataError."""
    statuses = msg.get("status")
    if not isinstance(statuses, list):
        raise BadDataError("diagnostics without a list")
    found = {}
    for each in statuses[:200]:
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            bad = (_level(each.get("level")) or 0) == _ERROR
            words = f"{each['name']}: {each.get('message') or 'error'}"
            found[each["name"][:80]] = words[:120] if bad else ""
    return found


def _level(level: Any) -> int | None:
    """A `byte`: a number, or, where it is carried as text, a character of that number."""
    if isinstance(level, str) and len(level) == 1:
        return int(level) if level.isdecimal() and level.isascii() else ord(level)
    return level if isinstance(level, int) else None
