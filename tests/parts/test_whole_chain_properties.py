"""Whatever cameras, receivers and clocks bring: chain, episodes, rules and messages go on, every
message keeps the contract, and what was told to begin is told to end, once."""

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.models import Settings
from drivers.samples import Attitude, FixKind, Frame, GnssEpoch
from edge.positioning.whereabouts import Whereabouts
from edge.reporting.messages import MessageWriter
from edge.seeing.chain import Chain
from edge.seeing.episodes import Change, EpisodeDesk
from edge.seeing.placing import Placing
from edge.seeing.poses import Poses
from edge.seeing.rule_desk import RuleDesk
from edge.timebase import Timebase
from perception.detections import PATROL_CLASSES, Detections
from perception.rules.rule import News
from telemetry.contract.envelope import Draft, Sender, body_of, read_up, seal
from telemetry.contract.events import DetectionEvent
from tests.fakes import ManualClock
from tests.rules.scenes import FRAME

CAMERAS = ("front", "mast")
SIZES = ((64, 48), (48, 64), (160, 120))
SENDER = Sender(unit="dog-01", boot_id="019cc1a2-7c00-7d3b-9a51-0c5f2f6b1a01")
NOT_A_NUMBER = (float("nan"), float("inf"), 1e30)
QUICK = {"min_duration_s": 0, "cool_down_s": 0, "clear_after_s": 1}


def _ring(*corners: tuple[float, float]) -> list[list[float]]:
    return [list(FRAME.to_degrees(east_m, north_m))[::-1] for east_m, north_m in corners]


def _square(half_m: float) -> list[list[float]]:
    return _ring((-half_m, -half_m), (half_m, -half_m), (half_m, half_m), (-half_m, half_m))


def _mapped(points: list[list[float]], kind: str = "area", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "crs": "wgs84", "points": points, **more}


UNIT = Settings.model_validate(
    {
        "unit": {"id": "dog-01", "kind": "robot_dog"},
        "perception": {"tracker": {"confirm_hits": 1, "ego_motion": True}},
        "episodes": {"min_duration_s": 0, "update_every_s": 1},
        "pose": {"heading_deg": 0.0},
        "cameras": {
            "front": {
                "kind": "file",
                "path": "none.mp4",
                "lens": {"horizontal_fov_deg": 90},
                "mount": {"height_m": 2.0, "pitch_deg": -15},
            },
            "mast": {"kind": "file", "path": "none.mp4", "fixed": True},
        },
        "zones": {
            "ground": {
                "yard": _mapped(_square(40)),
                "road": _mapped(_square(30), "carriageway"),
                "lane": _mapped(_square(20), "lane", direction_deg=180),
                "wire": _mapped(_ring((-30, 6), (30, 6)), "line"),
            },
            "picture": {
                "door": {"camera": "mast", "points": [[0, 0], [1, 0], [1, 1], [0, 1]]},
            },
        },
        "rules": {
            "a": {"kind": "intrusion", "zones": ["yard", "door"], "probability": 0.2, **QUICK},
            "b": {"kind": "tripwire", "zones": ["wire"]},
            "c": {"kind": "loitering", "zones": ["yard", "door"], "dwell_s": 5, **QUICK},
            "d": {"kind": "carriageway", "zones": ["road"], "probability": 0.2, **QUICK},
            "e": {"kind": "wrong_way", "zones": ["lane"], "probability": 0.2, **QUICK},
            "f": {"kind": "fast", "zones": ["yard"], "probability": 0.2, **QUICK},
            "g": {"kind": "count", "zones": ["wire"], "period_s": 10},
            "h": {"kind": "camera_state", **QUICK, "min_duration_s": 1},
            "i": {"kind": "stopped", "zones": ["yard"], "stands_s": 2, **QUICK},
            "j": {"kind": "illegal_parking", "zones": ["yard"], "wait_min": 0.1, "look_s": 1},
            "k": {
                "kind": "crowd",
                "zones": ["yard"],
                "min_area_m2": 1,
                "levels": [
                    {"per_m2": per_m2, "sustained_s": 0} for per_m2 in (0.001, 0.002, 0.01, 0.1)
                ],
            },
        },
    }
)  # fmt: skip


