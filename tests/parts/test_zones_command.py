"""`patrol-edge zones` and what `config check` says of zones and rules."""

import json
from pathlib import Path

import pytest

from edge.cli.main import main

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "zones.geojson"
PNG = b"\x89PNG\r\n\x1a\n"


def unit_file(folder: Path, zones: str, rules: str) -> Path:
    path = folder / "unit.yaml"
    path.write_text(
        f"unit: {{id: dog-01, kind: robot_dog}}\nstate_dir: {folder}\n"
        f"zones:\n  {zones}\nrules:\n  {rules}\n"
    )
    return path


def test_the_example_is_right_and_can_be_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "zones.png"

    assert main(["zones", "check", str(EXAMPLE), "--draw", str(picture), "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    assert told["problems"] == []
    assert [zone["kind"] for zone in told["zones"]] == [
        "carriageway", "crossing", "lane", "area", "exclusion", "line",
    ]  # fmt: skip
    assert picture.read_bytes().startswith(PNG)


def test_what_is_wrong_is_said_by_line_and_in_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "zones.geojson"
    path.write_text(EXAMPLE.read_text().replace('"wgs84"', '"epsg"'))

    assert main(["zones", "check", str(path)]) == 2
    assert f"error: {path}:1: has a crs 'epsg'; write beside its type" in capsys.readouterr().out


def test_the_place_of_the_unit_shows_the_wrong_crs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zones", "check", str(EXAMPLE), "--near", "35.4101,116.5904"]) == 0
    assert main(["zones", "check", str(EXAMPLE), "--near", "35.4096,116.5960"]) == 2
    assert "Amap and Tencent are gcj02" in capsys.readouterr().out


def test_nothing_to_draw_and_no_folder_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = ["--draw", str(tmp_path / "no" / "x.png")]

    assert main(["zones", "check", str(tmp_path / "none.geojson"), *draw]) == 1
    assert "there is no zone to draw" in capsys.readouterr().err
    assert main(["zones", "check", str(EXAMPLE), *draw]) == 2


@pytest.mark.parametrize("text", ["35.4", "a,b", "116.6,35.4", "95,116"])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SystemExit):
        main(["zones", "check", str(EXAMPLE), "--near", text])


@pytest.mark.parametrize(
    ("zones", "rules", "said"),
    [
        (f"files: [{EXAMPLE}]", "a: {kind: intrusion, zones: [yard]}", "there is no zone yard"),
        (f"files: [{EXAMPLE}]", "a: {kind: tripwire, zones: [forecourt]}", "kind line"),
        (f"files: [{EXAMPLE}]", "a: {kind: intrusion, zones: [school_gate]}", "needs an area"),
        (f"files: [{EXAMPLE}]", "a: {kind: wrong_way, zones: [main_street]}", "of kind lane"),
        ("files: [none.geojson]", "a: {kind: intrusion, zones: [yard]}", "there is no such file"),
        ("picture: {door: {camera: front, points: [[0,0],[1,0],[1,1]]}}",
         "a: {kind: fast, zones: [door]}", "there is no camera front"),
    ],
)  # fmt: skip
def test_config_check_and_zones_check_say_what_rules_ask_in_vain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], zones: str, rules: str, said: str
) -> None:
    path = unit_file(tmp_path, zones, rules)

    assert main(["config", "check", str(path)]) == 2
    assert said in capsys.readouterr().out
    assert main(["zones", "check", str(path)]) == 2
    assert said in capsys.readouterr().out


def test_a_unit_file_with_good_zones_and_rules_is_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = (
        "street: {kind: carriageway, zones: [main_street]}\n"
        "  wrong: {kind: wrong_way, zones: [bus_lane]}\n"
        "  who: {kind: count, zones: [school_gate]}\n"
        "  night: {kind: intrusion, zones: [forecourt], active: ['22:00-06:00']}"
    )
    path = unit_file(tmp_path, f"files: [{EXAMPLE}]", rules)

    assert main(["zones", "check", str(path)]) == 0
    assert main(["config", "check", str(path)]) == 0
    assert ", 4 rules → " in capsys.readouterr().err
