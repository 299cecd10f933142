"""`patrol-edge doctor` as a technician runs it: exit codes, JSON, groups, beside a running unit."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from edge.cli.main import main
from edge.doctor import examination
from edge.doctor.case import Case
from edge.doctor.line import Line, ok
from tests.broker import MOSQUITTO, Broker
from tests.e2e.unit_process import CLI, write_unit_file
from tests.examined import Examined, states
from tests.pulled_plugs import plugs
from tests.sensor_tree import SensorTree
from tests.unit_under_test import wait_for


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """The command sets the log up for a stderr that ends with the test; others did so, too."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


def doctor(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLI, "doctor", *words], capture_output=True, text=True, timeout=120, check=False
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_well_is_0_a_fault_is_1_wrong_usage_is_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = SensorTree(tmp_path / "computer")
    battery = {"main": {"kind": "battery", "supply": "BAT0", "every_s": 0.1}}
    unit_file = write_unit_file(tmp_path, "mqtt://127.0.0.1:1", sensors=battery)
    words = ["doctor", "--config", str(unit_file), "--only", "sensors,power"]
    words += ["--sys", str(tree.sys)]
    tree.battery()
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "POWER" in out
    assert "battery 80 %" in out
    assert "OK: no fault in what was asked" in out, "it is not the whole unit"
    tree.battery(capacity=5)
    assert main(words) == 0, "it works, and somebody should see to it"
    out = capsys.readouterr().out
    assert "WARN   main" in out
    assert "[battery_low]" in out
    assert "→ charge it" in out
    assert "2 warnings: no fault" in out
    battery["main"]["supply"] = "BAT7"
    write_unit_file(tmp_path, "mqtt://127.0.0.1:1", sensors=battery)
    assert main(words) == 1
    out = capsys.readouterr().out
    assert "[sensor_missing]" in out
    assert "docs/troubleshooting.md" in out

    assert main(["doctor", "--config", str(unit_file), "--only", "gps"]) == 2
    assert "there are: power, clock" in capsys.readouterr().err
    assert main(["doctor", "--config", str(unit_file), "--exercise"]) == 2
    unit_file.write_text("unit: {id: x")
    assert main(["doctor", "--config", str(unit_file)]) == 2


def test_json_for_machines(tmp_path: Path) -> None:
    unit_file = write_unit_file(tmp_path, "mqtt://127.0.0.1:1")
    done = doctor("--config", str(unit_file), "--only", "broker,modules", "--json")
    assert done.returncode == 1
    found = told(done)
    assert (found["ok"], found["unit"], found["running"]) == (False, "car-07", False)
    broken = next(line for line in found["lines"] if line["name"] == "TCP")
    assert broken["state"] == "fault"
    assert broken["help"] == "docs/troubleshooting.md#broker_closed"
    assert broken["cure"]


def test_beside_a_running_unit_nothing_is_opened_twice(tmp_path: Path) -> None:
    with plugs(tmp_path) as unit:
        assert wait_for(lambda: len(unit.app.parts.roll_call.present) == 2, 15.0)
        assert wait_for(lambda: unit.app.parts.local.path.exists())
        requests = len(unit.camera.requests)
        words = ["--config", str(tmp_path / "unit.yaml"), "--only", "gnss,cameras,modules"]
        found = told(doctor(*words, "--json"))
        assert found["running"]
        lines = {line["name"]: line for line in found["lines"] if line["group"] != "modules"}
        assert lines["main"]["state"] == "ok"
        assert "satellites" in lines["main"]["text"]
        assert all("asked the running unit" in line["text"] for line in lines.values())
        assert len(unit.camera.requests) == requests, "the camera was not opened a second time"
        required = {line["name"]: line["text"] for line in found["lines"]}
        assert required["gnss"] == "1 of 1 there"

        unit.camera.vanish()
        assert wait_for(lambda: "camera_missing" in states_of(words), 20.0)


def test_a_running_unit_shows_its_sky_and_says_why_there_is_no_picture(tmp_path: Path) -> None:
    with plugs(tmp_path) as unit:
        assert wait_for(lambda: len(unit.app.parts.roll_call.present) == 2, 15.0)
        assert wait_for(lambda: unit.app.parts.local.path.exists())
        out = tmp_path / "page.html"
        words = ["--config", str(tmp_path / "unit.yaml"), "--only", "gnss,cameras"]
        assert wait_for(lambda: unit.app.parts.receivers["main"].watch.sky is not None)
        found = told(doctor(*words, "--json", "--html", str(out)))
    main_line = next(line for line in found["lines"] if line["name"] == "main")
    assert len(main_line["sky"]) >= 4
    assert {"name", "elevation_deg", "azimuth_deg", "cn0_dbhz", "used"} <= set(main_line["sky"][0])
    page = out.read_text()
    assert "<svg" in page
    assert "no picture: " in page


