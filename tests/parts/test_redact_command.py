"""`patrol-edge redact`, and annotated video out of `patrol-edge detect`."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.cli import main
from tests.head_writer import Known, yolox
from tests.onnx_writer import constant_model
from tests.shared_data import shared

SIDE = 416
HEADS = ("--heads-only",)
PERSON = Known("person", 0.9, (40.0, 140.0, 100.0, 280.0))
CAR = Known("car", 0.8, (150.0, 200.0, 330.0, 300.0))
HEAD = np.s_[142:165, 42:98]  # rows, columns
PLATE = np.s_[250:298, 155:325]
LEGS = np.s_[220:278, 42:98]


@pytest.fixture
def always(tmp_path: Path) -> str:
    """A model that sees the same person and the same car in every picture."""
    path = tmp_path / "always.onnx"
    outputs = yolox([PERSON, CAR], SIDE, SIDE)
    path.write_bytes(constant_model(outputs, {"images": ((1, 3, SIDE, SIDE), 1)}))
    return str(path)


def chequered() -> np.ndarray:
    cells = np.indices((SIDE, SIDE)).sum(axis=0) // 4 % 2 * 200 + 20
    return np.repeat(cells[:, :, None], 3, axis=2).astype(np.uint8)


def picture(path: Path) -> Path:
    assert cv2.imwrite(str(path), chequered())
    return path


def video(path: Path, frames: int = 8, fps: float = 12.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (SIDE, SIDE))
    for _ in range(frames):
        writer.write(chequered())
    writer.release()
    return path


def redact(*args: str | Path) -> int:
    return main.main(["redact", *map(str, args)])


def contrast(image: np.ndarray, part: tuple[slice, slice]) -> float:
    """Of neighbouring pixels: the chequers have it, what is covered has not."""
    return float(np.abs(np.diff(image[part].astype(float), axis=1)).mean())


def check_redacted(image: np.ndarray) -> None:
    assert contrast(image, HEAD) < 6
    assert contrast(image, PLATE) < 6
    assert contrast(image, LEGS) > 30


def test_heads_and_plates_are_covered_and_the_rest_is_not(
    always: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = picture(tmp_path / "gate.png")
    before = given.read_bytes()
    assert redact(given, "-o", tmp_path / "out.jpg", "--model", always, *HEADS, "--json") == 0
    assert given.read_bytes() == before
    check_redacted(cv2.imread(str(tmp_path / "out.jpg")))
    told = json.loads(capsys.readouterr().out)
    assert (told["pictures"], told["regions"], told["faces"]) == (1, 2, False)


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_video_keeps_its_rate_and_its_length(suffix: str, always: str, tmp_path: Path) -> None:
    out = tmp_path / f"out{suffix}"
    given = video(tmp_path / "clip.avi", frames=8, fps=12.0)
    assert redact(given, "-o", out, "--model", always, *HEADS) == 0
    written = cv2.VideoCapture(str(out))
    assert written.get(cv2.CAP_PROP_FPS) == pytest.approx(12.0)
    images = [image for good, image in iter(written.read, (False, None)) if good]
    written.release()
    assert len(images) == 8
    for image in images:
        check_redacted(image)
    assert not list(tmp_path.glob(".*part*"))


def test_many_inputs_go_into_a_folder_under_their_names(always: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        picture(tmp_path / name / "gate.jpg")
    clip, out = video(tmp_path / "clip.avi"), tmp_path / "out"
    paths = (tmp_path / "one", tmp_path / "two", clip)
    assert redact(*paths, "-o", out, "--model", always, *HEADS) == 0
    assert sorted(path.name for path in out.iterdir()) == ["clip.avi", "gate-2.jpg", "gate.jpg"]


def test_wrong_usage_is_told_before_any_work(
    always: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate, clip = picture(tmp_path / "gate.jpg"), video(tmp_path / "clip.avi")
    before = gate.read_bytes(), clip.read_bytes()
    for args, told in (
        ((gate, "-o", gate), "would overwrite what is given"),
        ((gate, "-o", tmp_path), "would overwrite what is given"),
        ((clip, "-o", tmp_path), "would overwrite what is given"),
        ((gate, clip, "-o", tmp_path / "one.jpg"), "is one file, and several are given"),
        ((gate, "-o", tmp_path / "gate.mp4"), "a picture is written as .jpg"),
        ((clip, "-o", tmp_path / "clip.jpg"), "a video is written as .mp4"),
        ((tmp_path / "none.jpg", "-o", tmp_path / "x.jpg"), "nothing to redact"),
        ((gate, "-o", tmp_path / "no" / "x.jpg"), "does not exist"),
    ):
        assert redact(*args, "--model", always, *HEADS) == 2
        assert told in capsys.readouterr().err
    assert (gate.read_bytes(), clip.read_bytes()) == before


def test_without_the_face_model_it_stops_and_names_the_cures(
    always: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = picture(tmp_path / "gate.png")
    missing = tmp_path / "none.onnx"
    args = (gate, "-o", tmp_path / "out.jpg", "--model", always, "--face-model", missing)
    assert redact(*args) == 2
    assert "--heads-only" in capsys.readouterr().err
    assert not (tmp_path / "out.jpg").exists()


def test_a_cut_file_is_told_and_the_rest_goes_on(
    always: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    picture(folder / "good.png")
    (folder / "bad.png").write_bytes(picture(folder / "bad.png").read_bytes()[:40])
    assert redact(folder, "-o", tmp_path / "out", "--model", always, *HEADS) == 1
    assert (tmp_path / "out" / "good.jpg").exists()
    assert "1 of 2 files written" in capsys.readouterr().err


@pytest.mark.parametrize("covered", [True, False])
def test_an_annotated_video_has_its_boxes_and_covers_what_it_is_told_to(
    covered: bool, always: str, tmp_path: Path
) -> None:
    clip, out = video(tmp_path / "clip.avi"), tmp_path / "boxes.avi"
    options = ["--redact", *HEADS] if covered else []
    command = ["detect", str(clip), "--model", always, "--annotate-video", str(out), *options]
    assert main.main(command) == 0
    written = cv2.VideoCapture(str(out))
    images = [image for good, image in iter(written.read, (False, None)) if good]
    written.release()
    assert len(images) == 8
    head = np.s_[146:164, 48:92]  # clear of the box's own lines
    assert (contrast(images[-1], head) < 6) == covered
    label = images[-1][129:139, 42:90].reshape(-1, 3).mean(axis=0)  # above the person's box
    assert label[2] - label[0] > 60  # orange, with the track's number in black


def test_redacting_needs_something_to_redact(
    always: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = str(picture(tmp_path / "gate.png"))
    assert main.main(["detect", gate, "--model", always, "--redact", *HEADS]) == 2
    assert "--annotate" in capsys.readouterr().err
    out = str(tmp_path / "o.mp4")
    assert main.main(["detect", gate, "--model", always, "--annotate-video", out]) == 2
    assert "exactly one video" in capsys.readouterr().err


def test_faces_are_found_by_the_face_model(tmp_path: Path, always: str) -> None:
    faces = shared("models/face_yunet.onnx")
    source, out = picture(tmp_path / "gate.png"), tmp_path / "out.jpg"
    assert redact(source, "-o", out, "--model", always, "--face-model", faces) == 0
    check_redacted(cv2.imread(str(out)))
