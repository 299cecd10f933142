"""The whole detector on files: family told, boxes in the picture's pixels, bad files refused."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from config.perception import PerceptionConfig
from edge.reporting.device_findings import provider_findings
from perception.detection.batching import Batching
from perception.detection.detector import MAX_DETECTIONS, Detector
from perception.detections import PATROL_CLASSES
from perception.errors import ImageError, ModelError
from perception.inference import model_file
from perception.inference.model_spec import ModelSpec
from perception.inference.session import Tuning, choose_providers, thread_count
from tests.head_writer import HEADS, IDS, Head, Known, nanodet, yolov8, yolox
from tests.onnx_writer import batch_model, constant_model, field, model, node, tensor, value

SIDE = 416
PICTURE = np.full((720, 1280, 3), 90, np.uint8)
OBJECTS = [
    Known("person", 0.8, (40.0, 140.0, 100.0, 280.0)),
    Known("car", 0.7, (150.0, 200.0, 330.0, 300.0)),
    Known("bus", 0.6, (250.0, 120.0, 400.0, 190.0)),
]
SIZE_INPUTS = {
    "detr": {"orig_target_sizes": ((1, 2), 7)},
    "yolov3_tiny_zoo": {"image_shape": ((1, 2), 1)},
}


def write_model(
    folder: Path,
    outputs: dict[str, np.ndarray],
    shape: tuple[int | str, ...] = (1, 3, SIDE, SIDE),
    extra_inputs: dict[str, tuple[tuple[int | str, ...], int]] | None = None,
) -> Path:
    path = folder / "model.onnx"
    inputs = {"images": (shape, 1)} | (extra_inputs or {})
    path.write_bytes(constant_model(outputs, inputs))
    return path


def spec_of(path: Path, **known: object) -> ModelSpec:
    settings: dict[str, object] = {"name": "test", "family": None, "labels": None, "path": path}
    return ModelSpec(**(settings | known))  # type: ignore[arg-type] - a test's shorthand


@pytest.mark.parametrize(("family", "write"), HEADS, ids=IDS)
def test_a_file_of_every_family_gives_boxes_in_the_picture(
    family: str, write: Head, tmp_path: Path
) -> None:
    extra = SIZE_INPUTS.get(write.__name__)
    path = write_model(tmp_path, write(OBJECTS, SIDE, SIDE), extra_inputs=extra)
    detector = Detector.open(spec_of(path), threads=1)

    found = detector.detect(PICTURE)

    assert detector.family.name == family
    assert [PATROL_CLASSES[index] for index in found.classes] == ["person", "car", "bus"]
    assert found.scores == pytest.approx([0.8, 0.7, 0.6], abs=0.002)
    scale = 1280 / SIDE
    # 1280x720 in 416x416: bars of 91 px above and below, all 182 below, or none but stretched.
    top = {"corner": 0, "squash": 0}.get(detector.family.input_format.fit, 91)
    y_scale = 720 / SIDE if detector.family.input_format.fit == "squash" else scale
    for box, known in zip(found.boxes, OBJECTS, strict=True):
        x1, y1, x2, y2 = known.box
        wanted = [x1 * scale, (y1 - top) * y_scale, x2 * scale, (y2 - top) * y_scale]
        assert box == pytest.approx(np.clip(wanted, 0, [1280, 720] * 2), abs=0.5)
    assert found.boxes.dtype == np.float32
    assert found.classes.dtype == np.int64


def test_free_dimensions_take_the_size_from_the_catalogue(tmp_path: Path) -> None:
    path = write_model(tmp_path, yolox(OBJECTS, SIDE, SIDE), ("batch", 3, "height", "width"))

    assert Detector.open(spec_of(path, input_px=(SIDE, SIDE))).input_px == (SIDE, SIDE)
    with pytest.raises(ModelError, match="fit no family"):  # 640x640 has another grid
        Detector.open(spec_of(path))


def test_boxes_of_one_object_become_one_and_never_more_than_a_hundred(tmp_path: Path) -> None:
    twice = [*OBJECTS, Known("car", 0.5, (152.0, 202.0, 331.0, 299.0))]
    crowd = [
        Known("person", 0.5, (x, y, x + 15.0, y + 15.0))
        for x in range(0, 400, 20)
        for y in range(0, 400, 20)
    ]
    one = Detector.open(spec_of(write_model(tmp_path, yolov8(twice, SIDE, SIDE))))
    many = Detector.open(spec_of(write_model(tmp_path, yolov8(crowd, SIDE, SIDE))))

    assert len(one.detect(np.zeros((SIDE, SIDE, 3), np.uint8))) == 3
    assert len(many.detect(np.zeros((SIDE, SIDE, 3), np.uint8))) == MAX_DETECTIONS


def test_a_box_in_the_bars_is_none_and_one_over_the_edge_is_cut(tmp_path: Path) -> None:
    objects = [
        Known("person", 0.8, (100.0, 10.0, 140.0, 80.0)),  # above the picture
        Known("person", 0.7, (200.0, 60.0, 260.0, 180.0)),
    ]
    detector = Detector.open(spec_of(write_model(tmp_path, nanodet(objects, SIDE, SIDE))))

    found = detector.detect(PICTURE)

    assert len(found) == 1
    assert found.boxes[0, 1] == 0
    assert found.boxes[0, 3] == pytest.approx((180 - 91) * 1280 / SIDE, abs=0.5)


def test_scores_go_as_low_as_asked_for(tmp_path: Path) -> None:
    faint = [Known("person", 0.2, (40.0, 140.0, 100.0, 280.0))]
    spec = spec_of(write_model(tmp_path, yolox(faint, SIDE, SIDE)), score_low=0.3)

    assert len(Detector.open(spec).detect(PICTURE)) == 0
    assert len(Detector.open(spec, score_min=0.15).detect(PICTURE)) == 1


def test_the_timings_of_the_last_picture_are_kept(tmp_path: Path) -> None:
    detector = Detector.open(spec_of(write_model(tmp_path, yolox([], SIDE, SIDE))))
    detector.detect(PICTURE)

    assert 0 < detector.timings.pre_ms < 1000
    assert detector.timings.inference_ms > 0
    assert detector.timings.post_ms > 0


def test_a_picture_of_the_wrong_kind_is_an_image_error(tmp_path: Path) -> None:
    detector = Detector.open(spec_of(write_model(tmp_path, yolox([], SIDE, SIDE))))

    with pytest.raises(ImageError):
        detector.detect(np.zeros((10, 10), np.uint8))


SURE = [Known("person", 0.9, (40.0, 140.0, 100.0, 280.0))]


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (lambda a: np.full_like(a, np.nan), "scores from nan to nan, not from 0 to 1"),
        (lambda a: a * 5, "scores from 0 to 4.5"),
        (lambda a: -a, "scores from -0.9 to -?0"),
        (lambda a: np.where(np.arange(a.shape[1])[:, None] < 4, np.inf, a), "no numbers"),
    ],
    ids=["no numbers", "logits", "negative", "boxes without end"],
)
def test_outputs_that_are_no_scores_or_boxes_are_a_fault_and_not_nothing_seen(
    spoilt: Callable[[np.ndarray], np.ndarray], reason: str, tmp_path: Path
) -> None:
    """At the opening already; a model that goes wrong later is the same error for that picture."""
    good = yolov8(SURE, SIDE, SIDE)
    bad = [spoilt(a).astype(np.float32) for a in good.values()]
    path = write_model(tmp_path, dict(zip(good, bad, strict=True)))
    with pytest.raises(ModelError, match=reason):
        Detector.open(spec_of(path))

    detector = Detector.open(spec_of(write_model(tmp_path, good)))
    filled = detector.make_input()
    filled.fill(PICTURE)
    with pytest.raises(ModelError, match=reason):
        detector.conclude([bad], filled.placements)


def test_outputs_of_another_shape_than_at_the_start_are_a_fault(tmp_path: Path) -> None:
    detector = Detector.open(spec_of(write_model(tmp_path, yolov8(SURE, SIDE, SIDE))))
    filled = detector.make_input()
    filled.fill(PICTURE)

    for outputs in ([], [np.zeros((1, 84), np.float32)], [np.zeros((1, 84, 7), np.float32)]):
        with pytest.raises(ModelError, match="outputs of other shapes"):
            detector.conclude([outputs], filled.placements)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"images": ((1, 3, SIDE, SIDE), 7)}, "wants tensor\\(int64\\)"),
        ({"images": ((1, SIDE, SIDE, 3), 1)}, "\\[1, 416, 416, 3\\] as its picture"),
        ({"images": ((8, 3, SIDE, SIDE), 1)}, "\\[8, 3, 416, 416\\] as its picture"),
        ({"images": ((1, 3, 9000, 9000), 1)}, "9000x9000"),
        ({"sound": ((1, 16000), 1)}, "inputs are not understood"),
        ({"a": ((1, 3, 8, 8), 1), "b": ((1, 3, 8, 8), 1)}, "inputs are not understood"),
        ({"images": ((1, 3, SIDE, SIDE), 1), "mask": ((1, 9), 1)}, "inputs are not understood"),
    ],
    ids=["integers", "channels last", "batch", "huge", "audio", "two pictures", "unknown input"],
)
def test_a_model_with_other_inputs_is_refused_with_the_reason(
    inputs: dict[str, tuple[tuple[int, ...], int]], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(constant_model(yolox([], SIDE, SIDE), inputs))

    with pytest.raises(ModelError, match=reason):
        Detector.open(spec_of(path))


def test_a_size_that_is_not_the_catalogues_is_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path, yolox([], SIDE, SIDE))

    with pytest.raises(ModelError, match="input is 416x416, the catalogue says 320x320"):
        Detector.open(spec_of(path, input_px=(320, 320)))


def test_another_file_than_the_catalogues_is_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path, yolox([], SIDE, SIDE))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    Detector.open(spec_of(path, sha256=digest))
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(ModelError, match="not the file it should be"):
        Detector.open(spec_of(path, sha256=digest))


def test_a_model_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(ModelError, match="not on this computer") as caught:
        Detector.open(ModelSpec(name="far-away", family=None, labels=None))
    assert caught.value.cure == "patrol-edge models pull far-away"


def test_an_operator_that_does_not_exist_is_a_model_error(tmp_path: Path) -> None:
    graph = field(1, node("NoSuchThing", ["images"], ["out"])) + field(2, "test")
    graph += field(11, value("images", (1, 3, 8, 8))) + field(12, value("out", (1, 3, 8, 8)))
    path = tmp_path / "model.onnx"
    path.write_bytes(model(graph))

    with pytest.raises(ModelError, match="ONNX Runtime cannot load"):
        Detector.open(spec_of(path))


def test_weights_in_another_file_are_never_read(tmp_path: Path) -> None:
    """An entry like `location: ../../etc/passwd` must not even be looked at."""
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.zeros(4, np.float32).tobytes())
    for location in ("secret.bin", str(secret), "../secret.bin"):
        entry = field(13, field(1, "location") + field(2, location))
        weights = field(1, 4) + field(2, 1) + field(8, "w") + entry + field(14, 1)
        graph = field(1, node("Identity", ["w"], ["out"])) + field(5, weights) + field(2, "g")
        graph += field(11, value("images", (1, 3, 8, 8))) + field(12, value("out", (4,)))
        path = tmp_path / "model.onnx"
        path.write_bytes(model(graph))

        with pytest.raises(ModelError, match="another file, which is refused"):
            Detector.open(spec_of(path))


def test_a_hard_link_to_a_good_model_is_still_a_model(tmp_path: Path) -> None:
    path = write_model(tmp_path, yolox([], SIDE, SIDE))
    link = tmp_path / "link.onnx"
    link.hardlink_to(path)

    assert Detector.open(spec_of(link)).family.name == "yolox"


def test_the_writer_of_these_tests_writes_what_the_inspector_accepts() -> None:
    weights = tensor("w", np.zeros(3, np.float32))
    graph = field(1, node("Identity", ["w"], ["out"])) + field(5, weights) + field(2, "g")
    model_file.check(model(graph))


def test_absent_providers_are_skipped_and_unknown_ones_refused() -> None:
    chosen, skipped = choose_providers(["tensorrt", "cpu"])

    assert chosen == ["CPUExecutionProvider"]
    assert skipped == ["tensorrt"]
    assert choose_providers([]) == (["CPUExecutionProvider"], [])
    with pytest.raises(ModelError, match="no provider gpu"):
        choose_providers(["gpu"])


def test_providers_are_told_what_is_configured() -> None:
    tuning = Tuning(cuda_memory_mib=512, tensorrt_cache=Path("/var/cache/engines"))

    assert tuning.options("CPUExecutionProvider") == {}
    assert tuning.options("CUDAExecutionProvider") == {"gpu_mem_limit": str(512 * 2**20)}
    assert tuning.options("OpenVINOExecutionProvider") == {"device_type": "CPU"}
    assert tuning.options("TensorrtExecutionProvider") == {
        "trt_fp16_enable": "True",
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": "/var/cache/engines",
    }
    assert "trt_engine_cache_path" not in Tuning().options("TensorrtExecutionProvider")
    configured = PerceptionConfig().provider_options.model_dump()
    assert Tuning(**configured) == Tuning()


def test_a_provider_that_was_asked_for_and_is_missing_is_a_finding(tmp_path: Path) -> None:
    path = write_model(tmp_path, yolox([], SIDE, SIDE))
    session = Detector.open(spec_of(path), providers=("tensorrt", "openvino", "cpu")).session

    found = provider_findings(session.skipped, session.providers)
    assert [finding.component for finding in found] == ["tensorrt", "openvino"]
    assert {finding.code for finding in found} == {"provider_missing"}
    assert "asks for openvino, which is not there; using cpu" in found[1].text
    assert found[1].action.startswith("install onnxruntime-openvino")


def test_auto_leaves_a_core_and_one_thread_is_the_least() -> None:
    assert thread_count("auto") >= 1
    assert thread_count(0) == 1
    assert thread_count(3) == 3


def test_the_parts_of_a_look_give_what_the_whole_gives(tmp_path: Path) -> None:
    detector = Detector.open(spec_of(write_model(tmp_path, nanodet(OBJECTS, SIDE, SIDE))))
    whole = detector.detect(PICTURE)
    first, second = detector.make_input(), detector.make_input()

    first.fill(PICTURE)
    second.fill(PICTURE[:300, :200])  # another picture is made ready meanwhile
    parts = detector.conclude(detector.run(first), first.placements)

    assert parts.boxes.tolist() == whole.boxes.tolist()
    assert parts.scores.tolist() == whole.scores.tolist()
    assert not np.shares_memory(first.tensor, second.tensor)
    assert (first.tensor != second.tensor).any()


def test_windows_go_in_one_run_where_that_is_faster(tmp_path: Path) -> None:
    (answer,) = yolox(OBJECTS, SIDE, SIDE).values()
    path = tmp_path / "batch.onnx"
    path.write_bytes(batch_model(answer, SIDE))
    detector = Detector.open(spec_of(path), threads=1)
    windows = [(0, 0, 1280, 720), (0, 0, 700, 720), (580, 0, 1280, 720)]
    place = detector.make_input(3)
    place.fill(PICTURE, windows)
    apart = detector.conclude(detector.run(place), place.placements)

    measured = detector.measure_batching(3)
    assert measured is not None
    detector.batching = Batching(3, one_by_one_ms=9.0, batch_ms=3.0)
    together = detector.conclude(detector.run(place), place.placements)

    assert len(detector.run(place)) == 3
    assert together.boxes.tolist() == apart.boxes.tolist()
    assert together.scores.tolist() == apart.scores.tolist()
    assert not Batching(3, 9.0, 8.9).gains


def test_a_model_that_takes_one_picture_is_given_one(tmp_path: Path) -> None:
    one = Detector.open(spec_of(write_model(tmp_path, yolox(OBJECTS, SIDE, SIDE))), threads=1)
    assert one.measure_batching(3) is None

    # Says that it takes any number, and answers for one.
    free = write_model(tmp_path, yolox(OBJECTS, SIDE, SIDE), ("batch", 3, SIDE, SIDE))
    assert Detector.open(spec_of(free), threads=1).measure_batching(3) is None
