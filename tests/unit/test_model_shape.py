"""A model's picture size is rewritten in its bytes; where the graph forbids it, it is refused."""

import contextlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.perception import PerceptionConfig
from perception.detection.detector import Detector
from perception.detection.nms import iou_matrix
from perception.errors import ModelError
from perception.inference import model_file, model_shape
from perception.inference.catalogue import Catalogue
from perception.inference.model_trial import probe
from tests.head_writer import yolox
from tests.onnx_writer import constant_model, field, model, node, tensor, value
from tests.shared_data import shared


def pooling(shape: tuple[int | str, ...]) -> bytes:
    """A graph without a constant size: the picture, every other pixel of it."""
    strides = field(5, field(1, "strides") + field(20, 7) + field(8, 2) + field(8, 2))
    kernel = field(5, field(1, "kernel_shape") + field(20, 7) + field(8, 1) + field(8, 1))
    graph = field(1, node("MaxPool", ["images"], ["half"], kernel + strides))
    graph += field(1, node("Identity", ["half"], ["out"])) + field(2, "g")
    graph += field(11, value("images", shape)) + field(12, value("out", (1, 3, 48, 48)))
    return model(graph + field(13, value("half", (1, 3, 48, 48))))


@pytest.mark.parametrize("shape", [(1, 3, 96, 96), (1, 3, "height", "width")])
def test_the_input_gets_the_size_and_all_other_shapes_follow(shape: tuple[int | str, ...]) -> None:
    content = model_shape.resized(pooling(shape), "images", 320, 192)

    model_file.check(content)
    found = probe(content)
    assert found.inputs == (("images", (1, 3, 192, 320)),)
    assert found.outputs == (("out", (1, 3, 96, 160)),)


def test_a_constant_size_within_the_graph_is_a_refusal() -> None:
    target = tensor("target", np.array([1, 3 * 96 * 96], np.int64))
    graph = field(1, node("Reshape", ["images", "target"], ["out"])) + field(5, target)
    graph += field(11, value("images", (1, 3, 96, 96))) + field(12, value("out", (1, 27648)))

    content = model_shape.resized(model(graph + field(2, "g")), "images", 128, 64)

    with pytest.raises(ModelError, match=r"cannot load|failed on a picture"):
        probe(content)


@given(content=st.binary(max_size=300))
def test_any_bytes_are_rewritten_or_refused(content: bytes) -> None:
    with contextlib.suppress(ModelError):
        model_shape.resized(content, "images", 320, 320)


@pytest.mark.parametrize(
    ("file", "works"),
    [
        ("yolox_nano_416.onnx", True),
        ("nanodet_g_416.onnx", False),
        ("nanodet_m_416.onnx", False),
        ("fastestdet_352.onnx", False),
    ],
)
def test_of_the_other_models_some_take_other_sizes(file: str, works: bool) -> None:
    spec = Catalogue().find(str(shared(f"models/{file}")))
    if works:
        assert Detector.open(spec, threads=1, input_px=(320, 320)).input_px == (320, 320)
    else:
        with pytest.raises(ModelError, match="cannot take pictures of 320x320"):
            Detector.open(spec, threads=1, input_px=(320, 320))


def test_a_family_that_does_not_fit_the_new_size_is_a_refusal(tmp_path: Path) -> None:
    """Constants that happen to run at any size are of the old grid."""
    path = tmp_path / "m.onnx"
    path.write_bytes(constant_model(yolox([], 96, 96), {"images": ((1, 3, 96, 96), 1)}))

    with pytest.raises(ModelError, match="cannot take pictures of 64x64"):
        Detector.open(Catalogue(tmp_path).find(str(path), family="yolox"), input_px=(64, 64))


def test_the_shipped_detector_takes_other_sizes(tmp_path: Path) -> None:
    spec = Catalogue(tmp_path).find(PerceptionConfig().model)
    detector = Detector.open(spec, threads=1, input_px=(320, 192))

    assert detector.input_px == (320, 192)
    again = Detector.open(detector.spec, threads=1, input_px=(192, 192))
    assert again.input_px == (192, 192)
    assert detector.tensor.shape == (1, 3, 192, 320)
    assert len(detector.detect(np.zeros((90, 160, 3), np.uint8))) == 0
    with pytest.raises(ModelError, match="cannot take pictures of 300x300") as caught:
        Detector.open(spec, threads=1, input_px=(300, 300))
    assert "leave its own 416x416" in caught.value.cure


def test_a_detector_of_another_size_finds_the_same_person() -> None:
    picture = cv2.imread(str(shared("data/coco/train2017/000000000036.jpg")))
    spec = Catalogue().find(PerceptionConfig().model)
    boxes = [
        Detector.open(spec, threads=1, score_min=0.5, input_px=size).detect(picture).boxes[0]
        for size in (None, (320, 320), (640, 640))
    ]
    assert iou_matrix(np.array(boxes[:1]), np.array(boxes[1:])).min() > 0.6
