"""What is written from the models: the JSON Schema, the page of all settings, and `show`."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from config.loading import load
from config.reference import rewritten
from config.schema import unit_schema
from config.showing import as_json, as_yaml

ROOT = Path(__file__).parents[2]
GOOD = ROOT / "tests" / "data" / "config" / "good.yaml"
LEAST = {"unit": {"id": "dog-01", "kind": "robot_dog"}}


def accepts(document: object) -> bool:
    return jsonschema.Draft202012Validator(unit_schema()).is_valid(document)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(unit_schema())
    assert unit_schema()["$schema"].endswith("2020-12/schema")


def test_the_schema_accepts_what_the_loader_accepts() -> None:
    assert accepts(LEAST)
    good = yaml.safe_load(GOOD.read_text())
    good["hub"]["protocol"] = str(good["hub"]["protocol"])
    assert accepts(good)
    assert accepts(LEAST | {"gnss": None, "cameras": None, "hub": None})


@pytest.mark.parametrize(
    "more",
    [
        {"unit": {"id": "dog-01"}},
        {"unit": {"id": "Dog 1", "kind": "drone"}},
        {"gps": {}},
        {"gnss": {"a": {"kind": "usb"}}},
        {"gnss": {"Front Cam": {"kind": "gpsd"}}},
        {"gnss": {"a": {"kind": "gpsd", "baud": 9600}}},
        {"hub": {"url": "mqtt://user:pw@hub"}},
        {"cameras": {"a": {"kind": "stream", "url": "rtsp://user:pw@cam/1"}}},
        {"outbox": {"max_mib": 1}},
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(more: dict[str, object]) -> None:
    assert not accepts(LEAST | more)


def test_every_setting_of_the_schema_is_explained() -> None:
    schema = unit_schema()
    unexplained = [
        f"{name}.{key}"
        for name, section in schema["$defs"].items()
        for key, item in section["properties"].items()
        if "description" not in item and "$ref" not in item and "const" not in item
    ]
    assert unexplained == []


def test_the_page_of_all_settings_is_up_to_date() -> None:
    page = ROOT / "docs" / "configuration.md"
    text = page.read_text()
    assert text == rewritten(text), "run: python -m config.reference docs/configuration.md"


def test_the_pages_example_is_right(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    file = tmp_path / "unit.yaml"
    file.write_text(page.split("```yaml\n")[1].split("```")[0])
    assert load(file, {}).settings.unit.id == "dog-01"


def test_what_show_prints_loads_to_the_same(tmp_path: Path) -> None:
    loaded = load(GOOD, {"PATROL_EDGE__UNIT__LABEL": 'a "b": #c, no'})
    file = tmp_path / "unit.yaml"
    file.write_text(as_yaml(loaded))
    again = load(file, {})
    assert again.settings == loaded.settings
    assert again.digest == loaded.digest


def test_show_says_where_each_value_is_from() -> None:
    environ = {"PATROL_EDGE__HEALTH__EVERY_S": "7"}
    lines = as_yaml(load(GOOD, environ)).splitlines()
    said = {line.split("#")[0].strip(): line.rpartition("# ")[2] for line in lines if "  #" in line}
    assert said["id: dog-01"] == "from good.yaml:2"
    assert said["every_s: 7"] == "from PATROL_EDGE__HEALTH__EVERY_S"
    assert said["providers: [cuda, cpu]"] == "from good.yaml:54"
    assert "from profile robot_dog:" in " ".join(said.values())
    assert said["transport: udp"] == "from good.yaml:42"
    assert said["stalled_after_s: 2"] == "default"


def test_show_masks_what_may_be_a_password(tmp_path: Path) -> None:
    file = tmp_path / "unit.yaml"
    url = "rtsp://cam/user=admin&password=geheim&channel=1"
    file.write_text(
        f"unit: {{id: a, kind: drone}}\ncameras: {{a: {{kind: stream, url: '{url}'}}}}\n"
    )
    loaded = load(file, {})
    assert "geheim" not in as_yaml(loaded)
    assert "geheim" not in json.dumps(as_json(loaded))
    assert "geheim" not in "".join(str(warning) for warning in loaded.warnings)
