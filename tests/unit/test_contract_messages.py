"""The messages: a writer cannot say what makes no sense."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from telemetry.contract.events import Box, DetectionEvent, FrameSize, Pose
from telemetry.contract.places import ErrorEllipse, GroundMotion, GroundPlace
from telemetry.contract.unit import Position, Status
from telemetry.contract.uuid7 import uuid7

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def event(**changes: Any) -> DetectionEvent:
    fields: dict[str, Any] = {
        "phase": "new",
        "episode": uuid7(NOW),
        "label": "person",
        "confidence": 0.87654,
        "camera": "front",
        "track": 3,
        "box": Box(x=0.1, y=0.2, width=0.05, height=0.2),
        "frame": FrameSize(width_px=1280, height_px=720),
        "first_seen": NOW,
        "last_seen": NOW,
        "pose_missing": "no_fix",
    }
    return DetectionEvent(**fields | changes)


def test_an_end_has_a_reason_and_nothing_else_has() -> None:
    assert event(phase="end", reason="left").reason == "left"
    with pytest.raises(ValidationError, match="an end has a reason"):
        event(phase="end")
    with pytest.raises(ValidationError, match="an end has a reason"):
        event(phase="update", reason="lost")


def test_a_pose_or_why_there_is_none() -> None:
    pose = Pose(lat_deg=1, lon_deg=2, source="gnss", age_ms=80)

    assert event(pose=pose, pose_missing=None).pose == pose
    with pytest.raises(ValidationError, match="either a pose"):
        event(pose=pose)
    with pytest.raises(ValidationError, match="either a pose"):
        event(pose_missing=None)


def test_a_place_or_why_there_is_none_never_both() -> None:
    error = ErrorEllipse(major_m=4.0, minor_m=2.0, bearing_deg=10)
    place = GroundPlace(lat_deg=1, lon_deg=2, error=error)
    motion = GroundMotion(speed_mps=1.0, speed_error_mps=0.2)

    assert event(place=place, motion=motion).place == place
    assert event(place_missing="near_horizon").place is None
    assert event().place_missing is None  # a unit from before there were places
    with pytest.raises(ValidationError, match="not both"):
        event(place=place, place_missing="too_far")
    with pytest.raises(ValidationError, match="belongs to a place"):
        event(motion=motion)
    with pytest.raises(ValidationError):
        GroundPlace.model_validate({"lat_deg": 1, "lon_deg": 2})


@pytest.mark.parametrize(
    "wrong",
    [
        {"box": {"x": 0, "y": 0, "width": 1.2, "height": 0.1}},
        {"confidence": float("nan")},
        {"episode": "1234"},
        {"first_seen": datetime(2026, 1, 1)},  # noqa: DTZ001 - just that is wrong
        {"speling": 1},
    ],
    ids=str,
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        event(**wrong)


def test_numbers_are_rounded_to_what_they_are_worth() -> None:
    position = Position(
        lat_deg=1.123456789, lon_deg=2, source="gnss", fix="3d", course_deg=12.3456, speed_mps=1.005
    )

    assert (position.lat_deg, position.course_deg) == (1.1234568, 12.3)
    assert event().confidence == 0.8765


def test_an_update_costs_less_than_700_bytes() -> None:
    pose = Pose(
        lat_deg=51.5004321,
        lon_deg=-0.1266123,
        source="gnss",
        age_ms=120,
        heading_deg=271.3,
        course_deg=270.1,
        speed_mps=1.32,
        error_m=2.1,
    )
    update = event(phase="update", pose=pose, pose_missing=None, model="nanodet-g-416")

    from telemetry.contract.envelope import Draft, Sender, body_of, seal

    body = body_of(
        Sender(unit="patrol-car-07", boot_id=uuid7(NOW)), Draft.of(update, NOW, "gnss"), uuid7(NOW)
    )
    assert len(seal(body, 123_456, historical=False, sent=NOW)) <= 1000
    assert len(update.model_dump_json(exclude_none=True)) <= 700


def test_a_status_needs_its_session() -> None:
    with pytest.raises(ValidationError):
        Status(state="online", session=0, unit_kind="drone", software="x")
