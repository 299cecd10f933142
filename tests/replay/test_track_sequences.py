"""The tracker on two real sequences: no change may cost accuracy unnoticed."""

import subprocess
import sys
from pathlib import Path

import pytest

from perception.tracking.mot import by_frame, read_rows
from perception.tracking.mot_scores import Scores, score
from perception.tracking.track_file import follow_rows
from tests.mot_data import NAMES, Sequence
from tests.shared_data import shared


def load(name: str) -> Sequence:
    return Sequence.load(shared(f"data/mot/{name}"))


# Reached on 2026-11-22: TUD-Stadtmitte 57.8/79.5/75.0 and 53.6/79.8/70.7 online,
# KITTI-17 52.9/79.1/66.2 and 45.6/73.1/55.5 online.
@pytest.mark.parametrize(
    ("name", "online", "hota", "idf1", "mota"),
    [
        ("TUD-Stadtmitte", False, 54, 75, 72),
        ("TUD-Stadtmitte", True, 50, 74, 68),
        ("KITTI-17", False, 50, 75, 63),
        ("KITTI-17", True, 43, 69, 53),
    ],
)
def test_accuracy_stays(name: str, online: bool, hota: float, idf1: float, mota: float) -> None:
    sequence = load(name)
    result = follow_rows(read_rows(sequence.detections), sequence.fps, online=online)

    reached = score(sequence.truth, result.rows)

    assert reached.hota >= hota
    assert reached.idf1 >= idf1
    assert reached.mota >= mota


def test_half_the_frame_rate_costs_little() -> None:
    """Over five sequences, 7 to 25 frames/s, so that one exchange of two does not decide."""
    sequences = [load(name) for name in NAMES[1:6]]

    def reached(step: int) -> Scores:
        return sum((online(one, step) for one in sequences), start=Scores.none())

    full, half = reached(1), reached(2)

    assert half.hota >= full.hota - 4.5  # reached: 50.0 and 46.6
    assert half.idf1 >= full.idf1 - 7  # reached: 72.0 and 66.3


def online(sequence: Sequence, step: int) -> Scores:
    """Detections of every step-th frame in; scored on every second one."""
    rows = [row for row in read_rows(sequence.detections) if row.frame % step == 0]
    result = follow_rows(rows, sequence.fps, online=True)
    return score(
        [row for row in sequence.truth if row.frame % 2 == 0],
        [row for row in result.rows if row.frame % 2 == 0],
    )


def test_the_command_is_the_same_in_another_process(tmp_path: Path) -> None:
    sequence = load("TUD-Campus")
    texts = []
    for name in ("one.txt", "two.txt"):
        subprocess.run(
            [
                *(sys.executable, "-m", "edge.cli.main", "track", "--detections"),
                *(str(sequence.detections), "--fps", "25", "--size", "640x480"),
                *("-o", str(tmp_path / name)),
            ],
            check=True,
            capture_output=True,
        )
        texts.append((tmp_path / name).read_text())

    assert texts[0] == texts[1]
    rows = read_rows(tmp_path / "one.txt")
    assert max(by_frame(rows)) == 71
    assert all(len({row.track_id for row in rs}) == len(rs) for rs in by_frame(rows).values())
