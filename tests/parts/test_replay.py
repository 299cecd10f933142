"""`patrol-edge replay`: the same recording gives the same events, byte for byte."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edge.cli.main import main
from edge.replay.recording import RecordingError, attitudes, read_recording
from telemetry.contract.alerts import AlertEvent
from telemetry.contract.envelope import read_up
from telemetry.contract.events import DetectionEvent
from tests.clips import street_clip
from tests.recordings import LAT_DEG, LON_DEG, write_recording


def replayed(folder: Path, out: Path) -> list[Any]:
    assert main(["replay", str(folder), "-o", str(out)]) == 0
    return [read_up(line) for line in out.read_bytes().splitlines()]


def test_somebody_who_walks_into_the_yard_is_one_alert_at_the_right_place(tmp_path: Path) -> None:
    found = replayed(write_recording(tmp_path / "rec"), tmp_path / "a.jsonl")

    alerts = [one.data for one in found if isinstance(one.data, AlertEvent)]
    assert [alert.phase for alert in alerts] == ["new", "end"]
    assert alerts[0].zone == "yard"
    assert alerts[0].place is not None
    east_m = (alerts[0].place.lon_deg - LON_DEG) * 65_400
    north_m = (alerts[0].place.lat_deg - LAT_DEG) * 111_300
    assert 0 < east_m < 3, "just inside, after the second that it must last"
    assert north_m == pytest.approx(12, abs=1.0)
    seen = [one.data for one in found if isinstance(one.data, DetectionEvent)]
    assert seen[0].phase == "new"
    assert seen[-1].phase == "end"
    assert all(one.envelope.timequality == "gnss" for one in found)
    numbers = [one.envelope.sequence for one in found]
    assert numbers == [str(number) for number in range(1, len(found) + 1)]


def test_twice_the_same_bytes(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "rec")
    replayed(folder, tmp_path / "a.jsonl")
    replayed(folder, tmp_path / "b.jsonl")

    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert (tmp_path / "a.jsonl").stat().st_size > 1000


def test_a_real_clip_through_the_real_model_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    clip = street_clip()
    (folder / "unit.yaml").write_text(
        yaml.safe_dump(
            {
                "unit": {"id": "car-07", "kind": "patrol_car"},
                "cameras": {"front": {"kind": "file", "path": str(clip)}},
                "perception": {"max_fps": 3},
            }
        )
    )
    (folder / "recording.yaml").write_text(
        "version: 1\nunit: unit.yaml\nbegins: 2026-11-27T08:00:00Z\n"
        f"cameras: {{front: {{pictures: {clip}}}}}\n"
    )
    first = replayed(folder, tmp_path / "a.jsonl")
    replayed(folder, tmp_path / "b.jsonl")

    assert any(one.data.label == "person" for one in first)
    assert all(one.data.pose_missing == "no_receiver" for one in first)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_the_summary_counts_what_became_of_the_pictures(tmp_path: Path, capsys: Any) -> None:
    folder = write_recording(tmp_path / "rec", seconds=4, perception={"max_fps": 5})
    assert main(["replay", str(folder), "--json"]) == 0
    facts = json.loads(capsys.readouterr().err.splitlines()[-1])

    assert facts["looked_at"] + facts["dropped"]["not_its_turn"] == facts["pictures"]
    assert facts["looked_at"] == pytest.approx(20, abs=1)
    assert facts["positions"] == 5


def test_a_camera_that_is_looked_at_less_often_is_so_in_a_replay(
    tmp_path: Path, capsys: Any
) -> None:
    folder = write_recording(tmp_path / "rec", seconds=4)
    unit = yaml.safe_load((folder / "unit.yaml").read_text())
    unit["cameras"]["front"]["detect_fps"] = 2
    (folder / "unit.yaml").write_text(yaml.safe_dump(unit))

    assert main(["replay", str(folder), "--json"]) == 0

    facts = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert facts["looked_at"] == pytest.approx(8, abs=1)


def test_a_replay_neither_reads_nor_writes_what_the_unit_remembers(tmp_path: Path) -> None:
    """Else the second run would find the first one's vehicles, and the unit those of a replay."""
    state = tmp_path / "state"
    state.mkdir()
    rule = {"kind": "illegal_parking", "zones": ["yard"], "labels": ["person"], "look_s": 1}
    folder = write_recording(tmp_path / "rec", 8, rules={"kerb": rule}, state_dir=str(state))
    boxes = (folder / "det.txt").read_text().splitlines()
    box = boxes[-1].partition(",")[2]
    stands = [f"{line.partition(',')[0]},{box}\n" for line in boxes]
    (folder / "det.txt").write_text("".join(stands))

    first = replayed(folder, tmp_path / "a.jsonl")
    replayed(folder, tmp_path / "b.jsonl")

    assert any(isinstance(one.data, AlertEvent) for one in first)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert list(state.iterdir()) == []


