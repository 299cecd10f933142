"""`patrol-edge track` from outside: what it writes, and what it says to wrong input."""

import json
from pathlib import Path

import pytest

from edge.cli.main import main
from perception.tracking.mot import by_frame, read_rows


def walker(frames: range, *, start: float = 50, speed: float = 3, score: float = 0.9) -> str:
    return "".join(f"{f},-1,{start + speed * f},100,40,100,{score},-1,-1,-1\n" for f in frames)


def run(tmp_path: Path, text: str | bytes, *more: str) -> int:
    det = tmp_path / "det.txt"
    det.write_bytes(text if isinstance(text, bytes) else text.encode())
    argv = ["track", "--detections", str(det), "--fps", "10", "--size", "640x480"]
    return main([*argv, "-o", str(tmp_path / "out.txt"), *more])


def test_a_walker_is_one_track_from_the_first_frame_on(tmp_path: Path) -> None:
    assert run(tmp_path, walker(range(1, 21))) == 0

    frames = by_frame(read_rows(tmp_path / "out.txt"))
    assert sorted(frames) == list(range(1, 21))
    assert {row.track_id for rows in frames.values() for row in rows} == {1}
    assert frames[20][0].left_px == pytest.approx(110, abs=1)


def test_online_begins_with_the_confirmation(tmp_path: Path) -> None:
    run(tmp_path, walker(range(1, 21)), "--online")

    assert min(by_frame(read_rows(tmp_path / "out.txt"))) == 3


def test_a_short_gap_is_filled_but_not_online(tmp_path: Path) -> None:
    text = walker(range(1, 11)) + walker(range(16, 25))
    run(tmp_path, text)
    whole = by_frame(read_rows(tmp_path / "out.txt"))
    run(tmp_path, text, "--online")
    online = by_frame(read_rows(tmp_path / "out.txt"))

    assert sorted(whole) == list(range(1, 25))
    assert whole[13][0].left_px == pytest.approx(50 + 3 * 13, abs=1)
    assert not {11, 12, 13, 14, 15} & set(online)


def test_a_gap_too_long_to_know_is_left_open(tmp_path: Path) -> None:
    run(tmp_path, walker(range(1, 11), speed=0) + walker(range(23, 35), speed=0))

    frames = by_frame(read_rows(tmp_path / "out.txt"))
    assert not set(range(11, 23)) & set(frames)
    assert len({row.track_id for rows in frames.values() for row in rows}) == 1


@pytest.mark.parametrize("scale", [100.0, 1.0, 0.01])
def test_the_scale_of_the_scores_does_not_matter(tmp_path: Path, scale: float) -> None:
    text = walker(range(1, 21), score=0.9 * scale) + walker(
        range(1, 21), start=300, score=0.8 * scale
    )
    run(tmp_path, text)

    rows = read_rows(tmp_path / "out.txt")
    assert {row.track_id for row in rows} == {1, 2}
    assert max(row.score for row in rows) == pytest.approx(0.9 * scale, abs=1e-4)


def test_scores_of_minus_one_are_no_reason_to_see_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, walker(range(1, 21), score=-1)) == 0
    assert len(read_rows(tmp_path / "out.txt")) == 20


def test_a_far_frame_number_costs_no_time(tmp_path: Path) -> None:
    assert run(tmp_path, walker(range(1, 11)) + walker(range(9_999_990, 9_999_999), speed=0)) == 0


def test_the_summary_is_json_on_stdout_where_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = walker(range(1, 21)) + "20,-1,9,9,0,9,0.9\n" + "20,-1,9000,9,9,9,0.9\n"
    run(tmp_path, text, "--json")

    out, err = capsys.readouterr()
    summary = json.loads(out)
    assert (summary["frames"], summary["tracks"], summary["boxes"]) == (20, 1, 20)
    assert summary["left_out"] == {"outside_picture": 1, "bad_box": 1}
    assert "20 frames, 1 tracks" in err


@pytest.mark.parametrize(
    ("text", "more", "code", "said"),
    [
        ("", [], 1, "holds no detections"),
        ("\n \n", [], 1, "holds no detections"),
        ("1,-1,2,3\n", [], 1, "det.txt:1: 4 columns"),
        (walker(range(1, 9)) + "9,-1,1,2,", [], 1, "det.txt:9: 4 columns"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", [], 1, "not a text file"),
        (walker(range(1, 9)), ["--score-min", "0.95"], 2, "no detection scores 0.95"),
        (walker(range(1, 9), start=9000), [], 2, "lie outside a picture of 640x480"),
        (walker(range(1, 9)), ["-o", "/nowhere/at/all.txt"], 2, "is no folder"),
        (walker(range(1, 9)), ["-o", "/"], 2, "is a folder"),
        ("99999999999,-1,1,2,3,4\n", [], 1, "det.txt:1: frame number too large"),
    ],
)
def test_wrong_input_gets_one_cause_and_one_cure(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str | bytes,
    more: list[str],
    code: int,
    said: str,
) -> None:
    assert run(tmp_path, text, *more) == code

    error, cure = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert said in error
    assert cure.startswith("  → ")


@pytest.mark.parametrize(
    "more",
    [["--fps", "0"], ["--fps", "fast"], ["--size", "640"], ["--size", "0x0"], ["--fps", "nan"]],
)
def test_wrong_figures_are_wrong_usage(tmp_path: Path, more: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run(tmp_path, walker(range(1, 9)), *more)

    assert left.value.code == 2


@pytest.mark.parametrize("name", ["det.txt", "./more/../det.txt", "other-name.txt"])
def test_the_detections_are_not_overwritten(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "det.txt").write_text("")
    (tmp_path / "other-name.txt").hardlink_to(tmp_path / "det.txt")
    text = walker(range(1, 9))
    assert run(tmp_path, text, "-o", f"{tmp_path}/{name}") == 2
    assert "is the file of detections itself" in capsys.readouterr().err
    assert (tmp_path / "det.txt").read_text() == text


def test_a_folder_or_nothing_in_place_of_the_detections(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--fps", "10", "--size", "640x480", "-o", str(tmp_path / "out.txt")]
    for path in (tmp_path, tmp_path / "missing.txt", Path("/dev/zero")):
        assert main(["track", "--detections", str(path), *common]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 2
