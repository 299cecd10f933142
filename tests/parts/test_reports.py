"""A report must never end the unit: whatever the parts say, state and health can be written."""

import json
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import structlog

from config.loading import load
from config.models import LoggingConfig
from drivers.samples import Attitude, FixKind, GnssEpoch
from edge.app import App
from edge.positioning.whereabouts import Whereabouts
from edge.reporting.fault_list import FaultList
from edge.reporting.finding import Finding
from edge.reporting.health import HealthDesk
from edge.reporting.messages import MessageWriter
from edge.reporting.snapshot import StateDesk, state_of
from edge.running import log
from edge.running.driver_loop import DriverHealth
from edge.seeing.episodes import Standing
from edge.timebase import Timebase
from perception.episodes import EpisodeChange
from perception.place.frame import LocalFrame
from perception.place.placed import GroundPoint, Unplaced, WorldTrack
from telemetry.contract.envelope import Sender, body_of, read_up, seal
from telemetry.contract.events import DetectionEvent
from telemetry.contract.places import GroundMotion
from telemetry.contract.unit import Health
from tests.e2e.unit_process import write_unit_file
from tests.fakes import ManualClock

LONG = "x" * 140


def app_with(folder: Path, **sections: object) -> App:
    return App(load(write_unit_file(folder, "mqtt://127.0.0.1:1", **sections), {}))


def on_the_wire(draft) -> object:  # type: ignore[no-untyped-def]
    body = body_of(
        Sender(unit="car-07", boot_id="b"), draft, "01890a5d-ac96-774b-bcce-b302099a8057"
    )
    return read_up(seal(body, 1, historical=False, sent=draft.time)).data


def test_long_names_and_full_errors_go_out_cut(tmp_path: Path) -> None:
    app = app_with(
        tmp_path,
        perception={"model": f"/models/{LONG}.onnx"},
        gnss={"main": {"kind": "serial", "port": f"/dev/serial/by-id/{LONG}"}},
        cameras={"front": {"kind": "file", "path": f"/srv/{LONG}.mp4"}},
    )
    parts = app.parts
    for health in (parts.receivers["main"].health, parts.cameras["front"]):
        health.last_error = "no such thing: " + LONG * 10
    assert parts.vision is not None
    parts.vision.model_error = LONG * 10

    draft = HealthDesk(parts).due()
    assert draft is not None
    codes = {fault.code for fault in draft.data.faults}  # type: ignore[attr-defined]
    assert {"gnss_missing", "camera_missing", "model_refused"} <= codes
    heard = on_the_wire(draft)
    assert isinstance(heard, Health)
    assert {fault.code for fault in heard.faults} == codes
    assert state_of(parts).components[-1].name.startswith("xxx")


def test_poses_that_were_refused_are_in_the_report_by_cause(tmp_path: Path) -> None:
    app = app_with(tmp_path, perception={"enabled": False})
    app.parts.settings.state_dir.mkdir(parents=True, exist_ok=True)  # as the outbox does
    app.parts.poses.note_attitude(Attitude(mono_s=1.0, pitch_deg=float("nan")))
    draft = HealthDesk(app.parts).due()
    assert draft is not None
    heard = on_the_wire(draft)
    assert isinstance(heard, Health)
    assert heard.drops["pose.not_finite"] == 1


def test_the_state_is_told_again_only_when_it_changed(tmp_path: Path) -> None:
    app = app_with(tmp_path, gnss={"main": {"kind": "udp"}}, perception={"enabled": False})
    desk = StateDesk(app.parts)
    assert desk.due() is None, "the first goes out at the birth of the connection"
    assert desk.due() is None
    app.parts.receivers["main"].health.last_error = "gone"
    draft = desk.due()
    assert draft is not None
    assert draft.data.components[0].state == "failed"  # type: ignore[attr-defined]
    assert desk.due() is None


def test_a_used_budget_is_in_the_report_with_its_figures(tmp_path: Path) -> None:
    app = app_with(tmp_path, perception={"enabled": False}, delivery={"daily_mib": 2.5})
    app.parts.settings.state_dir.mkdir(parents=True, exist_ok=True)  # as the outbox does
    meter = app.parts.publisher._meter
    assert not meter.holding_back
    meter.count(3 * 1024 * 1024)
    draft = HealthDesk(app.parts).due()
    assert draft is not None
    heard = on_the_wire(draft)
    assert isinstance(heard, Health)
    assert heard.budget is not None
    assert (heard.budget.limit_mib, heard.budget.holding_back) == (2.5, True)
    assert heard.budget.used_mib == pytest.approx(3.0, abs=0.01)
    (fault,) = [fault for fault in heard.faults if fault.code == "link_budget_used"]
    assert "2.5 MiB" in fault.text
    meter.save()
    again = app_with(tmp_path, perception={"enabled": False}, delivery={"daily_mib": 2.5})
    assert again.parts.publisher._meter.holding_back


def test_a_value_that_trembles_at_its_limit_is_one_fault_not_many() -> None:
    clock, faults = ManualClock(), FaultList()
    hot = Finding(code="too_hot", severity="warning", component="cpu", text="85", action="fan")
    changes = 0
    for second in range(60):
        found = [hot] if second % 2 == 0 and second < 40 else []
        _, changed = faults.update(found, clock.utc(), clock.mono_s())
        changes += changed
        clock.advance(1.0)
    assert changes == 2, "it came, and it went"


