"""`patrol-edge models`: list, pull, verify and add, as a person uses them."""

import json
import os
from pathlib import Path

import pytest
import yaml

from edge.cli import main
from perception.detection.detector import Detector
from perception.inference import model_file
from perception.inference.catalogue import Catalogue
from tests.file_server import Manners, serving
from tests.head_writer import yolov8, yolox
from tests.onnx_writer import constant_model

PICTURE = {"images": ((1, 3, 96, 96), 1)}
MODEL = constant_model(yolox([], 96, 96), PICTURE)
CLASSIFIER = constant_model({"out": yolov8([], 96, 96)["output0"][:, 0]}, PICTURE)


def run(*args: str | Path) -> int:
    return main.main(["models", *map(str, args)])


def entry(content: bytes, url: str | None = None, **changes: object) -> dict[str, object]:
    known = {"sha256": model_file.digest(content), "size_bytes": len(content)}
    return {"file": "mine.onnx", "url": url, "family": "yolox"} | known | changes


def know(folder: Path, **models: dict[str, object]) -> None:
    (folder / "models.yaml").write_text(yaml.safe_dump({"version": 1, "models": models}))


def test_the_list_shows_what_is_here_and_what_can_be_pulled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("list", "--models-dir", tmp_path) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert " here " in lines["nanodet-g-416"]
    assert " pull " in lines["yolox-nano-416"]

    assert run("list", "--json", "--models-dir", tmp_path) == 0
    facts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert facts[0]["name"] == "nanodet-g-416"
    assert facts[0]["here"] is True
    assert facts[0]["licence"] == "Apache-2.0"


