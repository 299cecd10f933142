"""One example of each message, as a unit in a small town would send it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from telemetry.contract.alerts import AlertEvent, CountEvent
from telemetry.contract.body import Actuator, Charge, Module, Vehicle
from telemetry.contract.crowd import CrowdEvent
from telemetry.contract.down import Ack, HubState
from telemetry.contract.envelope import Draft, Sender, body_of, seal
from telemetry.contract.events import (
    BodyEvent,
    Box,
    DetectionEvent,
    FrameSize,
    GeofenceEvent,
    ModuleEvent,
    Pose,
    SosEvent,
    TamperEvent,
    TrackPoint,
)
from telemetry.contract.example_commands import command_examples
from telemetry.contract.places import ErrorEllipse, GroundMotion, GroundPlace
from telemetry.contract.replies import Reply
from telemetry.contract.snapshot import SnapshotProperties
from telemetry.contract.sounds import SoundEvent
from telemetry.contract.tasks import DutyEvent, TaskEvent, TaskTimes
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
from telemetry.contract.up_message import UpMessage
from telemetry.contract_docs.finder_examples import candidate, plate, progress
from telemetry.contract_docs.signed_example import signed_example

_NOON = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
_SENDER = Sender(unit="dog-07", boot_id="019cc1a2-7c00-7d3b-9a51-0c5f2f6b1a01")
_EPISODE = "019cc1b0-11f0-7abc-8def-0123456789ab"


def _id(number: int) -> str:
    return f"019cc1b0-2200-7000-8000-{number:012x}"


def _sent(data: UpMessage, number: int, *, late: bool = False) -> bytes:
    moment = _NOON + timedelta(seconds=number)
    sequence = None if isinstance(data, Status) else 4100 + number
    sent = moment + timedelta(hours=1 if late else 0, milliseconds=40)
    body = body_of(_SENDER, Draft.of(data, moment, "gnss"), _id(number))
    return seal(body, sequence, historical=late, sent=sent)


def _status() -> Status:
    return Status(
        state="online",
        session=3,
        unit_kind="robot_dog",
        software="patrol-edge 0.1.0",
        config_version="9f2c1ab4",
    )


def _state() -> State:
    return State(
        unit_kind="robot_dog",
        label="Harbour dog 7",
        capabilities=("detect", "position", "ping", "rebirth", "task.assign", "task.cancel"),
        duty="dispatched",
        task=_id(20),
        task_state="en_route",
        actuators=(
            Actuator(
                name="searchlight",
                kind="light",
                on=True,
                level=0.5,
                pattern="steady",
                by="operator",
                until=_NOON + timedelta(seconds=20),
                measured=True,
                celsius=41.0,
            ),
        ),
        vehicles=(Vehicle(name="dog", kind="robot", mode="walk", armed=True, estop=False),),
        components=(
            Component(name="main", kind="gnss", state="ok"),
            Component(name="front", kind="camera", state="degraded", detail="5 frames/s of 25"),
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


def _position() -> Position:
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


def _health() -> Health:
    return Health(
        faults=(
            Fault(
                code="camera_stalled",
                severity="error",
                component="front",
                text="no new picture for 2.4 s",
                action="check the camera's cable; it is being reopened",
                since=_NOON,
            ),
        ),
        load=Load(cpu_percent=41.0, memory_percent=36.5, process_rss_mib=182.0),
        temperatures=(Temperature(name="soc", celsius=61.5),),
        disk=Disk(free_mib=20_480, total_mib=30_720),
        link=Link(connected=True, protocol="5", since=_NOON, reconnects=2, unacked=1),
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


def _event(phase: str) -> DetectionEvent:
    return DetectionEvent.model_validate(
        {
            "phase": phase,
            "episode": _EPISODE,
            "label": "person",
            "confidence": 0.87,
            "camera": "front",
            "track": 41,
            "box": Box(x=0.41, y=0.22, width=0.06, height=0.31),
            "frame": FrameSize(width_px=1280, height_px=720),
            "first_seen": _NOON,
            "last_seen": _NOON + timedelta(seconds=4),
            "place": GroundPlace(
                lat_deg=54.1781251,
                lon_deg=12.0913654,
                error=ErrorEllipse(major_m=4.61, minor_m=4.12, bearing_deg=88.6),
            ),
            "motion": GroundMotion(speed_mps=1.36, speed_error_mps=0.21, course_deg=352.0),
            "pose": Pose(
                lat_deg=54.1781234,
                lon_deg=12.0912345,
                source="gnss",
                age_ms=60,
                heading_deg=90.2,
                course_deg=87.5,
                speed_mps=1.21,
                error_m=2.6,
            ),
            "reason": "left" if phase == "end" else None,
            "model": "nanodet-g-416",
        }
    )


def _alert(phase: str) -> AlertEvent:
    return AlertEvent.model_validate(
        {
            "phase": phase,
            "episode": "019cc1b0-11f0-7abc-8def-0123456789ac",
            "rule": "intrusion",
            "name": "harbour_at_night",
            "severity": 2,
            "colour": "orange",
            "gb28181": {"alarm_priority": 2, "alarm_method": 5, "alarm_type": 6},
            "confidence": 0.91,
            "label": "person",
            "tracks": [17],
            "camera": "front",
            "zone": "quay",
            "place": {
                "lat_deg": 54.1781811,
                "lon_deg": 12.0914104,
                "error": {"major_m": 2.4, "minor_m": 0.9, "bearing_deg": 41.0},
            },
            "begun": _NOON,
            "last_seen": _NOON + timedelta(seconds=8),
            "facts": {"inside_probability": 0.974},
            "pose": _pose(),
            "reason": "cleared" if phase == "end" else None,
        }
    )


def _crowd() -> CrowdEvent:
    return CrowdEvent.model_validate(
        {
            "phase": "new",
            "episode": "019cc1b0-11f0-7abc-8def-0123456789ad",
            "name": "quay_crowd",
            "severity": 2,
            "colour": "orange",
            "gb28181": {"alarm_priority": 2, "alarm_method": 5, "alarm_type": 10},
            "confidence": 0.71,
            "label": "person",
            "camera": "front",
            "zone": "quay",
            "place_missing": "not_a_place",
            "footprint": [
                {"lat_deg": 54.1781, "lon_deg": 12.0914},
                {"lat_deg": 54.1781, "lon_deg": 12.0917},
                {"lat_deg": 54.1783, "lon_deg": 12.0917},
                {"lat_deg": 54.1783, "lon_deg": 12.0914},
            ],
            "begun": _NOON,
            "last_seen": _NOON + timedelta(seconds=30),
            "count": 912.0,
            "seen": 601.0,
            "area_m2": 435.0,
            "density_per_m2": 2.1,
            "level": "orange",
            "los": "E",
            "saturated": True,
            "wanted": "drone_view",
            "trend_per_m2_min": 0.35,
            "trend_error_per_m2_min": 0.06,
            "mean_speed_mps": 0.42,
            "pose": _pose(),
        }
    )


def _count() -> CountEvent:
    return CountEvent.model_validate(
        {
            "name": "who_enters",
            "line": "east_gate",
            "camera": "front",
            "begun": _NOON - timedelta(seconds=60),
            "ended": _NOON,
            "watched_s": 60.0,
            "forward": {"person": 12, "bicycle": 1},
            "backward": {"person": 7},
            "gb28181": {"alarm_priority": 4, "alarm_method": 5, "alarm_type": 9},
        }
    )


def _event_without_pose() -> DetectionEvent:
    nowhere = {"pose": None, "pose_missing": "no_fix", "place": None, "motion": None}
    return _event("new").model_copy(update=nowhere | {"place_missing": "no_pose"})


def _pose() -> Pose:
    return Pose(
        lat_deg=54.1781234,
        lon_deg=12.0912345,
        source="gnss",
        age_ms=60,
        speed_mps=1.21,
        error_m=2.6,
    )


def _task() -> TaskEvent:
    return TaskEvent(
        task=_id(20),
        kind="transition",
        state="arrived",
        previous="en_route",
        times=TaskTimes(
            received=_NOON,
            acknowledged=_NOON + timedelta(seconds=4),
            moving=_NOON + timedelta(seconds=9),
            arrived=_NOON + timedelta(seconds=181),
        ),
        remaining_m=12.4,
        eta_s=0,
        ring="1",
        pose=_pose(),
    )


def _sos() -> SosEvent:
    points = [
        TrackPoint(
            time=_NOON + timedelta(seconds=number),
            lat_deg=54.1781234 + number / 1e5,
            lon_deg=12.0912345,
            error_m=2.6,
            speed_mps=1.2,
        )
        for number in range(3)
    ]
    return SosEvent(
        phase="new",
        episode=_EPISODE,
        cause="button",
        begun=_NOON,
        pose=_pose(),
        track=tuple(points),
    )


def _sound() -> SoundEvent:
    """Glass that broke twice at a corner; nothing else is known of it."""
    return SoundEvent(
        phase="end",
        episode=_EPISODE,
        kind="glass",
        confidence=0.83,
        microphone="mast",
        begun=_NOON - timedelta(seconds=4),
        last_heard=_NOON,
        bursts=2,
        level_dbfs=-18.4,
        level_dba=81.6,
        pose=_pose(),
        reason="silent",
        model="yamnet",
    )


def _replies() -> dict[str, Reply]:
    """A clip that was uploaded, step by step; and a task that was refused."""
    upload: dict[str, Any] = {"command": _id(30), "name": "clip.upload"}
    return {
        "received": Reply(**upload, status="received"),
        "accepted": Reply(**upload, status="accepted"),
        "running": Reply(**upload, status="running", progress=40, text="8 of 20 MiB"),
        "succeeded": Reply(**upload, status="succeeded", result={"clip": "front-0412"}),
        "repeat": Reply(**upload, status="succeeded", result={"clip": "front-0412"}, repeat=True),
        "rejected": Reply(
            command=_id(31), name="task.assign", status="rejected", code="busy", text="at work"
        ),
    }


def up_examples() -> dict[str, bytes]:
    """File name, beginning with the schema's name, to the message as it is on the wire."""
    replies = _replies().items()
    return {
        "status": _sent(_status(), 0),
        "status-will": _sent(_status().model_copy(update={"state": "offline"}), 0),
        "state": _sent(_state(), 1),
        "position": _sent(_position(), 2),
        "position-historical": _sent(_position(), 3, late=True),
        "health": _sent(_health(), 4),
        "event.detection-new": _sent(_event("new"), 5),
        "event.detection-no-pose": _sent(_event_without_pose(), 6),
        "event.detection-update": _sent(_event("update"), 7),
        "event.detection-end": _sent(_event("end"), 8),
        "event.task": _sent(_task(), 9),
        "event.duty": _sent(DutyEvent(duty="dispatched", previous="on_patrol", cause="task"), 10),
        "event.sos": _sent(_sos(), 11),
        "event.geofence": _sent(GeofenceEvent(what="left", area="beat-4", pose=_pose()), 12),
        "event.tamper": _sent(
            TamperEvent(
                what="command_forged",
                component="commands",
                text="the signature does not fit the key",
                count=3,
            ),
            13,
        ),
        "event.module": _sent(
            ModuleEvent(
                what="lost",
                module="front",
                kind="camera",
                since=_NOON - timedelta(seconds=4),
                text="no new picture for 4 s",
                pose=_pose(),
            ),
            45,
        ),
        "event.body": _sent(
            BodyEvent(
                what="fence_breached",
                component="drone",
                text="outside of its fence: it returns",
                pose=_pose(),
            ),
            46,
        ),
        "event.plate-new": _sent(plate("new", _NOON, _pose()), 40),
        "event.plate-end": _sent(plate("end", _NOON, _pose()), 41),
        "event.search-new": _sent(candidate("new", _NOON, _pose()), 42),
        "event.search-end": _sent(candidate("end", _NOON, _pose()), 43),
        "event.search_progress": _sent(progress(), 44),
        "event.alert-new": _sent(_alert("new"), 30),
        "event.alert-end": _sent(_alert("end"), 31),
        "event.count": _sent(_count(), 32),
        "event.crowd": _sent(_crowd(), 34),
        "event.sound": _sent(_sound(), 33),
        **{f"reply-{name}": _sent(reply, 14 + n) for n, (name, reply) in enumerate(replies)},
    }


def down_examples() -> dict[str, bytes]:
    """The same for what comes down."""
    hub = HubState(state="online", hub="hub-1", session=_id(9), time=_NOON)
    return {
        "ack-ids": Ack(ids=(_id(1), _id(2))).model_dump_json(exclude_none=True).encode(),
        "ack-up-to": b'{"up_to":4107}',
        "hub-state": hub.model_dump_json().encode(),
    }


def snapshot_properties() -> bytes:
    """The user properties of a picture, as one JSON object."""
    properties = SnapshotProperties(
        episode=_EPISODE, sha256="b94d" + "0" * 60, time=_NOON, camera="front"
    )
    return properties.model_dump_json().encode()


def all_examples() -> dict[str, bytes]:
    """All files of the folder `examples`, by name."""
    found = {**up_examples(), **down_examples(), "snapshot": snapshot_properties()}
    return (
        {f"{name}.json": payload for name, payload in found.items()}
        | command_examples()
        | signed_example()
    )
