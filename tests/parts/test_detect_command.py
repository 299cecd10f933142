"""`patrol-edge detect` on files good and bad, with the shipped model and small ones of our own."""

import json
import os
import pty
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.cli import main
from tests.head_writer import Known, yolox
from tests.onnx_writer import constant_model

SIDE = 416
TERMINAL = {"TERM": "xterm", "COLUMNS": "100"}
OBJECTS = [
    Known("person", 0.9, (40.0, 140.0, 100.0, 280.0)),
    Known("car", 0.8, (150.0, 200.0, 330.0, 300.0)),
    Known("bus", 0.03, (250.0, 120.0, 400.0, 190.0)),
]


@pytest.fixture
def always(tmp_path: Path) -> str:
    """A model that sees the same three objects in every picture."""
    path = tmp_path / "always.onnx"
    outputs = yolox(OBJECTS, SIDE, SIDE)
    path.write_bytes(constant_model(outputs, {"images": ((1, 3, SIDE, SIDE), 1)}))
    return str(path)


def picture(path: Path, width: int = SIDE, height: int = SIDE) -> Path:
    assert cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))
    return path


def video(path: Path, frames: int = 12, fps: float = 10.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (SIDE, SIDE))
    for number in range(frames):
        writer.write(np.full((SIDE, SIDE, 3), 5 * number, np.uint8))
    writer.release()
    return path


def run(*args: str | Path) -> int:
    return main.main(["detect", *map(str, args)])