def test_lights_shine_through_the_running_unit_and_its_rules(tmp_path: Path) -> None:
    lamp = {"kind": "light", "via": {"kind": "simulated"}}
    with plugs(tmp_path, actuators={"lamp": lamp}) as unit:
        assert wait_for(lambda: "actuator.lamp" in unit.app.parts.roll_call.present, 15.0)
        assert wait_for(lambda: unit.app.parts.local.path.exists())
        words = ["--config", str(tmp_path / "unit.yaml"), "--only", "actuators", "--json"]
        lines = told(doctor(*words))["lines"]
        assert [line["name"] for line in lines] == ["lamp"], "only when it is asked for"
        lines = told(doctor(*words, "--exercise", "--yes"))["lines"]
        assert {line["name"]: line["state"] for line in lines} == {
            "lamp": "ok",
            "light on, off": "ok",
        }
        assert [state.on for state in unit.app.parts.acting.states()] == [False]


def states_of(words: list[str]) -> set[str]:
    return {line["code"] for line in told(doctor(*words, "--json"))["lines"] if line["code"]}


def test_faults_of_the_unit_that_no_line_tells_have_a_group_of_their_own(tmp_path: Path) -> None:
    odd = {"code": "hotlist_expired", "component": "plates", "text": "it is old", "action": "a"}
    known = {"code": "gnss_no_fix", "component": "main", "text": "no fix", "action": "wait"}
    examined = Examined(tmp_path, facts={"faults": [odd, known]})
    serial = {"gnss": {"main": {"kind": "tcp", "host": "127.0.0.1"}}}
    case = examined.case(perception={"enabled": False}, **serial)
    lines = list(examination.examine(case, list(examination.GROUPS)))
    unit = [line for line in lines if line.group == "unit"]
    assert [line.code for line in unit] == ["hotlist_expired"]
    assert [line.code for line in lines if line.group == "gnss"] == ["gnss_no_fix"]


def test_a_part_that_hangs_and_one_that_fails_cost_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(_case: Case) -> list[Line]:
        time.sleep(30)
        return []

    def fail(_case: Case) -> list[Line]:
        raise ZeroDivisionError("a mistake of ours")

    groups = {"power": hang, "clock": fail, "disk": lambda _case: [ok("room", "enough")]}
    monkeypatch.setattr(examination, "GROUPS", groups)
    waited: list[str] = []
    case = replace(Examined(tmp_path).case(), limit_s=1.0)
    began_s = time.monotonic()
    with structlog.testing.capture_logs() as logged:
        lines = list(examination.examine(case, list(groups), waited.extend))
    assert time.monotonic() - began_s < 5
    assert [entry["event"] for entry in logged] == ["worker_crashed"]
    assert states(lines) == {"power": "doctor_no_answer", "clock": "doctor_failed", "room": "ok"}
    assert "power" in waited


@pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto")
def test_watching_looks_again_and_again_until_it_is_stopped(tmp_path: Path) -> None:
    import signal

    with Broker() as broker:
        unit_file = write_unit_file(tmp_path, broker.url)
        words = ["doctor", "--config", str(unit_file), "--only", "broker", "--watch", "1", "--json"]
        with subprocess.Popen([*CLI, *words], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                rounds = [json.loads(process.stdout.readline()) for _ in range(2)]
                process.send_signal(signal.SIGINT)
                process.wait(20)
            finally:
                process.kill()
    assert [one["ok"] for one in rounds] == [True, True]


def test_a_state_folder_whose_unit_does_not_answer(tmp_path: Path) -> None:
    """Another program listens on its socket."""
    import socket

    from edge.local.unix_socket import socket_paths

    state = tmp_path / "state"
    state.mkdir()
    unit_file = write_unit_file(tmp_path, "mqtt://127.0.0.1:1")
    path = socket_paths(state)[0]
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        done = doctor("--config", str(unit_file), "--only", "clock")
    assert done.returncode == 1
    assert "gives no answer" in done.stderr


def test_many_cameras_that_are_gone_take_no_longer_than_one(tmp_path: Path) -> None:
    gone = {
        f"camera_{n}": {"kind": "stream", "url": f"http://127.0.0.1:{n + 1}/x"} for n in range(12)
    }
    case = Examined(tmp_path).case(cameras=gone)
    began_s = time.monotonic()
    lines = list(examination.examine(case, ["cameras"]))
    assert [line.code for line in lines] == ["camera_missing"] * 12
    assert [line.name for line in lines] == sorted(gone), "in the order of the file"
    assert time.monotonic() - began_s < 20
