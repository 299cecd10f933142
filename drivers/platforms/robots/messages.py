"""The robot protocol's messages (docs/robot-adapter.md): one JSON object a line, both ways."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from drivers.base import BadDataError
from drivers.platforms.orders import (
    Drive,
    EmergencyStop,
    GoHome,
    Hold,
    PlatformOrder,
    Pose,
    ReleaseStop,
    Switch,
)

PROTOCOL = 1
MOST_LINE_BYTES = 8192

Name = Annotated[str, Field(max_length=64)]
Words = Annotated[str, Field(max_length=200)]
Speed = Annotated[float, Field(ge=-20, le=20)]
Turn = Annotated[float, Field(ge=-1000, le=1000)]
Percent = Annotated[float, Field(ge=0, le=100)]
Angle = Annotated[float, Field(ge=-360, le=360)]


class FromRobot(BaseModel):
    """Unknown keys are left alone: a newer robot may say more."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class RobotHello(FromRobot):
    """The first thing that it says."""

    type: Literal["hello"]
    protocol: int = Field(ge=0, le=10_000)
    model: Name = ""
    serial: Name = ""
    firmware: Name = ""
    adapter: Name = Field("", description="name and version of the program that speaks here")
    can: tuple[Name, ...] = Field((), max_length=32)
    channels: tuple[Name, ...] = Field((), max_length=32)
    max_speed_mps: float | None = Field(None, gt=0, le=20)


class RobotState(FromRobot):
    type: Literal["state"]
    mode: Name | None = None
    estop: bool | None = None
    armed: bool | None = None
    faults: tuple[Words, ...] = Field((), max_length=16)


class RobotOdometry(FromRobot):
    type: Literal["odometry"]
    forward_mps: Speed | None = None
    turn_dps: Turn | None = None
    heading_deg: Angle | None = None
    way_m: float | None = Field(None, ge=0, le=1e9)


class RobotAttitude(FromRobot):
    type: Literal["attitude"]
    pitch_deg: float | None = Field(None, ge=-90, le=90)
    roll_deg: float | None = Field(None, ge=-180, le=180)
    heading_deg: Angle | None = None


class RobotBattery(FromRobot):
    type: Literal["battery"]
    name: Name = ""
    percent: Percent | None = None
    voltage_v: float | None = Field(None, ge=0, le=1000)
    current_a: float | None = Field(None, ge=-1000, le=1000)
    charging: bool | None = None
    celsius: float | None = Field(None, ge=-60, le=200)
    remaining_s: float | None = Field(None, ge=0, le=1e6)


class RobotTemperature(FromRobot):
    type: Literal["temperature"]
    name: Name
    celsius: float = Field(ge=-100, le=300)


class RobotDone(FromRobot):
    type: Literal["done"]
    id: int
    ok: bool
    text: Words = ""


RobotMessage = (
    RobotHello
    | RobotState
    | RobotOdometry
    | RobotAttitude
    | RobotBattery
    | RobotTemperature
    | RobotDone
)
_MESSAGES: TypeAdapter[RobotMessage] = TypeAdapter(
    Annotated[RobotMessage, Field(discriminator="type")]
)
TYPES = frozenset({"hello", "state", "odometry", "attitude", "battery", "temperature", "done"})


class UnknownTypeError(BadDataError):
    """A message that a newer robot knows: passed over, and counted."""


def read_message(line: bytes) -> RobotMessage:
    """One line. Raises BadDataError, which says what is wrong with it."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadDataError(f"no JSON: {line[:60]!r}") from error
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        raise BadDataError(f"no object with a type: {line[:60]!r}")
    if data["type"] not in TYPES:
        raise UnknownTypeError(f"unknown type {data['type'][:40]!r}")
    try:
        return _MESSAGES.validate_json(line, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadDataError(f"{where}: {first['msg']}") from error


# What it may be asked for: the robot's word for it, and the order of our vocabulary.
ORDERS: dict[str, type] = {
    "drive": Drive,
    "hold": Hold,
    "home": GoHome,
    "posture": Pose,
    "estop": EmergencyStop,
    "release": ReleaseStop,
    "switch": Switch,
}


def order_line(token: int, order: PlatformOrder) -> bytes | None:
    """How an order is said; None for one that this protocol has no word for."""
    said: dict[str, Any]
    match order:
        case Drive():
            said = {
                "type": "drive",
                "forward_mps": order.forward_mps,
                "sideways_mps": order.sideways_mps,
                "turn_dps": order.turn_dps,
            }
        case Hold():
            said = {"type": "hold"}
        case GoHome():
            said = {"type": "home"}
        case Pose():
            said = {"type": "posture", "posture": order.posture}
        case EmergencyStop():
            said = {"type": "estop"}
        case ReleaseStop():
            said = {"type": "release"}
        case Switch():
            said = {
                "type": "switch",
                "channel": order.channel,
                "level": order.level,
                "pattern": order.pattern,
            }
        case _:
            return None
    return line(said | {"id": token})


def line(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def unit_hello(name: str) -> bytes:
    return line({"type": "hello", "protocol": PROTOCOL, "name": name})
