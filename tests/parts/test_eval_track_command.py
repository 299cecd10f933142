"""`patrol-edge eval track` from outside: what it says of right, wrong and unreadable tracks."""

import json
from pathlib import Path

import pytest

from edge.cli.main import main
from perception.tracking import mot_scores


def walk(track_id: int, frames: range, left: int = 0) -> str:
    return "".join(f"{frame},{track_id},{left},0,10,20,1,-1,-1,-1\n" for frame in frames)


def run(result: Path, truth: Path, *more: str) -> int:
    return main(["eval", "track", str(result), "--truth", str(truth), *more])


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_one_switch_in_the_middle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = write(tmp_path / "gt.txt", walk(1, range(1, 11)))
    result = write(tmp_path / "out.txt", walk(7, range(1, 6)) + walk(8, range(6, 11)))

    assert run(result, truth, "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert told["all"]["idf1"] == pytest.approx(50)
    assert told["all"]["mota"] == pytest.approx(90)
    assert told["all"]["hota"] == pytest.approx(100 * 0.5**0.5, abs=1e-3)
    assert told["all"]["id_switches"] == 1


@pytest.mark.parametrize("layout", ["{}.txt", "{}/gt/gt.txt"])
def test_folders_go_together_by_name_and_a_missing_result_is_nothing_found(
    tmp_path: Path, layout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("gate", "yard"):
        write(tmp_path / "gt" / layout.format(name), walk(1, range(1, 11)))
    write(tmp_path / "out" / "gate.txt", walk(3, range(1, 11)))
    write(tmp_path / "out" / "roof.txt", walk(3, range(1, 11)))

    assert run(tmp_path / "out", tmp_path / "gt") == 0

    out, err = capsys.readouterr()
    lines = {line.split()[0]: line.split()[1:4] for line in out.splitlines()}
    assert lines["gate"] == ["100.00", "100.00", "100.00"]
    assert lines["yard"] == ["0.00", "0.00", "0.00"]
    assert lines["all"][1:] == ["50.00", "66.67"]
    assert "nothing found in yard" in err
    assert "roof.txt, of which there is no truth" in err


def test_without_trackeval_it_computes_by_itself_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mot_scores, "has_reference", lambda: False)
    truth = write(tmp_path / "gt.txt", walk(1, range(1, 11)))

    assert run(truth, truth) == 0
    assert "not installed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("result", "truth", "code", "said"),
    [
        ("nowhere", "gt.txt", 2, "nowhere: no such file or folder"),
        ("gt.txt", "nowhere", 2, "name the truth"),
        ("gt.txt", "gt", 2, "do not go together"),
        ("empty", "empty", 2, "holds no truth"),
        ("empty", "gt", 2, "name each result after its sequence"),
        ("torn.txt", "gt.txt", 1, "torn.txt:1: 3 columns"),
        ("det.txt", "gt.txt", 1, "id -1 stands twice in frame 1"),
    ],
)
def test_what_cannot_be_compared_is_said_with_its_cure(
    tmp_path: Path,
    result: str,
    truth: str,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tmp_path / "gt.txt", walk(1, range(1, 11)))
    write(tmp_path / "gt" / "gate.txt", walk(1, range(1, 11)))
    write(tmp_path / "torn.txt", "1,2,3\n")
    write(tmp_path / "det.txt", walk(-1, range(1, 3)) + walk(-1, range(1, 3)))
    (tmp_path / "empty").mkdir()

    assert run(tmp_path / result, tmp_path / truth) == code
    err = capsys.readouterr().err
    assert said in err
    assert "→" in err
