"""The layers: which one wins, where each value is from, and what the environment may set."""

import dataclasses
import json
from pathlib import Path

import pytest

from config.devices import TcpGnssConfig
from config.errors import ConfigError
from config.layers import profile
from config.loading import Loaded, load
from config.models import Settings
from config.nodes import leaves, plain

GOOD = Path(__file__).parents[1] / "data" / "config" / "good.yaml"
LEAST = "unit:\n  id: dog-01\n  kind: robot_dog\n"
KINDS = ("robot_dog", "drone", "patrol_car")


def loaded(tmp_path: Path, text: str, **environ: str) -> Loaded:
    file = tmp_path / "unit.yaml"
    file.write_text(text)
    return load(file, {f"PATROL_EDGE__{name}": value for name, value in environ.items()})


def problems(tmp_path: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, **environ)
    return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]


def test_a_file_with_the_unit_alone_is_enough(tmp_path: Path) -> None:
    result = loaded(tmp_path, LEAST)
    assert result.settings.unit.id == "dog-01"
    assert result.settings.hub == Settings.model_fields["hub"].default


@pytest.mark.parametrize("kind", KINDS)
def test_every_profile_is_right_and_changes_something(tmp_path: Path, kind: str) -> None:
    document = profile(kind)
    assert document.problems == ()
    assert document.root is not None
    parts = {
        "gnss": {"main": {"kind": "gpsd"}},
        "platforms": {"carrier": {"kind": "mavlink", "port": "/dev/ttyACM0"}},
    }
    whole = {"unit": {"id": "x", "kind": kind}} | parts
    text = json.dumps(whole)
    result = loaded(tmp_path, text)
    unprofiled = Settings.model_validate(whole)
    assert result.settings != unprofiled
    assert all(place.layer in ("profile", "unit file") for place in result.origins.values())
    # Each of its values arrives: none is misspelt into something that nothing reads.
    flat = _flat(result.settings.model_dump())
    for path, node in leaves(document.root):
        name = next(iter(parts.get(str(path[0]), {"": 0})))
        key = ".".join(name if part == "*" else str(part) for part in path)
        told = flat[key]
        assert (list(told) if isinstance(told, tuple) else told) == plain(node), key