def test_a_pulled_model_is_here_and_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manners = Manners(MODEL, cut_after=40_000)
    with serving(manners) as url:
        know(tmp_path, mine=entry(MODEL, url))
        assert run("pull", "mine", "--models-dir", tmp_path) == 0
        assert run("pull", "mine", "--models-dir", tmp_path) == 0

    told = capsys.readouterr()
    assert told.err.startswith(f"fetching mine from {url}\n")
    assert "is here already" in told.err
    assert (tmp_path / "mine.onnx").read_bytes() == MODEL
    asked = len(manners.requests)
    assert asked == -(-len(MODEL) // 40_000), "the second pull asked nobody"
    assert run("verify", "mine", "--models-dir", tmp_path) == 0
    assert "ok      yolox, 96x96" in capsys.readouterr().out


def test_a_damaged_model_is_told_by_verify_and_mended_by_pull(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.onnx").write_bytes(MODEL[:-5])
    with serving(Manners(MODEL)) as url:
        know(tmp_path, mine=entry(MODEL, url))
        assert run("verify", "mine", "--models-dir", tmp_path) == 1
        told = capsys.readouterr().out
        assert "FAILED  " in told
        assert "not the file it should be" in told
        assert "→ delete it and pull it again" in told
        assert run("pull", "mine", "--models-dir", tmp_path) == 0
    assert (tmp_path / "mine.onnx").read_bytes() == MODEL


@pytest.mark.parametrize(
    ("content", "changes", "reason"),
    [
        (CLASSIFIER, {}, "do not fit the family yolox"),
        (MODEL, {"input_px": [416, 416]}, "input is 96x96, the catalogue says 416x416"),
        (b"x" * 100, {}, "no usable ONNX model"),
    ],
    ids=["no detector", "another size", "no model"],
)
def test_a_file_that_does_not_fit_is_not_installed(
    content: bytes,
    changes: dict[str, object],
    reason: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(Manners(content)) as url:
        know(tmp_path, mine=entry(content, url, **changes))
        assert run("pull", "mine", "--models-dir", tmp_path) == 1
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "mine.onnx").exists()


def test_a_model_comes_from_a_stick_whatever_its_name_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stick, models = tmp_path / "stick" / "deep", tmp_path / "models"
    stick.mkdir(parents=True)
    models.mkdir()
    know(models, mine=entry(MODEL))

    assert run("pull", "mine", "--from", tmp_path / "stick", "--models-dir", models) == 1
    told = capsys.readouterr().err
    assert "mine.onnx" in told
    assert "is not in" in told
    (stick / "download(1).bin").write_bytes(MODEL)
    (stick / "a.onnx").write_bytes(MODEL[:-1] + b"\x00")
    assert run("pull", "mine", "--from", tmp_path / "stick", "--models-dir", models) == 0
    assert (models / "mine.onnx").read_bytes() == MODEL
    assert run("pull", "mine", "--from", tmp_path / "none", "--models-dir", models) == 0  # is here


def test_a_wrong_name_stops_before_anything_is_fetched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manners = Manners(MODEL)
    with serving(manners) as url:
        know(tmp_path, mine=entry(MODEL, url))
        assert run("pull", "mine", "mien", "--models-dir", tmp_path) == 2
    assert "did you mean mine?" in capsys.readouterr().err
    assert manners.requests == []


def test_an_own_model_is_added_and_then_known_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, models = tmp_path / "trained.onnx", tmp_path / "models"
    source.write_bytes(MODEL)

    code = run(
        *("add", source, "--name", "ours-96", "--models-dir", models, "--licence", "MIT"),
        *("--score-threshold", "0.4", "--about", "trained on our own street"),
    )
    assert code == 0
    source.unlink()
    spec = Catalogue(models).find("ours-96")
    assert (spec.family, spec.input_px, spec.score_threshold) == ("yolox", (96, 96), 0.4)
    assert spec.licence == "MIT"
    assert Detector.open(spec).family.name == "yolox"
    assert run("verify", "--models-dir", models) == 0
    assert "ours-96" in capsys.readouterr().out

    second = tmp_path / "second.onnx"
    second.write_bytes(constant_model(yolov8([], 96, 96), PICTURE))
    assert run("add", second, "--name", "ours-8", "--models-dir", models, "--json") == 0
    assert json.loads(capsys.readouterr().out)["family"] == "yolov8"
    assert Catalogue(models).find("ours-96").sha256 == model_file.digest(MODEL)


@pytest.mark.parametrize(
    ("name", "content", "more", "reason"),
    [
        ("nanodet-g-416", MODEL, [], "there is a model nanodet-g-416 already"),
        ("Our Model", MODEL, [], "is no name for a model"),
        ("ours", CLASSIFIER, [], "fit no family"),
        ("ours", MODEL[:500], [], "cut off"),
        ("ours", b"", [], "is empty"),
        ("ours", MODEL, ["--family", "yolov8"], "do not fit the family yolov8"),
        ("ours", MODEL, ["--family", "yolo"], "there is no family yolo"),
        ("ours", MODEL, ["--labels", "person,dog"], "has 80 classes, its label list names 2"),
    ],
    ids=["taken", "bad name", "no detector", "cut", "empty", "family", "no family", "labels"],
)
def test_what_cannot_be_added_leaves_nothing_behind(
    name: str,
    content: bytes,
    more: list[str],
    reason: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, models = tmp_path / "trained.onnx", tmp_path / "models"
    source.write_bytes(content)

    wrong_name = reason.startswith(("there is", "is no name"))
    code = run("add", source, "--name", name, "--models-dir", models, *more)
    assert code == (2 if wrong_name else 1)
    assert reason in capsys.readouterr().err
    assert not models.exists() or list(models.iterdir()) == []


def test_a_models_folder_that_is_closed_to_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Root may look into any folder: ask as if we were not.
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path)
    assert run("list", "--models-dir", tmp_path) == 2
    assert f"{tmp_path} may not be read by this user" in capsys.readouterr().err
    # The service's folder, not ours.
    monkeypatch.setattr("perception.inference.catalogue.SYSTEM_DIR", tmp_path)
    assert run("list") == 0


def test_a_broken_user_catalogue_is_a_wrong_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models.yaml").write_text("version: 1\nmodels: {mine: {}}\n")

    assert run("list", "--models-dir", tmp_path) == 2
    told = capsys.readouterr().err
    assert str(tmp_path / "models.yaml") in told
    assert "models.mine.file" in told
