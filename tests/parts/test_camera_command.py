"""`patrol-edge camera`: what a technician types, right and wrong, and what the unit file takes."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from config.cameras import LensConfig, MountConfig
from config.loading import load
from edge.cli.main import main
from tests.calibration_scenes import BARREL, SIZE, board_views, checkerboard, sightings
from tests.placed_scenes import lens

MOUNT = MountConfig(height_m=2.1, pitch_deg=-9.0, roll_deg=1.5, yaw_deg=12.0)
STANDS = [(4.0, 0.0), (6.0, 20.0), (9.0, 5.0), (12.0, 30.0), (15.0, -5.0), (20.0, 15.0)]
HEADER = "name,foot_x,foot_y,top_x,top_y,height_m,distance_m,bearing_deg\n"


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boards")
    for number, picture in enumerate(board_views(lens(BARREL, SIZE), checkerboard(), 7)):
        cv2.imwrite(str(folder / f"board-{number}.png"), picture)
    cv2.imwrite(str(folder / "street.png"), np.full((360, 640, 3), 90, np.uint8))
    return folder


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    path = tmp_path / "unit.yaml"
    camera = {
        "kind": "file",
        "path": "street.mp4",
        "lens": BARREL.model_dump(exclude_none=True) | {"distortion": list(BARREL.distortion)},
        "mount": {"height_m": 2.1, "pitch_deg": -9},
    }
    bare = {"kind": "file", "path": "street.mp4"}
    document = {
        "unit": {"id": "car-1", "kind": "patrol_car"},
        "cameras": {"front": camera, "bare": bare},
    }
    path.write_text(yaml.safe_dump(document))
    return path


def marked(path: Path, rows: str | None = None) -> Path:
    text = HEADER
    for one in sightings(MOUNT, STANDS, 2.5, 0.5, bearings=True):
        numbers = (*one.foot_px, *one.top_px, one.height_m, one.distance_m, one.bearing_deg)
        text += ",".join([one.name, *(f"{number}" for number in numbers)]) + "\n"
    path.write_text(text if rows is None else rows)
    return path


def snippet(out: str, name: str) -> dict[str, object]:
    return dict(yaml.safe_load(out)[name])


def test_a_lens_is_measured_and_its_lines_load(
    boards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "plot.png"
    argv = ["camera", "calibrate", "lens", str(boards), "--board", "9x6", "--square-mm", "30"]
    assert main([*argv, "--plot", str(plot)]) == 0
    out, err = capsys.readouterr()
    measured = LensConfig.model_validate(snippet(out, "lens"))
    assert measured.fx_px == pytest.approx(420, rel=0.01)
    assert "street.png: the board was not found" in err
    assert "warning: only" in err
    drawn = cv2.imread(str(plot))
    assert drawn is not None
    assert drawn.shape == (360, 640, 3)


def test_a_mount_is_measured_from_marks_and_its_lines_load(
    unit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    csv = marked(tmp_path / "marks.csv")
    argv = ["camera", "calibrate", "mount", "--config", str(unit), "--camera", "front"]
    assert main([*argv, "--sightings", str(csv), "--size", "640x360"]) == 0
    out, _ = capsys.readouterr()
    mount = MountConfig.model_validate(snippet(out, "mount"))
    assert mount.height_m == pytest.approx(2.1, abs=0.1)
    assert (mount.pitch_deg, mount.roll_deg, mount.yaw_deg) == pytest.approx(
        (-9.0, 1.5, 12.0), abs=0.5
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("name,foot_x\n", "has no column foot_y"),
        (HEADER + "mast,1,2,x,4,2.5,,\n", "marks.csv:2: top_x is 'x'"),
        (HEADER + "mast,1,2,3,4,,,\n", "marks.csv:2: height_m is ''"),
        (HEADER + "mast,1,2,3,4,2.5,-3,\n", "marks.csv:2: a height below 0, or a distance"),
        (HEADER + "mast,1,2,3,4,inf,3,\n", "height_m is 'inf'"),
        (HEADER, "0 sightings do not tell"),
        ("", "has no column name"),
        ("\x00\x01", "marks.csv"),
    ],
)
def test_marks_that_are_wrong_are_told_with_their_line(
    unit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, words: str
) -> None:
    csv = marked(tmp_path / "marks.csv", rows)
    argv = ["camera", "calibrate", "mount", "--config", str(unit), "--camera", "front"]
    assert main([*argv, "--sightings", str(csv), "--size", "640x360"]) != 0
    assert words in capsys.readouterr().err


def test_the_check_draws_and_touches_nothing_else(
    unit: Path, boards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "seen.jpg"
    picture = boards / "street.png"
    before = picture.read_bytes()
    argv = ["camera", "check", str(picture), "--config", str(unit), "--camera", "front"]
    assert main([*argv, "-o", str(out)]) == 0
    drawn = cv2.imread(str(out))
    assert drawn is not None
    assert drawn.shape == (360, 640, 3)
    assert np.ptp(drawn) > 100
    assert picture.read_bytes() == before
    assert capsys.readouterr().out == f"{out}\n"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["check", "P", "--camera", "back"], "no camera 'back'"),
        (["check", "P", "--camera", "bare"], "cameras.bare has no mount"),
        (["check", "nowhere.png", "--camera", "front"], "nothing to look at"),
        (["check", "Q", "--camera", "front"], "the lens was measured in 640x360 px, this is"),
        (["calibrate", "mount", "--camera", "front"], "either --sightings or --person-height"),
        (["calibrate", "mount", "--camera", "front", "--person-height", "1.8"], "no pictures"),
        (
            ["calibrate", "mount", "P=0", "--camera", "front", "--person-height", "1.8"],
            "no distance in metres",
        ),
        (
            ["calibrate", "mount", "P=8", "--camera", "front", "--person-height", "1.8"],
            "0 persons in it, one is needed",
        ),
        (["calibrate", "mount", "--camera", "front", "--sightings", "x.csv"], "needs --size"),
    ],
)
def test_wrong_usage_is_told_in_words(
    unit: Path,
    boards: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    words: str,
) -> None:
    other = tmp_path / "square.png"
    cv2.imwrite(str(other), np.zeros((300, 300, 3), np.uint8))
    street = str(boards / "street.png")
    typed = [re.sub(r"^P\b", street, word) if word != "Q" else str(other) for word in argv]
    assert main(["camera", *typed, "--config", str(unit)]) != 0
    assert words in capsys.readouterr().err


def test_no_board_anywhere_is_told_with_the_usual_cause(
    boards: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    street = str(boards / "street.png")
    argv = ["camera", "calibrate", "lens", street, "--board", "9x6", "--square-mm", "30"]
    assert main(argv) == 1
    assert "inner corners" in capsys.readouterr().err


def test_the_unit_file_of_these_tests_is_a_sound_one(unit: Path) -> None:
    assert load(unit, {}).settings.cameras["front"].mount is not None
