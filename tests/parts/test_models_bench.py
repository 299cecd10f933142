"""`patrol-edge models bench`: a line each, measured in a child; wrong things told in words."""

import json
from pathlib import Path

import pytest

from edge.cli import main
from tests.head_writer import yolox
from tests.onnx_writer import constant_model


def run(*args: str | Path) -> int:
    return main.main(["models", "bench", *map(str, args)])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "small.onnx"
    path.write_bytes(constant_model(yolox([], 96, 96), {"images": ((1, 3, 96, 96), 1)}))
    return path


def test_a_line_for_each_number_of_threads(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(model, "--threads", "1,2", "--seconds", "0.2", "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [row["threads"] for row in rows] == [1, 2]
    for row in rows:
        assert row["model"] == "small"
        assert row["provider"] == "cpu"
        assert 0 < row["p50_ms"] <= row["p90_ms"] <= row["p99_ms"]
        assert row["bare_ms"] < row["p99_ms"]
        assert row["pictures"] > 0
        assert 30 < row["memory_mb"] < 1000


def test_a_provider_that_is_not_here_is_said_and_the_cpu_measured(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(model, "--provider", "tensorrt", "--seconds", "0.2") == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[0].startswith("model ")
    assert " cpu " in told.out.splitlines()[1]
    assert "tensorrt is not there: this is cpu" in told.err


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("no-such-model",), "there is no model no-such-model"),
        (("face-yunet",), "a model for redaction, not for detection"),
        (("MODEL", "--threads", "one"), "no list of numbers like 1,2"),
        (("MODEL", "--threads", "0"), "not within 1..64"),
        (("MODEL", "--input", "300x300"), "sides are multiples of 32"),
        (("MODEL", "--seconds", "0"), "not within"),
        (("MODEL", "--images", "nowhere.jpg", "--seconds", "0.2"), "no picture"),
    ],
)
def test_wrong_usage_is_told(
    args: tuple[str, ...], reason: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(model) if arg == "MODEL" else arg for arg in args]
    try:
        code = run(*given)
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert reason in capsys.readouterr().err


def test_a_size_that_the_model_cannot_take_is_told_and_the_next_goes_on(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(model, "--input", "64x64", "--seconds", "0.2") == 1
    assert "cannot take pictures of 64x64" in capsys.readouterr().err
