"""From a rule's alert to its message: degrees for metres, codes of GB/T 28181, colours."""

from datetime import datetime
from typing import Any

from edge.reporting.places import ground_place
from perception.rules.rule import Alert, Count
from telemetry.contract.alerts import (
    COLOURS,
    AlertEvent,
    CountEvent,
    Gb28181,
    GroundCorner,
    PlaceMissing,
)
from telemetry.contract.crowd import CrowdEvent
from telemetry.contract.events import Pose
from telemetry.contract.up_message import PoseMissing
from telemetry.contract.wire_types import short

VIDEO = 5  # AlarmMethod
# AlarmType of AlarmMethod 5, by the kind of a rule (GB/T 28181-2016, annex A.2.5 g, as its open
# implementations read it). Kinds that the standard has no type for are not listed.
ALARM_TYPES = {
    "left_object": 3,
    "tripwire": 5,
    "intrusion": 6,
    "carriageway": 6,
    "wrong_way": 7,
    "loitering": 8,
    "count": 9,
    "crowd": 10,
    "camera_state": 11,
    "fast": 12,
}
COUNT_PRIORITY = 4  # AlarmPriority of what is no alert
MAX_CORNERS = 64
MAX_TRACKS = 200


def gb28181(rule: str, severity: int) -> Gb28181:
    return Gb28181(alarm_priority=severity, alarm_method=VIDEO, alarm_type=ALARM_TYPES.get(rule))


Pair = tuple[Pose | None, PoseMissing | None]


def alert_event(
    alert: Alert, episode: str, times: tuple[datetime, datetime], pose: Pair
) -> AlertEvent:
    """`times`: begun and last seen, UTC."""
    return AlertEvent(**_common(alert, episode, times, pose), facts=dict(alert.facts))


def crowd_event(
    alert: Alert, episode: str, times: tuple[datetime, datetime], pose: Pair
) -> CrowdEvent:
    """An alert of kind crowd: its facts are the message's own fields."""
    return CrowdEvent.model_validate(_common(alert, episode, times, pose) | dict(alert.facts))


def _common(
    alert: Alert, episode: str, times: tuple[datetime, datetime], pose: Pair
) -> dict[str, Any]:
    placed = alert.place is not None and alert.frame is not None
    place = ground_place(alert.place, alert.frame) if alert.place and alert.frame else None
    return dict(  # noqa: C408 - named like the message's fields
        phase=alert.phase,
        episode=episode,
        rule=alert.rule,
        name=short(alert.name),
        severity=alert.severity,
        colour=COLOURS[alert.severity],
        gb28181=gb28181(alert.rule, alert.severity),
        confidence=alert.confidence,
        label=alert.label,
        tracks=alert.tracks[:MAX_TRACKS],
        camera=short(alert.camera),
        zone=alert.zone,
        place=place,
        place_missing=None if placed else _missing(alert),
        footprint=_corners(alert),
        begun=times[0],
        last_seen=times[1],
        pose=pose[0],
        pose_missing=pose[1],
        reason=alert.reason,
    )


def count_event(count: Count, begun: datetime, ended: datetime) -> CountEvent:
    return CountEvent(
        name=short(count.name),
        line=short(count.zone),
        camera=short(count.camera),
        begun=begun,
        ended=ended,
        watched_s=count.watched_s,
        forward=dict(count.forward),
        backward=dict(count.backward),
        gb28181=gb28181("count", COUNT_PRIORITY),
    )


def _missing(alert: Alert) -> PlaceMissing:
    return "not_a_place" if alert.unplaced is None else alert.unplaced.value


def _corners(alert: Alert) -> tuple[GroundCorner, ...]:
    if alert.footprint is None or alert.frame is None or len(alert.footprint) > MAX_CORNERS:
        return ()
    degrees = [alert.frame.to_degrees(float(e), float(n)) for e, n in alert.footprint]
    return tuple(GroundCorner(lat_deg=lat, lon_deg=lon) for lat, lon in degrees)