def test_pictures_become_coco_results(
    always: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "out.json"
    folder.mkdir()
    picture(folder / "000000000139.jpg")
    picture(folder / "frame_7.png", 832, 416)

    assert run(folder, "--model", always, "--coco", out, "--ids", "coco") == 0

    results = json.loads(out.read_text())
    assert [(r["image_id"], r["category_id"]) for r in results] == [
        (139, 1),
        (139, 3),
        (139, 6),  # a score of 0.03 counts for average precision
        (7, 1),
        (7, 3),
        (7, 6),
    ]
    assert results[0]["bbox"] == pytest.approx([40, 140, 60, 140], abs=0.1)
    assert results[3]["bbox"] == pytest.approx([80, 280, 120, 136], abs=0.2)  # cut at 416
    assert results[0]["score"] == pytest.approx(0.9, abs=0.001)
    told = capsys.readouterr()
    assert "000000000139.jpg: 1 person, 1 car" in told.out
    assert "2 pictures; from score 0.5: 2 person, 2 car" in told.err
    assert "inference median" in told.err
    assert "p95" in told.err


def test_json_lines_and_a_threshold_of_ones_own(
    always: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = picture(tmp_path / "a.jpg")

    assert run(path, "--model", always, "--json", "--score-min", "0.85") == 0

    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert found["path"] == str(path)
    assert [d["label"] for d in found["detections"]] == ["person"]
    assert found["detections"][0]["box"] == pytest.approx([40, 140, 100, 280], abs=0.1)


def test_a_video_becomes_tracks_on_every_frame_and_annotated_pictures(
    always: str, tmp_path: Path
) -> None:
    clip, out, drawn = video(tmp_path / "clip.avi"), tmp_path / "t.txt", tmp_path / "drawn"

    assert run(clip, "--model", always, "--tracks", out, "--annotate", drawn) == 0

    rows = [line.split(",") for line in out.read_text().splitlines()]
    frames = [int(row[0]) for row in rows]
    assert frames == list(range(frames[0], 13))
    assert frames[0] <= 4
    assert len({row[1] for row in rows}) == 1, "one person, one id; cars are not in it"
    assert [float(value) for value in rows[-1][2:6]] == pytest.approx([40, 140, 60, 140], abs=1)
    names = sorted(path.name for path in drawn.iterdir())
    assert names == [f"clip-{number:06d}.jpg" for number in range(1, 13)]
    plain, last = np.full((SIDE, SIDE, 3), 55, np.uint8), cv2.imread(str(drawn / names[-1]))
    assert np.abs(last.astype(int) - plain).max() > 60, "something is drawn in"


def test_a_video_has_frame_numbers_as_image_ids(always: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"

    assert run(video(tmp_path / "clip.avi", 3), "--model", always, "--coco", out) == 0

    assert sorted({row["image_id"] for row in json.loads(out.read_text())}) == [1, 2, 3]


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def bad_files(folder: Path) -> dict[str, Path]:
    """Every kind of file that cannot be read, by the cause that it should be counted under."""
    good = picture(folder / "good.jpg").read_bytes()
    content = {
        "cut.jpg": good[: len(good) // 2],
        "noise.png": bytes(range(256)) * 20,
        "text.jpg": b"hello",
        "huge.png": png_header(60_000, 60_000),
        "damaged.png": png_header(64, 64),
        "empty.jpg": b"",
        "noise.mp4": bytes(range(256)) * 400,
        "cut.avi": video(folder / "whole.avi").read_bytes()[:3000],
        "empty.mp4": b"",
    }
    for name, data in content.items():
        (folder / name).write_bytes(data)
    (folder / "void").mkdir()
    return {name: folder / name for name in [*content, "void", "missing.jpg"]}


def test_bad_files_are_told_one_line_each_and_the_rest_goes_on(
    always: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = bad_files(tmp_path)

    assert run(*bad.values(), tmp_path / "good.jpg", "--model", always) == 0

    told = capfd.readouterr()
    assert told.out.count("\n") == 1
    lines = [line for line in told.err.splitlines() if line.startswith("skipped /")]
    assert len(lines) == len(bad)
    for name in bad:
        (line,) = [line for line in lines if f"/{name}:" in line]
        assert "→" in line or ";" in line, "a cause and a cure"
    (summary,) = [line for line in told.err.splitlines() if line.startswith("skipped:")]
    for cause in ("6 unreadable", "2 empty", "1 too large", "1 no pictures", "1 missing"):
        assert cause in summary
    # Nothing else: no traceback, no chatter. libpng's own line cannot be switched off.
    expected = (" ", "always", "1 pictures", "libpng error", "skipped")
    assert [line for line in told.err.splitlines() if not line.startswith(expected)] == []


@pytest.mark.parametrize("name", ["cut.jpg", "cut.avi", "void", "empty.mp4"])
def test_nothing_readable_is_a_failure(
    name: str, always: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bad_files(tmp_path)[name]

    assert run(path, "--model", always) == 1
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["a.jpg", "--coco", "out.json"], "has no number"),
        (["1.jpg", "x1.jpg", "--coco", "out.json"], "same image_id 1"),
        (["1.jpg", "clip.avi", "--coco", "out.json"], "must be the only input"),
        (["1.jpg", "--tracks", "t.txt"], "exactly one video"),
        (["1.jpg", "--coco", "none/out.json"], "does not exist"),
        (["1.jpg", "--coco", "."], "is a folder"),
        (["1.jpg", "--annotate", "."], "overwrite the pictures"),
        (["1.jpg", "--annotate", "1.jpg/x"], "Not a directory"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_work_is_refused_before_it_starts(
    args: list[str],
    reason: str,
    always: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("a.jpg", "1.jpg", "x1.jpg"):
        picture(tmp_path / name)
    video(tmp_path / "clip.avi")
    monkeypatch.chdir(tmp_path)

    assert run(*args, "--model", always) == 2
    told = capsys.readouterr()
    assert reason in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    ("model", "code", "reason"),
    [
        ("no-such-model", 2, "there is no model no-such-model"),
        ("none.onnx", 2, "No such file"),
        ("a.jpg", 2, "there is no model a.jpg"),
        ("./a.jpg", 1, "no usable ONNX model"),
        (".", 2, "is a folder"),
    ],
)
def test_a_model_that_cannot_be_used_is_told_with_a_cure(
    model: str,
    code: int,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    picture(tmp_path / "a.jpg")
    monkeypatch.chdir(tmp_path)

    assert run("a.jpg", "--model", model) == code
    told = capsys.readouterr().err
    assert reason in told
    assert "→" in told


@pytest.mark.parametrize("name", ["missing.jpg", "good.jpg/below.jpg", "/dev/zero"])
def test_a_name_that_is_no_file_is_wrong_usage(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(tmp_path / "good.jpg")
    assert run(tmp_path / name) == 2
    skipped, *_ = capsys.readouterr().err.splitlines()
    assert "does not exist" in skipped or "is not a regular file" in skipped


@pytest.mark.parametrize("name", ["clip.mp4", "a.jpg", "shadow"])
def test_a_file_that_is_closed_to_us_is_not_called_damaged(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / name).write_bytes(b"secret")
    opened = Path.open

    def closed(path: Path, *args: Any, **more: Any) -> Any:
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **more)

    monkeypatch.setattr(Path, "open", closed)
    assert run(tmp_path / name) == 1
    assert f"skipped {tmp_path / name}: may not be read by this user" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [["--threads", "100000"], ["--threads", "0"], ["--threads", "all"], ["--provider", "gpu"]],
)
def test_a_wrong_wish_is_two_lines(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run("a.jpg", *wrong)
    error, cure = capsys.readouterr().err.splitlines()
    assert left.value.code == 2
    assert error.startswith(f"error: {wrong[0]}: ")
    assert wrong[1] in error
    assert cure == "  → patrol-edge detect --help"


def test_pictures_of_one_name_from_two_folders_are_both_drawn(always: str, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        picture(tmp_path / folder / "5.jpg")

    assert (
        run(tmp_path / "one", tmp_path / "two", "--model", always, "--annotate", tmp_path / "d")
        == 0
    )
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == ["5-2.jpg", "5.jpg"]


def test_results_go_to_the_pipe_while_progress_is_on_the_terminal(
    always: str, tmp_path: Path
) -> None:
    paths = [str(picture(tmp_path / f"{number}.jpg")) for number in range(3)]
    terminal, child_end = pty.openpty()
    command = [sys.executable, "-m", "edge.cli.main", "detect", *paths, "--model", always, "--json"]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=child_end, check=True, env=os.environ | TERMINAL
    )
    os.close(child_end)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)

    assert [json.loads(line)["path"] for line in done.stdout.splitlines()] == paths
    assert "detecting" in shown
    assert "3 pictures; from score 0.5" in shown


def test_help_comes_without_loading_the_heavy_libraries() -> None:
    script = (
        "import sys; from edge.cli.main import build_parser; build_parser();"
        "print([m for m in ('onnxruntime', 'cv2', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