@dataclass
class Unit:
    """Everything between a detector and the outbox, as a unit has it, on a clock of the test's."""

    wires: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.poses = Poses(UNIT.pose)
        self.whereabouts = Whereabouts(["top"], 5.0)
        timebase = Timebase(self.clock, ["top"], True, lambda: 0.0)
        self.writer = MessageWriter(timebase, self.whereabouts, has_receiver=True)
        placing = Placing.build(UNIT, self.poses)
        self.chain = Chain.build(
            UNIT.perception, list(CAMERAS), 0.4, itertools.count(1), placing, placing.projection
        )
        rules = RuleDesk.open(UNIT, timebase.at, self._tell_news)
        assert rules is not None
        assert rules.trouble == ""
        self.observers = (EpisodeDesk(UNIT.episodes, list(CAMERAS), self._tell_changes), rules)

    def see(self, frame: Frame, found: Detections) -> None:
        look = self.chain.see(frame, found)
        for observer in self.observers:
            observer.see(look)

    def lose(self, camera: str) -> None:
        for observer in self.observers:
            observer.end(camera, "camera_lost", self.clock.mono_s())
        self.chain.lose(camera)

    def stop(self) -> None:
        for camera in CAMERAS:
            for observer in self.observers:
                observer.end(camera, "shutdown", self.clock.mono_s())

    def _tell_changes(self, changes: list[Change]) -> None:
        for change in changes:
            self._put(self.writer.detection(change.step, change.size_px, "m", change.standing))

    def _tell_news(self, news: list[News]) -> None:
        for each in news:
            self._put(self.writer.news(each))

    def _put(self, draft: Draft) -> None:
        number = len(self.wires) + 1
        body = body_of(SENDER, draft, f"019cc1b0-11f0-7abc-8def-{number:012x}")
        self.wires.append(seal(body, number, historical=False, sent=draft.time))


def told_whole(wires: list[bytes]) -> bool:
    """Every message reads by the contract, and every episode is new, update..., one end."""
    phases = defaultdict[tuple[str, str], list[str]](list)
    for wire in wires:
        message = read_up(wire)
        episode = getattr(message.data, "episode", None)
        if episode is not None:
            phases[message.data.TYPE, episode].append(getattr(message.data, "phase", ""))
    for steps in phases.values():
        assert (steps[0], steps[-1]) == ("new", "end")
        assert set(steps[1:-1]) <= {"update"}
    return True


# --- what may come ---

SHARE = st.floats(-0.5, 1.5, width=32)
BOX = st.tuples(
    SHARE, SHARE, st.sampled_from((0.0, 0.02, 0.2, 0.9, 3.0)), st.floats(0.0, 1.0, width=32),
    st.integers(0, len(PATROL_CLASSES) - 1),
)  # fmt: skip
ODD = st.sampled_from((None, *NOT_A_NUMBER))
SCENE = st.tuples(
    st.just("picture"), st.sampled_from(CAMERAS), st.sampled_from(SIZES[:1] * 6 + SIZES),
    st.lists(BOX, max_size=6), st.integers(0, 255), ODD,
)  # fmt: skip
ANGLE = st.sampled_from((0.0, 1.0, 30.0, 180.0, 359.9, float("nan")))
FIX = st.tuples(
    st.just("fix"), st.sampled_from((35.4, 35.4001, 0.0, 89.9999, -90.0)),
    st.sampled_from((116.6, 116.6001, 180.0, -180.0)), st.sampled_from((None, 0.0, 5.0, 300.0)),
    ANGLE, st.sampled_from((None, 0.0, 1.0, 1e4)),
)  # fmt: skip
TILT = st.tuples(st.just("tilt"), ANGLE, ANGLE, ANGLE)
LOSS = st.tuples(st.just("loss"), st.sampled_from(CAMERAS))
STEP = st.tuples(
    st.sampled_from((0.2, 0.2, 0.2, 0.2, 0.2, 0.0, -0.3, -60.0, 3.0, 30.0, 8000.0)),
    st.one_of(SCENE, SCENE, SCENE, SCENE, FIX, FIX, TILT, LOSS),
)


