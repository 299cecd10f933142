"""From a look to the hub's message: desk, engine, writer, envelope; and what health says."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from config.crs import gcj02_of
from config.models import Settings
from drivers.clock import SystemClock
from drivers.samples import Frame
from edge.positioning.whereabouts import Whereabouts
from edge.reporting.messages import MessageWriter
from edge.reporting.rule_findings import rule_findings
from edge.seeing.look import Look
from edge.seeing.rule_desk import RuleDesk
from edge.timebase import Timebase
from perception.detections import Detections
from perception.place.placed import Scene, Unplaced
from perception.place.pose import UnitPose
from perception.rules.rule import News
from telemetry.contract.alerts import AlertEvent, CountEvent
from telemetry.contract.envelope import Sender, body_of, read_up, seal
from tests.rules.scenes import FRAME, scene, track

CORNERS = [list(FRAME.to_degrees(x, y))[::-1] for x, y in ((-9, -9), (9, -9), (9, 9), (-9, 9))]
SENDER = Sender(unit="dog-01", boot_id="019cc1a2-7c00-7d3b-9a51-0c5f2f6b1a01")
IDS = "019cc1b0-11f0-7abc-8def-0123456789ab"


def unit(rules: Any = None, zones: Any = None) -> Settings:
    return Settings.model_validate(
        {
            "unit": {"id": "dog-01", "kind": "robot_dog"},
            "cameras": {"front": {"kind": "file", "path": "none.mp4"}},
            "zones": zones or {"ground": {"yard": {"crs": "wgs84", "points": CORNERS}}},
            "rules": rules or {"fence": {"kind": "intrusion", "zones": ["yard"]}},
        }
    )


def look(one: Scene) -> Look:
    image = np.zeros((72, 128, 3), np.uint8)
    frame = Frame(camera="front", mono_s=one.mono_s, image=image, number=0)
    return Look(frame=frame, found=Detections.none(), tracks=(), scene=one)


def opened(settings: Settings, tell: Callable[[list[News]], None] = lambda news: None) -> RuleDesk:
    desk = RuleDesk.open(settings, Timebase(SystemClock(), synchronised=True).at, tell)
    assert desk is not None
    return desk


def stay(desk: RuleDesk, until_s: float, **more: Any) -> None:
    now_s = SystemClock().mono_s()
    for t in np.arange(now_s, now_s + until_s, 0.2).tolist():
        desk.see(look(scene(t, [track(7, 0.0, 0.0, t)], **more)))


def test_an_alert_reaches_the_wire_as_an_episode_with_place_and_pending_review() -> None:
    timebase = Timebase(SystemClock(), synchronised=True)
    writer = MessageWriter(timebase, Whereabouts([], 5.0), has_receiver=False)
    told: list[News] = []
    desk = opened(unit(), told.extend)

    stay(desk, 3.0)
    desk.end("front", "shutdown", 0.0)

    drafts = [writer.news(each) for each in told]
    wires = [seal(body_of(SENDER, d, IDS), 1, historical=False, sent=d.time) for d in drafts]
    first, last = (read_up(wire).data for wire in wires)
    assert isinstance(first, AlertEvent)
    assert isinstance(last, AlertEvent)
    assert (first.phase, last.phase, last.reason) == ("new", "end", "shutdown")
    assert first.episode == last.episode
    assert first.review == "pending"
    assert first.place is not None
    assert (first.place.lat_deg, first.place.lon_deg) == pytest.approx((35.4, 116.6), abs=1e-6)
    assert first.pose_missing == "no_receiver"
    assert drafts[0].priority == 1


def test_a_count_reaches_the_wire() -> None:
    line = {"kind": "line", "crs": "wgs84", "points": CORNERS[:2]}
    settings = unit({"who": {"kind": "count", "zones": ["gate"]}}, {"ground": {"gate": line}})
    timebase = Timebase(SystemClock(), synchronised=True)
    writer = MessageWriter(timebase, Whereabouts([], 5.0), has_receiver=False)
    told: list[News] = []
    desk = opened(settings, told.extend)

    stay(desk, 3.0)
    desk.end("front", "camera_lost", 0.0)

    draft = writer.news(told[0])
    assert isinstance(draft.data, CountEvent)
    assert draft.priority == 2
    assert draft.data.watched_s == pytest.approx(2.8, abs=0.1)


def test_the_ids_of_episodes_come_from_who_is_asked_for_them() -> None:
    timebase = Timebase(SystemClock(), synchronised=True)
    asked: list[datetime] = []

    def new_id(begun: datetime) -> str:
        asked.append(begun)
        return IDS

    writer = MessageWriter(timebase, Whereabouts([], 5.0), has_receiver=False, new_id=new_id)
    told: list[News] = []
    stay(opened(unit(), told.extend), 2.0)

    data = writer.news(told[0]).data
    assert isinstance(data, AlertEvent)
    assert data.episode == IDS
    assert asked[0].tzinfo is UTC


def test_our_own_units_are_asked_for_at_each_look() -> None:
    told: list[News] = []
    desk = opened(unit(), told.extend)
    desk.own = lambda: [FRAME.to_degrees(1.0, 1.0)]

    stay(desk, 3.0)

    assert told == []


def test_a_glance_keeps_the_hours_of_a_rule_too() -> None:
    """Whether the time of day is known must not depend on who looks: model, or rules alone."""
    now_utc = SystemClock().utc()
    later = [f"{(now_utc + timedelta(hours=h)):%H}:00" for h in (3, 5)]
    watch = {"kind": "camera_state", "active": ["-".join(later)], "utc_offset_h": 0}
    told: list[News] = []
    desk = opened(unit({"eye": {**watch, "min_duration_s": 1}}), told.extend)
    now_s = SystemClock().mono_s()
    for step in range(100):
        image = np.full((72, 128, 3), 90, np.uint8)
        if step < 50:
            image[::2, ::2] = 200 + step % 5
            image[:, step % 3 :: 7] = 30
        frame = Frame(camera="front", mono_s=now_s + step / 5, image=image, number=step)
        desk.glance(frame, scene(frame.mono_s, parked=True))

    assert told == []


def test_a_unit_without_rules_has_no_desk() -> None:
    settings = unit().model_copy(update={"rules": {}})

    assert RuleDesk.open(settings, Timebase(SystemClock()).at, lambda news: None) is None


def test_a_rule_that_is_blind_for_ten_seconds_is_a_fault_with_what_to_do() -> None:
    desk = opened(unit())
    stay(desk, 1.0, frame=None, unplaced=Unplaced.NO_HEADING)
    now_s = SystemClock().mono_s()

    assert rule_findings(desk, now_s + 5.0) == []
    (finding,) = rule_findings(desk, now_s + 15.0)
    assert (finding.code, finding.component) == ("rule_blind", "fence.front")
    assert finding.severity == "warning"
    assert "no_heading" in finding.text
    assert "compass" in finding.action


@pytest.mark.parametrize(
    ("rule", "camera", "why"),
    [
        ({"cameras": ["fornt"]}, {}, "looks at the pictures of fornt; its cameras may be: front"),
        ({}, {"detect": False}, "no camera's pictures are looked at"),
        ({"cameras": ["front"], "zones": ["door"]}, {}, "door is drawn in the picture of rear"),
    ],
)  # fmt: skip
def test_a_rule_that_can_never_say_anything_is_told(
    rule: dict[str, Any], camera: dict[str, Any], why: str
) -> None:
    door = {"door": {"camera": "rear", "points": [[0, 0], [1, 0], [1, 1]]}}
    zones = {"ground": {"yard": {"crs": "wgs84", "points": CORNERS}}, "picture": door}
    plain = unit({"fence": {"kind": "intrusion", "zones": ["yard"]} | rule}, zones)
    front = plain.cameras["front"].model_copy(update=camera)
    rear = plain.cameras["front"].model_copy(update=camera | {"detect": bool(rule.get("zones"))})
    desk = opened(plain.model_copy(update={"cameras": {"front": front, "rear": rear}}))

    (finding,) = rule_findings(desk, 0.0)
    assert (finding.code, finding.component) == ("rule_idle", "fence")
    assert why in finding.text


def test_a_rule_for_units_that_stand_is_no_fault_of_one_that_drives() -> None:
    rules = {"bags": {"kind": "left_object"}}
    desk = opened(unit(rules))
    now_s = SystemClock().mono_s()
    for t in np.arange(now_s, now_s + 2.0, 0.5).tolist():
        desk.see(look(scene(t)))

    (finding,) = rule_findings(desk, now_s + 15.0)
    assert (finding.code, finding.severity) == ("rule_blind", "info")
    assert "moving" in finding.text


def test_zones_that_cannot_be_read_cost_the_rules_and_are_told() -> None:
    desk = opened(unit({"fence": {"kind": "intrusion", "zones": ["garden"]}}))

    stay(desk, 2.0)

    (finding,) = rule_findings(desk, 0.0)
    assert finding.code == "zones_refused"
    assert "there is no zone garden" in finding.text


def test_zones_that_lie_beside_the_unit_are_told_after_a_minute() -> None:
    corners = [list(gcj02_of((lon, lat))) for lon, lat in CORNERS]
    desk = opened(unit(zones={"ground": {"yard": {"crs": "wgs84", "points": corners}}}))
    now_s = SystemClock().mono_s()
    for t in np.arange(now_s, now_s + 70.0, 5.0).tolist():
        pose = UnitPose(
            mono_s=t, lat_deg=35.40, lon_deg=116.60, position_error_m=2.0, heading_deg=None
        )
        desk.see(look(scene(t, pose=pose)))

    assert [each.code for each in rule_findings(desk, now_s)] == ["zones_shifted"]
