"""Files of MOTChallenge: detections in, tracking results out (motchallenge.net/instructions).

One line per box, comma separated: frame (from 1), id (-1 for a detection), left, top, width,
height in pixels, score, and three columns for world coordinates that are -1 where unused.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

MAX_FRAME = 10_000_000  # four days at 30 frames/s: a larger number is damage, not a frame
MAX_PIXELS = 1e7  # a coordinate beyond this is damage


class MotFileError(Exception):
    """A MOTChallenge file cannot be used. The text names file and line."""


@dataclass(frozen=True, slots=True)
class MotRow:
    """One box of one frame."""

    frame: int  # from 1
    track_id: int  # -1 for a detection
    left_px: float
    top_px: float
    width_px: float
    height_px: float
    score: float  # the detector's own scale; 1.0 where the column is missing

    @classmethod
    def of_corners(
        cls, frame: int, track_id: int, box: tuple[float, float, float, float], score: float
    ) -> Self:
        """From x1 y1 x2 y2, pixels."""
        x1, y1, x2, y2 = box
        return cls(frame, track_id, x1, y1, x2 - x1, y2 - y1, score)

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """x1 y1 x2 y2, pixels."""
        return (
            self.left_px,
            self.top_px,
            self.left_px + self.width_px,
            self.top_px + self.height_px,
        )


def read_rows(path: Path) -> list[MotRow]:
    """All rows of a file, in its order. Blank lines are passed over.

    Raises MotFileError, with file and line, for a row that is not one, and for a file that cannot
    be read. A box without area is a row: the tracker passes over it and counts it.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise MotFileError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MotFileError(f"{path}: not a text file") from error
    return [
        parse_row(line, f"{path}:{number}")
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip()
    ]


def parse_row(line: str, where: str) -> MotRow:
    """One row; `where` goes into the MotFileError for a line that is not one."""
    fields = [field.strip() for field in line.strip().rstrip(",").split(",")]
    if len(fields) < 6:
        raise MotFileError(
            f"{where}: {len(fields)} columns, but frame,id,left,top,width,height,score are needed"
        )
    try:
        frame, track_id, left, top, width, height, score = (
            float(field) for field in (*fields[:7], "1")[:7]
        )
    except ValueError:
        raise MotFileError(f"{where}: not all of the first 7 columns are numbers") from None
    if not (frame.is_integer() and 1 <= frame <= MAX_FRAME):
        if frame > MAX_FRAME:
            raise MotFileError(f"{where}: frame number too large: {fields[0]} is over {MAX_FRAME}")
        raise MotFileError(f"{where}: frame is {fields[0]}, but frames count from 1")
    if not (track_id.is_integer() and abs(track_id) < 2**53):
        raise MotFileError(f"{where}: id is {fields[1]}, not a whole number")
    if not all(abs(value) <= MAX_PIXELS for value in (left, top, width, height)):
        raise MotFileError(f"{where}: a box that no picture holds")
    if not math.isfinite(score):
        raise MotFileError(f"{where}: score is {fields[6]}, not a number")
    return MotRow(int(frame), int(track_id), left, top, width, height, score)


def by_frame(rows: Iterable[MotRow]) -> dict[int, list[MotRow]]:
    """The rows of each frame that has any."""
    frames: defaultdict[int, list[MotRow]] = defaultdict(list)
    for row in rows:
        frames[row.frame].append(row)
    return dict(frames)


def format_rows(rows: Iterable[MotRow]) -> str:
    """A result file: sorted by frame, then id; score in the seventh column."""
    return "".join(
        f"{row.frame},{row.track_id},{row.left_px:.2f},{row.top_px:.2f},"
        f"{row.width_px:.2f},{row.height_px:.2f},{row.score:.4f},-1,-1,-1\n"
        for row in sorted(rows, key=lambda row: (row.frame, row.track_id))
    )
