"""Real models on real pictures: what people marked is found, as well as in their authors' hands."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.cli import main
from perception import annotate
from perception.detection.detector import Detector
from perception.detections import COCO_IDS, Detections, Track
from perception.inference.catalogue import Catalogue
from tests.bench.bench_ap import ANNOTATIONS, AP, AP50, stats
from tests.bench.coco_reference import Reference
from tests.shared_data import shared

MODEL = Path(__file__).parents[2] / "perception" / "models" / "nanodet_g_416.onnx"
PATROL_IDS = sorted(COCO_IDS.values())


def busiest(count: int) -> list[Path]:
    """The pictures with the most persons and vehicles."""
    folder = shared("data/coco/train2017")
    marked = json.loads(ANNOTATIONS.read_text())["annotations"]
    many: dict[int, int] = {}
    for box in marked:
        if box["category_id"] in PATROL_IDS and not box["iscrowd"]:
            many[box["image_id"]] = many.get(box["image_id"], 0) + 1
    ids = sorted(many, key=lambda number: -many[number])[:count]
    return [folder / f"{number:012d}.jpg" for number in ids]


def results_of(model: str, pictures: list[Path], folder: Path) -> list[dict[str, Any]]:
    out = folder / "results.json"
    code = main.main(["detect", *map(str, pictures), "--model", model, "--coco", str(out)])
    assert code == 0
    results: list[dict[str, Any]] = json.loads(out.read_text())
    return results


def test_the_shipped_model_is_as_good_as_in_its_authors_hands(tmp_path: Path) -> None:
    pictures = busiest(24)
    reference = Reference(MODEL)
    theirs = [
        row for path in pictures for row in reference.detect(cv2.imread(str(path)), int(path.stem))
    ]

    ours = results_of("nanodet-g-416", pictures, tmp_path)

    for ids in (PATROL_IDS, [COCO_IDS["person"]]):
        mine, authors = stats(ours, ids, pictures), stats(theirs, ids, pictures)
        assert mine[AP] >= authors[AP] - 0.3
        assert mine[AP] > 20


@pytest.mark.parametrize(
    ("file", "family", "ap50_min"),
    [
        ("nanodet_m_416.onnx", "nanodet", 45),
        ("yolox_nano_416.onnx", "yolox", 45),
        ("fastestdet_352.onnx", "fastestdet", 22),
        ("person_192.onnx", "yolox", 22),
    ],
)
def test_other_models_find_persons(
    file: str, family: str, ap50_min: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, model = busiest(16), str(shared(f"models/{file}"))

    found = results_of(model, pictures, tmp_path)

    assert f"({family}, " in capsys.readouterr().err
    # Marked persons in these crowds are small; a decoding error would leave next to nothing.
    assert stats(found, [COCO_IDS["person"]], pictures)[AP50] > ap50_min


@pytest.mark.parametrize(
    ("file", "code", "reason"),
    [
        ("face_yunet.onnx", 2, "error: face-yunet is a model for redaction, not for detection"),
        ("yamnet_spectra_in.onnx", 2, "error: yamnet is a model for audio, not for detection"),
        ("silero_vad_16k_op15.onnx", 1, "error: the model's inputs are not understood"),
    ],
)
def test_models_of_another_kind_are_refused_in_one_line(
    file: str, code: int, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = busiest(1)[0]

    assert main.main(["detect", str(picture), "--model", str(shared(f"models/{file}"))]) == code
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith(reason)
    assert len(told) <= 2


def test_a_video_without_persons_has_no_person_tracks(tmp_path: Path) -> None:
    video, out = shared("data/video/bottle-detection.mp4"), tmp_path / "tracks.txt"
    clip = tmp_path / "clip.avi"
    head(video, clip, frames=25)

    assert main.main(["detect", str(clip), "--tracks", str(out)]) == 0
    assert out.read_text() == ""


def head(source: Path, target: Path, frames: int) -> None:
    """The first frames of a video, as MJPEG."""
    capture = cv2.VideoCapture(str(source))
    size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, size)
    for _ in range(frames):
        writer.write(capture.read()[1])
    writer.release()


def test_drawing_leaves_the_picture_alone_and_marks_what_was_found() -> None:
    image = cv2.imread(str(busiest(1)[0]))
    image.setflags(write=False)
    before = image.copy()
    detector = Detector.open(Catalogue().find("nanodet-g-416"))
    found = detector.detect(image)

    drawn = annotate.draw(image, found)

    assert len(found) > 0
    assert (image == before).all()
    assert drawn.shape == image.shape
    assert (drawn != image).any()


def test_boxes_beyond_the_picture_and_none_at_all_can_be_drawn() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    lost = Track(
        track_id=7, label="car", score=0.4, box=(-900.0, -5.0, 9000.0, 3.0), mono_s=0, seen=False
    )

    assert (annotate.draw(image, Detections.none()) == 0).all()
    assert annotate.draw(image, [lost]).any()