def test_since_is_when_a_fault_came_and_the_worst_comes_first() -> None:
    clock, faults = ManualClock(), FaultList()
    warm = Finding(code="too_hot", severity="warning", component="cpu", text="85", action="fan")
    first, _ = faults.update([warm], clock.utc(), clock.mono_s())
    clock.advance(10.0)
    worse = replace(warm, code="disk_low", severity="error")
    both, _ = faults.update([warm, worse], clock.utc(), clock.mono_s())

    assert [fault.code for fault in both] == ["disk_low", "too_hot"]
    assert both[1].since == first[0].since < both[0].since


def test_health_is_read_while_a_driver_counts() -> None:
    health = DriverHealth("main", "gnss")
    stop, errors = threading.Event(), []

    def count() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            health.counters = health.counters + type(health.counters)({f"cause{number % 50}": 1})

    worker = threading.Thread(target=count)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    worker.start()
    try:
        for _ in range(20_000):
            health.drops()
    except RuntimeError as error:
        errors.append(error)
    finally:
        stop.set()
        worker.join()
        sys.setswitchinterval(before)
    assert errors == []


def change(step: str, **changes: object) -> EpisodeChange:
    values: dict[str, object] = {
        "change": step, "camera": "front", "track_id": 7, "label": "person", "confidence": 0.9,
        "best_confidence": 0.9, "box": (0.0, 0.0, 1.0, 1.0), "first_seen_mono_s": 990.0,
        "last_seen_mono_s": 999.0, "reason": "left" if step == "end" else None,
    }  # fmt: skip
    return EpisodeChange(**(values | changes))  # type: ignore[arg-type]


def test_an_episode_keeps_its_id_from_new_to_end_and_carries_the_pose() -> None:
    clock = ManualClock()
    where = Whereabouts(["main"], 5.0)
    writer = MessageWriter(Timebase(clock, ["main"], True), where, has_receiver=True)
    blind = writer.detection(change("new"), (640, 480), "nanodet-g-416")
    where.note(
        "main",
        GnssEpoch(
            mono_s=998.0, utc=None, fix=FixKind.FIX_3D, lat_deg=35.4, lon_deg=116.6,
            speed_mps=3.0, course_deg=360.0,
        ),
    )  # fmt: skip
    seen = writer.detection(change("update"), (640, 480), "nanodet-g-416")
    over = writer.detection(change("end"), (640, 480), LONG)

    assert blind.data.pose_missing == "no_fix"  # type: ignore[attr-defined]
    assert seen.data.pose.age_ms == 1000  # type: ignore[attr-defined]
    assert len({draft.data.episode for draft in (blind, seen, over)}) == 1  # type: ignore[attr-defined]
    assert isinstance(on_the_wire(over), DetectionEvent)
    again = writer.detection(change("new"), (640, 480), "m")
    assert again.data.episode != blind.data.episode  # type: ignore[attr-defined]


def test_a_placed_detection_reaches_the_wire_with_its_error_and_motion() -> None:
    clock = ManualClock()
    writer = MessageWriter(
        Timebase(clock, ["main"], True), Whereabouts(["main"], 5.0), has_receiver=True
    )
    track = WorldTrack(
        track_id=7, camera="front", label="person", score=0.9, box=(0, 0, 1, 1), mono_s=999.0,
        seen=True, age_s=2.0, unplaced=None,
        point=GroundPoint(30.0, -40.0, np.diag((4.0, 1.0))),
        velocity_mps=(-1.2, 0.0), velocity_covariance=np.diag((0.04, 0.01)),
    )  # fmt: skip
    frame = LocalFrame.at(54.1, 12.1)
    told = on_the_wire(writer.detection(change("new"), (640, 480), "m", Standing(track, frame)))
    lost = replace(track, point=None, unplaced=Unplaced.NEAR_HORIZON, velocity_mps=None)
    after = on_the_wire(writer.detection(change("end"), (640, 480), "m", Standing(lost, frame)))

    assert isinstance(told, DetectionEvent)
    assert told.place is not None
    at = frame.to_metres(told.place.lat_deg, told.place.lon_deg)
    assert at == pytest.approx((30.0, -40.0), abs=0.02)
    assert (told.place.error.major_m, told.place.error.minor_m) == (4.9, 2.45)
    assert told.place.error.bearing_deg == 90.0
    assert told.motion == GroundMotion(speed_mps=1.2, speed_error_mps=0.2, course_deg=270.0)
    assert isinstance(after, DetectionEvent)
    assert (after.place, after.motion, after.place_missing) == (None, None, "near_horizon")


def break_with(password: str) -> None:
    raise RuntimeError(f"broken with {len(password)} letters")


def test_a_crash_is_logged_without_the_values_of_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.set_up(LoggingConfig(format="json"), sys.stderr)
    try:
        break_with("hunter2-in-a-local")
    except RuntimeError:
        structlog.get_logger().exception("worker_crashed")
    finally:
        structlog.reset_defaults()
    line = json.loads(capsys.readouterr().err.strip().splitlines()[-1])
    assert line["event"] == "worker_crashed"
    assert "RuntimeError" in json.dumps(line)
    assert "hunter2" not in json.dumps(line)