def test_a_gap_in_the_pictures_ends_what_was_seen(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "rec", seconds=4)
    described = yaml.safe_load((folder / "recording.yaml").read_text())
    later = dict(described["cameras"]["front"], starts_s=20.0)
    described["cameras"]["rear"] = later
    (folder / "recording.yaml").write_text(yaml.safe_dump(described))
    unit = yaml.safe_load((folder / "unit.yaml").read_text())
    unit["cameras"]["rear"] = deepcopy(unit["cameras"]["front"])
    (folder / "unit.yaml").write_text(yaml.safe_dump(unit))
    found = replayed(folder, tmp_path / "a.jsonl")

    ends = {
        one.data.camera: one.data.reason
        for one in found
        if isinstance(one.data, DetectionEvent) and one.data.phase == "end"
    }
    assert ends == {"front": "camera_lost", "rear": "shutdown"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no keys"),
        ("version: 1\n", "unit is missing"),
        ("version: 2\nunit: a\nbegins: 2026-01-01T00:00:00Z\ncameras: {a: {}}", "version"),
        ("version: 1\nunit: a\nbegins: 2026-01-01\ncameras: {a: {}}", "begins"),
        ("version: 1\nunit: a\nbegins: 2026-01-01T00:00:00Z\ncameras: {}", "cameras"),
        ("[" * 5000, "no YAML"),
        ("\x00", "no YAML"),
    ],
)
def test_a_wrong_description_is_told_by_field(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "recording.yaml").write_text(text)
    with pytest.raises(RecordingError, match=told):
        read_recording(tmp_path)


def test_what_a_user_may_get_wrong_is_told_with_the_place(tmp_path: Path, capsys: Any) -> None:
    assert main(["replay", str(tmp_path / "nothing")]) == 2
    assert "a recording is a folder with recording.yaml" in capsys.readouterr().err
    folder = write_recording(tmp_path / "rec", seconds=2)
    for name, content, told in (
        ("attitude.csv", "mono_s,pitch\n0,1\n", "attitude.csv:1: the columns are mono_s"),
        ("attitude.csv", "mono_s,pitch_deg\n0,x\n", "attitude.csv:2: pitch_deg is 'x'"),
        ("attitude.csv", "mono_s,pitch_deg\n0,nan\n", "attitude.csv:2: pitch_deg is nan"),
        ("det.txt", "1,2,3\n", "det.txt:1: 3 columns"),
    ):
        before = (folder / name).read_text()
        (folder / name).write_text(content)
        assert main(["replay", str(folder)]) == 2
        assert told in capsys.readouterr().err
        (folder / name).write_text(before)
    described = yaml.safe_load((folder / "recording.yaml").read_text())
    described["cameras"]["side"] = deepcopy(described["cameras"]["front"])
    (folder / "recording.yaml").write_text(yaml.safe_dump(described))
    assert main(["replay", str(folder)]) == 2
    assert "has no camera side" in capsys.readouterr().err


@given(content=st.text(max_size=300))
def test_any_text_as_poses_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: str
) -> None:
    path = tmp_path_factory.mktemp("poses") / "attitude.csv"
    path.write_bytes(("mono_s,pitch_deg\n" + content).encode("utf-8", "surrogatepass"))
    try:
        found = list(attitudes(path))
    except RecordingError:
        return
    assert all(abs(one.mono_s) <= 1e6 for one in found)
