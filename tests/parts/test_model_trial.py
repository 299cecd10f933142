"""Models made to harm whoever runs them: a child finds out, and this process goes on."""

import time
from pathlib import Path

import numpy as np
import pytest

from perception.detection.detector import Detector
from perception.errors import ModelError
from perception.inference import model_file, model_trial
from perception.inference.catalogue import Catalogue
from tests.head_writer import yolox
from tests.hostile_models import endless_loop, giant, polyglot
from tests.onnx_writer import constant_model

GOOD = constant_model(yolox([], 96, 96), {"images": ((1, 3, 96, 96), 1)})
MIB = 2**20


def test_a_good_model_passes() -> None:
    model_trial.in_a_child(GOOD)


@pytest.mark.parametrize("kind", ["ConstantOfShape", "Expand", "Tile", "Resize"])
def test_a_small_file_that_wants_gigabytes_is_refused(kind: str) -> None:
    content = giant(kind)
    assert len(content) < 1000
    model_file.check(content)

    with pytest.raises(ModelError, match="wants more than 512 MiB"):
        model_trial.in_a_child(content, memory_bytes=512 * MIB)


def test_a_model_that_never_ends_is_refused() -> None:
    content = endless_loop()
    model_file.check(content)
    begun_s = time.monotonic()

    with pytest.raises(ModelError, match="does not finish one picture within 2 s"):
        model_trial.in_a_child(content, time_s=2)
    assert time.monotonic() - begun_s < 10


def test_not_a_number_is_seen() -> None:
    content = constant_model(
        {"out": np.full((1, 2), np.nan, np.float32)}, {"images": ((1, 3, 8, 8), 1)}
    )
    with pytest.raises(ModelError, match="output out is not a number"):
        model_trial.probe(content)


def test_what_cannot_be_loaded_or_run_does_no_harm() -> None:
    model_trial.in_a_child(b"no model at all")


def test_inputs_that_no_picture_has_are_refused() -> None:
    for inputs, reason in (
        ({"images": ((1, 3, 1 << 20, 1 << 20), 1)}, "is absurd"),
        ({"images": ((1, 3, 8, 8), 8)}, "not an array"),
    ):
        content = constant_model({"out": np.zeros(1, np.float32)}, inputs)
        with pytest.raises(ModelError, match=reason):
            model_trial.probe(content)


def test_what_is_both_onnx_and_another_format_is_refused() -> None:
    with pytest.raises(ModelError, match="ONNX Runtime's own format"):
        model_file.check(polyglot())


def test_only_files_that_nobody_knows_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    monkeypatch.setattr(model_trial, "in_a_child", tried.append)
    path = tmp_path / "unknown.onnx"
    path.write_bytes(GOOD)

    Detector.open(Catalogue(tmp_path).find("nanodet-g-416"), threads=1)
    assert tried == []
    Detector.open(Catalogue(tmp_path).find(str(path), family="yolox"), threads=1)
    assert tried == [GOOD]
