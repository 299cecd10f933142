"""What of a new configuration can be changed while the unit runs, and what of it exchanges."""

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.models import Settings
from drivers.clock import SystemClock
from edge.flashing.trial.affected import Affected, affected, differing
from edge.running.exchange import Exchangeable
from edge.running.worker import Worker
from tests.unit_under_test import wait_for

BASE: dict[str, Any] = {
    "unit": {"id": "car-07", "kind": "patrol_car"},
    "gnss": {"main": {"kind": "serial", "port": "/dev/ttyUSB0"}},
    "cameras": {
        "front": {"kind": "stream", "url": "rtsp://192.168.1.20/a"},
        "rear": {"kind": "v4l2", "device": "/dev/video0"},
    },
}


def of(**changes: Any) -> Settings:
    content = BASE | {
        section: (BASE.get(section, {}) | change) if isinstance(change, dict) else change
        for section, change in changes.items()
    }
    return Settings.model_validate(content)


def camera(**changes: Any) -> dict[str, Any]:
    return {"front": {"kind": "stream", "url": "rtsp://192.168.1.20/a"} | changes}


def test_nothing_changed_nothing_is_done() -> None:
    assert affected(of(), of()) == Affected()


@pytest.mark.parametrize(
    ("changes", "ways"),
    [
        ({"logging": {"level": "debug"}}, {"logging"}),
        ({"position": {"patrol_every_s": 2}}, {"tuning"}),
        ({"health": {"every_s": 5}}, {"tuning"}),
        ({"modes": {"fair": {"patrol_every_s": 1}}}, {"tuning"}),
        ({"flash": {"trial_s": 20}}, {"flash"}),
        ({"gnss": {"main": {"kind": "tcp", "host": "router"}}}, {"receiver"}),
        ({"cameras": camera(url="rtsp://192.168.1.21/a")}, {"camera"}),
        (
            {"cameras": camera(transport="udp"), "logging": {"level": "error"}},
            {"camera", "logging"},
        ),
    ],
)
def test_what_can_be_changed_while_it_runs(changes: dict[str, Any], ways: set[str]) -> None:
    found = affected(of(), of(**changes))
    assert found.live
    assert found.ways == ways
    assert found.receivers == (("main",) if "receiver" in ways else ())
    assert found.cameras == (("front",) if "camera" in ways else ())


@pytest.mark.parametrize(
    "changes",
    [
        {"logging": {"format": "json"}},
        {"position": {"lost_after_s": 9}},
        {"gnss": {"second": {"kind": "tcp", "host": "router"}}},
        {"gnss": {"main": {"kind": "replay", "path": "/a.nmea"}}},
        {"cameras": camera(detect=False)},
        {"cameras": camera(region=[0, 0, 1, 0.5])},
        {"cameras": {"front": {"kind": "v4l2", "device": "/dev/video1"}}},
        {"cameras": {"left": {"kind": "v4l2", "device": "/dev/video1"}}},
        {"hub": {"url": "mqtt://elsewhere"}},
        {"security": {"commands": "unsigned"}},
        {"perception": {"max_fps": 3}},
        {"state_dir": Path("/elsewhere")},
    ],
)
def test_what_needs_a_new_start(changes: dict[str, Any]) -> None:
    assert not affected(of(), of(**changes)).live


TREES = st.recursive(
    st.integers(0, 3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=9,
)


@given(TREES, TREES)
def test_differences_are_complete(before: Any, after: Any) -> None:
    assert (list(differing(before, after)) == []) == (before == after)


def test_a_work_goes_on_with_the_other_configuration_in_the_same_worker() -> None:
    seen: list[str] = []
    stop = threading.Event()

    def run(config: str, beat: Any, until: threading.Event) -> None:
        seen.append(config)
        while not until.wait(0.05):
            beat()

    work = Exchangeable("first", run)
    worker = Worker(
        "gnss.main", lambda beat: work.work(beat, stop), stop, SystemClock(), essential=True
    )
    worker.start()
    assert wait_for(lambda: seen == ["first"])
    work.exchange("second")
    assert wait_for(lambda: seen == ["first", "second"])
    stop.set()
    assert worker.join(2)
    assert worker.crashes == 0


def test_a_work_that_ends_by_itself_is_over() -> None:
    seen: list[str] = []
    work = Exchangeable("only", lambda config, _beat, _stop: seen.append(config))
    work.work(lambda: None, threading.Event())
    assert seen == ["only"]
