"""What a unit says of its body: actuators, what carries it, modules, batteries."""

from pydantic import Field

from telemetry.contract.wire_types import (
    Celsius,
    Code,
    Count,
    Message,
    Percent,
    Ratio,
    Seconds,
    Short,
    Text,
    UtcTime,
    Uuid,
)


class Actuator(Message):
    """Something that the unit says, shines or turns with, as it is now."""

    name: Short = Field(description="its name in the unit's configuration")
    kind: Code = Field(description="speaker, light, beacon, siren, relay, record_lamp, pan_tilt")
    on: bool
    level: Ratio = 0.0
    pattern: Code | None = None
    playing: Short | None = Field(None, description="what a speaker says")
    pan_deg: float | None = Field(None, ge=-360, le=360)
    tilt_deg: float | None = Field(None, ge=-180, le=180)
    by: Code | None = Field(
        None, description="whose wish it is: emergency, operator, plan, programme"
    )
    until: UtcTime | None = Field(
        None, description="of an operator's wish: then it goes off by itself"
    )
    measured: bool = Field(False, description="true: the device itself says so")
    celsius: Celsius | None = None
    fault: Text | None = None


class Vehicle(Message):
    """What carries the unit says of itself; what it does not tell is absent."""

    name: Short
    kind: Code = Field(description="mavlink, can, elm327, robot, ...")
    mode: Short | None = None
    armed: bool | None = Field(None, description="its motors may turn")
    estop: bool | None = Field(None, description="stopped until it is released on the spot")
    ignition: bool | None = None
    doors_open: bool | None = None
    light_bar: bool | None = None
    siren: bool | None = None
    remote_id: bool | None = Field(None, description="a drone broadcasts who it is")
    mission: Uuid | None = None
    mission_state: Code | None = Field(None, description="none, loaded, active, paused, done")
    mission_item: Count | None = None
    mission_items: Count | None = None


class Module(Message):
    """One part of the unit's body, as it says itself or as the unit's file says."""

    name: Short
    kind: Code
    present: bool
    required: bool = False
    model: Short | None = None
    serial: Short | None = None
    firmware: Short | None = None
    hardware: Short | None = None
    calibrated: str | None = Field(None, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")


class Charge(Message):
    """One battery, or the tank of a vehicle that has no other."""

    name: Short
    percent: Percent | None = None
    voltage_v: float | None = Field(None, ge=0, le=2000)
    current_a: float | None = Field(None, description="drawn from it; charging is negative")
    charging: bool | None = None
    remaining_s: Seconds | None = Field(None, description="until it is empty, as it says itself")
    celsius: Celsius | None = None
