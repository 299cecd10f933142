"""What a robot dog in a small town reports: what it saw and heard, and what became of it."""

from datetime import timedelta
from typing import Literal

from telemetry.contract.alerts import AlertEvent, CountEvent
from telemetry.contract.crowd import CrowdEvent
from telemetry.contract.events import (
    Box,
    DetectionEvent,
    FrameSize,
    Pose,
    SosEvent,
    TrackPoint,
)
from telemetry.contract.flash import FlashEvent
from telemetry.contract.places import ErrorEllipse, GroundMotion, GroundPlace
from telemetry.contract.sounds import SoundEvent
from telemetry.contract.tasks import TaskEvent, TaskTimes
from telemetry.contract_docs.scene import EPISODE, NOON, pose, some_id


def detection(phase: str) -> DetectionEvent:
    return DetectionEvent.model_validate(
        {
            "phase": phase,
            "episode": EPISODE,
            "label": "person",
            "confidence": 0.87,
            "camera": "front",
            "track": 41,
            "box": Box(x=0.41, y=0.22, width=0.06, height=0.31),
            "frame": FrameSize(width_px=1280, height_px=720),
            "first_seen": NOON,
            "last_seen": NOON + timedelta(seconds=4),
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


def detection_without_pose() -> DetectionEvent:
    nowhere = {"pose": None, "pose_missing": "no_fix", "place": None, "motion": None}
    return detection("new").model_copy(update=nowhere | {"place_missing": "no_pose"})


def alert(phase: str) -> AlertEvent:
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
            "begun": NOON,
            "last_seen": NOON + timedelta(seconds=8),
            "facts": {"inside_probability": 0.974},
            "pose": pose(),
            "reason": "cleared" if phase == "end" else None,
        }
    )


def crowd() -> CrowdEvent:
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
            "begun": NOON,
            "last_seen": NOON + timedelta(seconds=30),
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
            "pose": pose(),
        }
    )


def count() -> CountEvent:
    return CountEvent.model_validate(
        {
            "name": "who_enters",
            "line": "east_gate",
            "camera": "front",
            "begun": NOON - timedelta(seconds=60),
            "ended": NOON,
            "watched_s": 60.0,
            "forward": {"person": 12, "bicycle": 1},
            "backward": {"person": 7},
            "gb28181": {"alarm_priority": 4, "alarm_method": 5, "alarm_type": 9},
        }
    )


def task() -> TaskEvent:
    return TaskEvent(
        task=some_id(20),
        kind="transition",
        state="arrived",
        previous="en_route",
        times=TaskTimes(
            received=NOON,
            acknowledged=NOON + timedelta(seconds=4),
            moving=NOON + timedelta(seconds=9),
            arrived=NOON + timedelta(seconds=181),
        ),
        remaining_m=12.4,
        eta_s=0,
        ring="1",
        pose=pose(),
    )


def sos() -> SosEvent:
    points = [
        TrackPoint(
            time=NOON + timedelta(seconds=number),
            lat_deg=54.1781234 + number / 1e5,
            lon_deg=12.0912345,
            error_m=2.6,
            speed_mps=1.2,
        )
        for number in range(3)
    ]
    return SosEvent(
        phase="new",
        episode=EPISODE,
        cause="button",
        begun=NOON,
        pose=pose(),
        track=tuple(points),
    )


def sound() -> SoundEvent:
    """Glass that broke twice at a corner; nothing else is known of it."""
    return SoundEvent(
        phase="end",
        episode=EPISODE,
        kind="glass",
        confidence=0.83,
        microphone="mast",
        begun=NOON - timedelta(seconds=4),
        last_heard=NOON,
        bursts=2,
        level_dbfs=-18.4,
        level_dba=81.6,
        pose=pose(),
        reason="silent",
        model="yamnet",
    )


def flash(what: Literal["committed", "rolled_back"]) -> FlashEvent:
    """Of a configuration that the hub sent: it stayed, or its camera gave no pictures."""
    ill = what == "rolled_back"
    return FlashEvent(
        what=what,
        way="hub",
        by="control room 2",
        order=some_id(71),
        kind="config",
        lane="config",
        bundle=some_id(72 if ill else 70),
        name="harbour-13" if ill else "harbour-12",
        serial=13 if ill else 12,
        code="unhealthy" if ill else None,
        text="camera front gave no picture within 60 s" if ill else "",
    )