def _flat(data: dict[str, object], path: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in data.items():
        flat |= _flat(value, f"{path}{key}.") if isinstance(value, dict) else {path + key: value}
    return flat


def test_the_order_of_layers_is_default_profile_file_environment(tmp_path: Path) -> None:
    text = LEAST + "perception:\n  max_fps: 6\n"
    from_profile = loaded(tmp_path, LEAST)
    from_file = loaded(tmp_path, text)
    from_environment = loaded(tmp_path, text, PERCEPTION__MAX_FPS="4")
    assert Settings.model_fields["perception"].default.max_fps == 10
    assert from_profile.settings.perception.max_fps == 8
    assert from_file.settings.perception.max_fps == 6
    assert from_environment.settings.perception.max_fps == 4
    places = [
        result.origins["perception.max_fps"]
        for result in (from_profile, from_file, from_environment)
    ]
    assert [place.layer for place in places] == ["profile", "unit file", "environment"]
    assert (places[1].line, places[1].column) == (5, 12)
    assert places[2].source == "PATROL_EDGE__PERCEPTION__MAX_FPS"
    assert "perception.threads" not in from_file.origins


def test_sections_merge_and_lists_replace(tmp_path: Path) -> None:
    text = LEAST + "perception:\n  providers: [cuda, cpu]\n  tracker: {confirm_hits: 9}\n"
    result = loaded(tmp_path, text, PERCEPTION__PROVIDERS="openvino")
    assert result.settings.perception.providers == ("openvino",)
    assert result.settings.perception.tracker.confirm_hits == 9
    assert result.settings.perception.tracker.lost_after_s == 4.0  # the profile's


def test_a_device_of_another_kind_is_another_device(tmp_path: Path) -> None:
    text = LEAST + "gnss:\n  main: {kind: serial, port: /dev/x, baud: 9600}\n"
    both = {"GNSS__MAIN__KIND": "tcp", "GNSS__MAIN__HOST": "box"}
    result = loaded(tmp_path, text, **both)
    assert isinstance(result.settings.gnss["main"], TcpGnssConfig)
    assert result.settings.gnss["main"].host == "box"


def test_the_kind_of_unit_may_come_from_the_environment(tmp_path: Path) -> None:
    result = loaded(tmp_path, LEAST, UNIT__KIND="drone")
    assert result.settings.unit.id == "dog-01"
    assert result.settings.position.patrol_every_s == 2.0


def test_what_a_profile_says_of_every_receiver_yields_to_the_file(tmp_path: Path) -> None:
    text = LEAST + "gnss:\n  a: {kind: gpsd}\n  b: {kind: gpsd, max_speed_mps: 5}\n"
    result = loaded(tmp_path, text)
    assert result.settings.gnss["a"].max_speed_mps == 10
    assert result.settings.gnss["b"].max_speed_mps == 5


def test_an_empty_section_is_none_at_all(tmp_path: Path) -> None:
    result = loaded(tmp_path, LEAST + "gnss:\ncameras:\nhub:\n  tls:\nperception:\n")
    assert result.settings == loaded(tmp_path, LEAST).settings


@pytest.mark.parametrize("text", ["007", "no", "22:22", "2026-11-22", "1e5", "0x10", "true", "5"])
def test_a_text_field_takes_what_was_written(tmp_path: Path, text: str) -> None:
    result = loaded(tmp_path, LEAST + f"  label: {text}\nhub: {{username: {text}}}\n")
    assert result.settings.unit.label == text
    assert result.settings.hub.username == text


def test_the_environment_is_read_the_same_way(tmp_path: Path) -> None:
    result = loaded(
        tmp_path,
        LEAST,
        UNIT__LABEL="007",
        HUB__PROTOCOL="5",
        PERCEPTION__ENABLED="false",
        PERCEPTION__PROVIDERS="cuda, cpu",
        CAMERAS__FRONT__KIND="v4l2",
        CAMERAS__FRONT__DEVICE="/dev/video0",
        CAMERAS__FRONT__FPS="12.5",
    )
    assert result.settings.unit.label == "007"
    assert result.settings.hub.protocol == "5"
    assert not result.settings.perception.enabled
    assert result.settings.perception.providers == ("cuda", "cpu")
    assert result.settings.cameras["front"].fps == 12.5  # type: ignore[union-attr]  # a v4l2 one


def test_wrong_variables_are_told_by_name(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        LEAST,
        HUB__URI="mqtt://x",
        HUB="x",
        GNSS__MAIN__BAUT="1",
        POSITION__TURN_DEG="999",
        CAMERAS__FRONT__DEVICE="/dev/video0",
        HEALTH__EVERY_S=".inf",
        UNIT__LABEL="a\nb",
    )
    assert sorted(found) == sorted(
        [
            "environment: PATROL_EDGE__HUB__URI sets nothing that exists; "
            "do you mean PATROL_EDGE__HUB__URL?",
            "environment: PATROL_EDGE__GNSS__MAIN__BAUT sets nothing that exists; "
            "do you mean PATROL_EDGE__GNSS__MAIN__BAUD?",
            "environment: health.every_s: PATROL_EDGE__HEALTH__EVERY_S: '.inf' is not finite",
            "environment: unit.label: PATROL_EDGE__UNIT__LABEL holds an invisible character; "
            "set it again",
            "environment: hub: 'x' where a section belongs; write hub: and below it, indented, "
            "url: mqtts://hub.example:8883 (set by PATROL_EDGE__HUB)",
            "environment: position.turn_deg: '999' is out of range; "
            "write a number above 0 and at most 180 (set by PATROL_EDGE__POSITION__TURN_DEG)",
            "environment: cameras.front: kind is missing; add kind: v4l2, stream or file "
            "(set by PATROL_EDGE__CAMERAS__FRONT__DEVICE)",
        ]
    )


def test_other_programs_variables_are_not_ours(tmp_path: Path) -> None:
    file = tmp_path / "unit.yaml"
    file.write_text(LEAST)
    load(file, {"PATROL_EDGE_HARDWARE": "1", "HOME": "/", "PATROL": "x"})


def test_relative_paths_start_from_the_files_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "unit.yaml").write_bytes(GOOD.read_bytes())
    monkeypatch.chdir(tmp_path)
    settings = load(Path("etc/unit.yaml"), {}).settings
    here = tmp_path / "etc"
    assert settings.hub.password_file == here / "secrets" / "hub.password"
    assert settings.hub.tls.ca == here / "ca.pem"
    assert settings.perception.models_dir == here / "models"
    assert settings.perception.model == str(here / "models" / "own.onnx")
    assert settings.state_dir == here / "state"
    assert settings.cameras["film"].path == Path("/srv/street.mp4")  # type: ignore[union-attr]


def test_a_models_name_is_no_path(tmp_path: Path) -> None:
    result = loaded(tmp_path, LEAST + "perception: {model: yolox-nano-416}\n")
    assert result.settings.perception.model == "yolox-nano-416"


def test_the_digest_is_of_what_applies_not_of_how_it_is_written(tmp_path: Path) -> None:
    one = loaded(tmp_path, LEAST + "health: {every_s: 30}\n")
    two = loaded(tmp_path, "# other\n" + LEAST.replace("robot_dog", "'robot_dog'"))
    other = loaded(tmp_path, LEAST + "health: {every_s: 31}\n")
    assert one.digest == two.digest != other.digest
    assert len(one.digest) == 64


def test_what_is_loaded_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded(tmp_path, LEAST).digest = ""  # type: ignore[misc]


def test_every_problem_of_every_layer_comes_at_once_in_order(tmp_path: Path) -> None:
    text = "unit:\n  id: dog-01\n  id: dog-02\n  kind: cat\nhub:\n  keepalive_s: 1\nx: &a 1\n"
    found = problems(tmp_path, text, OUTBOX__MAX_MIB="1")
    assert [line.split(": ")[0] for line in found] == [
        "unit.yaml:3:3",
        "unit.yaml:4:9",
        "unit.yaml:6:16",
        "unit.yaml:7:1",
        "unit.yaml:7:4",
        "environment",
    ]


def test_a_file_full_of_faults_ends_in_a_count(tmp_path: Path) -> None:
    found = problems(tmp_path, "".join(f"key{n}: 1\n" for n in range(3_000)))
    assert len(found) == 101
    assert "more like these; is it the right file?" in found[-1]