def _found(boxes: list[Any], size: tuple[int, int], odd: float | None) -> Detections:
    width, height = size
    rows = [
        (x * width, y * height, (x + side) * width, (y + side) * height)
        for x, y, side, _, _ in boxes
    ]
    if odd is not None and rows:
        rows[0] = (odd, *rows[0][1:])
    return Detections(
        np.array(rows, np.float32).reshape(-1, 4),
        np.array([box[3] for box in boxes], np.float32),
        np.array([box[4] for box in boxes], np.int64),
    )


def _act(unit: Unit, number: int, mono_s: float, event: Any) -> None:
    match event:
        case ("picture", camera, (width, height), boxes, grey, odd):
            image = np.full((height, width, 3), grey, np.uint8)
            image[:: 1 + number % 7] //= 2
            frame = Frame(camera=camera, number=number, mono_s=mono_s, image=image)
            unit.see(frame, _found(boxes, (width, height), odd))
        case ("fix", lat_deg, lon_deg, speed_mps, course_deg, error_m):
            epoch = GnssEpoch(
                mono_s=mono_s, utc=datetime(2026, 11, 27, tzinfo=UTC), fix=FixKind.FIX_3D,
                lat_deg=lat_deg, lon_deg=lon_deg, speed_mps=speed_mps,
                course_deg=None if math.isnan(course_deg) else course_deg, error_m=error_m,
            )  # fmt: skip
            if unit.whereabouts.note("top", epoch):
                unit.poses.note_gnss(epoch)
        case ("tilt", pitch_deg, roll_deg, heading_deg):
            tilt = Attitude(
                mono_s=mono_s, pitch_deg=pitch_deg, roll_deg=roll_deg, heading_deg=heading_deg
            )
            unit.poses.note_attitude(tilt)
        case ("loss", camera):
            unit.lose(camera)


@pytest.mark.parametrize("lat_deg", [35.4, 89.99999, -90.0])
@pytest.mark.parametrize("lon_deg", [116.6, 180.0, -179.99999])
def test_somebody_is_told_of_with_a_place_that_can_be_or_with_the_reason(
    lat_deg: float, lon_deg: float
) -> None:
    """At the date line, too; and by a receiver that says it were at a pole."""
    unit = Unit()
    person = (0.4, 0.4, 0.3, 0.9, 0)
    for number in range(40):
        unit.clock.advance(0.2)
        now_s = unit.clock.mono_s()
        if number % 5 == 0:
            _act(unit, number, now_s, ("fix", lat_deg, lon_deg, 0.0, 0.0, 1.0))
        _act(unit, number, now_s, ("picture", "front", (160, 120), [person], 90, None))
    unit.stop()

    assert told_whole(unit.wires)
    events = [read_up(wire).data for wire in unit.wires]
    (last,) = [one for one in events if isinstance(one, DetectionEvent) and one.phase == "end"]
    if abs(lat_deg) > 89:
        assert last.place_missing == "bad_pose"
    else:
        assert last.place is not None
        assert abs(last.place.lat_deg - lat_deg) < 1e-3
        assert abs((last.place.lon_deg - lon_deg + 180) % 360 - 180) < 1e-3


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, max_size=60))
def test_whatever_comes_is_told_by_the_contract_and_to_its_end(steps: list[Any]) -> None:
    unit = Unit()
    for number, (step_s, event) in enumerate(steps):
        unit.clock.advance(step_s)
        _act(unit, number, unit.clock.mono_s(), event)
    unit.stop()

    assert told_whole(unit.wires)
