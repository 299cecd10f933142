"""`patrol-edge models quantize` and `eval detect`, as a person uses them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.cli import main
from edge.cli.vision import coco_scores, model_pictures
from edge.cli.vision.model_versions import matches
from perception.detections import Detections
from perception.inference import quantization

pytest.importorskip("onnx", reason="needs patrol-edge[quantize]")
pytest.importorskip("pycocotools", reason="needs patrol-edge[eval]")

from tests.conv_writer import convolutional


def run(*args: str | Path) -> int:
    return main.main([*map(str, args)])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(1, 21):
        coarse = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number:06d}.png"), cv2.resize(coarse, (64, 64)))
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "small.onnx"
    path.write_bytes(convolutional())
    return path


def truth_of(results: Path, pictures: Path, out: Path, **changes: object) -> Path:
    """A truth in which everything is marked that was found."""
    rows = json.loads(results.read_text())
    names = sorted(pictures.iterdir())
    content = {
        "images": [{"id": int(path.stem), "file_name": path.name} for path in names],
        "annotations": [row | {"iscrowd": 0} for row in rows],
        "categories": [{"id": 1, "name": "person"}],
    }
    out.write_text(json.dumps(content | changes))
    return out


def test_a_version_in_eight_bits_with_its_cost(
    model: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, again = tmp_path / "int8.onnx", tmp_path / "again.onnx"
    command = ("models", "quantize", model, "--calibration", pictures, "--models-dir", tmp_path)

    assert run(*command, "-o", out) == 0
    told = capsys.readouterr()
    assert "same as float32, %" in told.out
    assert "judged on 10 pictures" in told.err
    assert f"→ patrol-edge models add {out} --name small-int8" in told.err
    assert run(*command, "-o", again, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert again.read_bytes() == out.read_bytes(), "the same pictures give the same file"
    assert facts["calibrated_with"] == facts["after"]["pictures"] == 10
    assert facts["after"]["measures"]["same as float32, %"] > 70
    assert facts["before"]["measures"]["same as float32, %"] == 100
    command = ("models", "quantize", out, *command[3:])
    assert run(*command, "-o", tmp_path / "twice.onnx") == 1
    assert "quantised already" in capsys.readouterr().err


def test_a_version_in_half_precision_judged_by_a_truth(
    model: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, out = tmp_path / "results.json", tmp_path / "half.onnx"
    assert run("detect", pictures, "--model", model, "--coco", results, "--score-min", "0.5") == 0
    truth = truth_of(results, pictures, tmp_path / "truth.json")
    capsys.readouterr()

    code = run(
        *("models", "quantize", model, "--precision", "fp16", "-o", out, "--json"),
        *("--truth", truth, "--images", pictures),
    )
    assert code == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["after"]["pictures"] == 20
    assert facts["before"]["measures"]["AP person"] == pytest.approx(100, abs=1)
    assert facts["after"]["measures"]["AP person"] > 80
    assert run("eval", "detect", results, "--truth", truth, "--json") == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["pictures"] == 20
    assert scores["classes"]["person"]["ap"] == pytest.approx(100, abs=1)
    assert scores["classes"]["truck"]["ap"] is None
    assert run("eval", "detect", "--model", out, "--truth", truth, "--images", pictures) == 0
    assert capsys.readouterr().out.splitlines()[2].startswith("person")


@pytest.mark.parametrize(
    ("args", "code", "reason"),
    [
        (("-o", "x.onnx"), 2, "int8 needs pictures"),
        (("-o", "x.bin", "--calibration", "P"), 2, "does not end in .onnx"),
        (("-o", "small.onnx", "--calibration", "P"), 2, "is the model itself"),
        (("-o", "x.onnx", "--calibration", "few"), 2, "1 pictures are too few"),
        (("-o", "x.onnx", "--calibration", "none"), 2, "no picture to calibrate with"),
        (("-o", "x.onnx", "--calibration", "P", "--truth", "t.json"), 2, "needs its pictures"),
        (("-o", "x.onnx", "--calibration", "P", "--samples", "3"), 2, "too few"),
        (("-o", "no/x.onnx", "--calibration", "P"), 2, "does not exist"),
        (("-o", "x.onnx", "--precision", "fp16"), 2, "nothing to judge by"),
    ],
)
def test_wrong_usage_is_told_before_the_work(
    args: tuple[str, ...],
    code: int,
    reason: str,
    model: Path,
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few").mkdir()
    cv2.imwrite("few/1.png", np.zeros((9, 9, 3), np.uint8))
    (tmp_path / "none").mkdir()
    given = [str(pictures) if arg == "P" else arg for arg in args]

    assert run("models", "quantize", model.name, *given) == code
    assert reason in capsys.readouterr().err
    assert not Path("x.onnx").exists()


def test_without_the_onnx_package_the_command_says_how_to_get_it(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantization, "find_spec", lambda _: None)
    assert run("models", "quantize", model, "-o", tmp_path / "x.onnx", "--calibration", "y") == 1
    assert "pip install 'patrol-edge[quantize]'" in capsys.readouterr().err


def test_without_pycocotools_eval_says_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco_scores, "find_spec", lambda _: None)
    assert run("eval", "detect", tmp_path / "r.json", "--truth", tmp_path / "t.json") == 1
    assert "pip install 'patrol-edge[eval]'" in capsys.readouterr().err


BOX = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"images": None}, "is no COCO truth"),
        ({"images": [{"id": "x"}]}, "an entry is incomplete or no number"),
        ({"annotations": [BOX | {"bbox": [1, 2, 3]}]}, "an entry is incomplete"),
        ({"annotations": [BOX | {"bbox": [1, 2, 3, float("nan")]}]}, "not finite"),
        ({"annotations": [BOX | {"image_id": 99}]}, "not in its list of images"),
        ({"categories": [{"id": 3, "name": "person"}]}, "numbers person otherwise than COCO"),
        ({"categories": [{"id": 1, "name": "cat"}]}, "has none of them"),
    ],
)
def test_a_wrong_truth_is_told_in_words(
    changes: dict[str, object],
    reason: str,
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = tmp_path / "results.json"
    results.write_text(json.dumps([BOX | {"score": 0.5}]))
    truth = truth_of(results, pictures, tmp_path / "truth.json", **changes)

    assert run("eval", "detect", results, "--truth", truth) == 1
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is no JSON"),
        ("[1]", "no list of COCO results"),
        ('{"a": 1}', "no list of COCO results"),
        (json.dumps([BOX]), "no list of COCO results"),
        (json.dumps([BOX | {"score": "high"}]), "no list of COCO results"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_wrong_results_are_told_in_words(
    content: str,
    reason: str,
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps([BOX | {"score": 0.5}]))
    bad.write_text(content)
    truth = truth_of(good, pictures, tmp_path / "truth.json")

    assert run("eval", "detect", bad, "--truth", truth) == 1
    assert reason in capsys.readouterr().err


def test_eval_needs_results_or_a_model_with_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = ("--truth", tmp_path / "t.json")
    assert run("eval", "detect", *truth) == 2
    assert run("eval", "detect", "r.json", "--model", "nanodet-g-416", *truth) == 2
    assert run("eval", "detect", "--model", "nanodet-g-416", *truth) == 2
    assert "--model needs the pictures" in capsys.readouterr().err


def test_pictures_are_taken_evenly() -> None:
    assert model_pictures.evenly(10, 4) == [0, 3, 6, 9]
    assert model_pictures.evenly(3, 10) == [0, 1, 2]
    assert model_pictures.evenly(0, 4) == model_pictures.evenly(5, 0) == []


def test_each_detection_is_matched_once() -> None:
    box = np.array([[0, 0, 10, 10]], np.float32)
    one = Detections(box, np.array([0.9], np.float32), np.array([0]))
    two = Detections(np.repeat(box, 2, 0), np.array([0.9, 0.8], np.float32), np.array([0, 0]))
    other = Detections(box, np.array([0.9], np.float32), np.array([1]))

    assert matches(one, two) == matches(two, one) == 1
    assert matches(two, two) == 2
    assert matches(one, other) == matches(one, Detections.none()) == 0
    assert matches(Detections.none(), one) == 0
