"""What a robot dog in a small town tells of itself."""

from datetime import timedelta

from telemetry.contract.body import Actuator, Charge, Module, Vehicle
from telemetry.contract.flash import Flashed, FlashedLane
from telemetry.contract.unit import (
    CameraFigures,
    Component,
    Disk,
    Fault,
    Health,
    Inventory,
    Link,
    Load,
    Position,
    Queue,
    Rate,
    ReceiverFigures,
    SignalFigures,
    State,
    Status,
    Temperature,
)
from telemetry.contract_docs.scene import NOON, some_id


def status() -> Status:
    return Status(
        state="online",
        session=3,
        unit_kind="robot_dog",
        software="patrol-edge 0.1.0",
        config_version="9f2c1ab4",
    )


def state() -> State:
    return State(
        unit_kind="robot_dog",
        label="Harbour dog 7",
        capabilities=("detect", "position", "ping", "rebirth", "task.assign", "task.cancel"),
        duty="dispatched",
        task=some_id(20),
        task_state="en_route",
        actuators=(
            Actuator(
                name="searchlight",
                kind="light",
                on=True,
                level=0.5,
                pattern="steady",
                by="operator",
                until=NOON + timedelta(seconds=20),
                measured=True,
                celsius=41.0,
            ),
        ),
        vehicles=(Vehicle(name="dog", kind="robot", mode="walk", armed=True, estop=False),),
        components=(
            Component(name="main", kind="gnss", state="ok"),
            Component(name="front", kind="camera", state="degraded", detail="5 frames/s of 25"),
        ),
        flashed=Flashed(
            lanes=(
                FlashedLane(
                    lane="config",
                    bundle=some_id(70),
                    name="harbour-12",
                    serial=12,
                    slot="b",
                    since=NOON - timedelta(days=9),
                    highest=12,
                ),
            ),
            config_digest="9f2c1ab4" + "0" * 56,
        ),
        inventory=Inventory(
            software={"patrol-edge": "0.1.0", "onnxruntime": "1.31.1"},
            models={"nanodet-g-416": "6f1d" + "0" * 60},
            modules=(
                Module(
                    name="payload",
                    kind="board",
                    present=True,
                    required=True,
                    model="payload-a",
                    serial="0412",
                    firmware="1.4.2",
                    calibrated="2026-03-02",
                ),
            ),
        ),
    )


def position() -> Position:
    return Position(
        lat_deg=54.1781234,
        lon_deg=12.0912345,
        source="gnss",
        fix="3d",
        age_ms=110,
        alt_msl_m=3.4,
        error_m=2.6,
        course_deg=87.5,
        heading_deg=90.2,
        speed_mps=1.21,
        satellites_used=14,
        hdop=0.8,
        receiver="main",
    )


def health() -> Health:
    return Health(
        faults=(
            Fault(
                code="camera_stalled",
                severity="error",
                component="front",
                text="no new picture for 2.4 s",
                action="check the camera's cable; it is being reopened",
                since=NOON,
            ),
        ),
        load=Load(cpu_percent=41.0, memory_percent=36.5, process_rss_mib=182.0),
        temperatures=(Temperature(name="soc", celsius=61.5),),
        disk=Disk(free_mib=20_480, total_mib=30_720),
        link=Link(connected=True, protocol="5", since=NOON, reconnects=2, unacked=1),
        queue=Queue(
            depth=12,
            by_priority=(0, 2, 0, 10, 0),
            oldest_age_s=31.2,
            size_mib=0.4,
            limit_mib=512,
        ),
        batteries=(Charge(name="dog", percent=71.0, voltage_v=28.6, current_a=6.2),),
        cameras=(
            CameraFigures(
                name="front",
                width_px=1280,
                height_px=720,
                fps=24.8,
                fps_wanted=25.0,
                decode_ms=4.1,
                decoder="software, mjpg",
                brightness=0.44,
            ),
        ),
        receivers=(
            ReceiverFigures(
                name="main",
                in_charge=True,
                fix="rtk_fixed",
                satellites_used=21,
                satellites_in_view=27,
                hdop=0.7,
                corrections_age_s=1.2,
                base="0042",
                heading_error_deg=0.3,
                signals=(
                    SignalFigures(
                        constellation="beidou", in_view=15, tracked=14, used=12, cn0_dbhz=42.5
                    ),
                    SignalFigures(
                        constellation="gps", in_view=12, tracked=10, used=9, cn0_dbhz=43.0
                    ),
                ),
            ),
        ),
        rates=(Rate(name="front", per_s=5.1), Rate(name="detector", per_s=5.0, p50_ms=61)),
        drops={"camera.front.replaced_by_newer": 1204},
    )
