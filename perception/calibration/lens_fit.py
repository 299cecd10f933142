"""Focal lengths, optical axis and distortion from views of a board, and how far to trust them.

The fit is OpenCV's (Zhang, PAMI 22(11), 2000; fisheye: Kannala and Brandt, PAMI 28(8), 2006).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.calibration.boards import View
from perception.errors import PerceptionError
from perception.place.lens import MEASURED_ERROR

Floats = NDArray[np.float64]
Boards = NDArray[np.float32]

LEAST_VIEWS, ENOUGH_VIEWS = 4, 10
GRID = (8, 6)  # cells that corners should lie in
ENOUGH_COVERAGE = 0.8
ENOUGH_TILT_DEG = 20.0
GOOD_RMS_PX = 1.0
BAD_VIEW = 3.0  # times the median error of all views
ENOUGH_FOCAL = 0.01
LEAST_FOCAL_ERROR = 0.002
FISHEYE_STARTS_RAD = (2.0, math.pi)  # from border to border


class CalibrationError(PerceptionError):
    """The pictures or sightings do not tell what they should."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LensFit:
    """A lens as measured in pictures of this size."""

    model: Literal["brown", "fisheye"]
    size_px: tuple[int, int]
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    distortion: tuple[float, ...]
    rms_px: float
    errors_px: dict[str, float]  # of each view, by its name
    focal_error: float  # share, 1 sigma
    coverage: float  # share of GRID's cells with a corner in them
    tilt_deg: float  # of the most tilted board
    residuals: Floats  # (N, 4) where a corner is, and how far off the fit puts it

    def warnings(self) -> list[str]:
        """What is weak in it, each with its cure."""
        found = []
        if len(self.errors_px) < ENOUGH_VIEWS:
            found.append(f"only {len(self.errors_px)} views → take at least {ENOUGH_VIEWS}")
        if self.coverage < ENOUGH_COVERAGE:
            found.append(
                f"the board was in {self.coverage:.0%} of the picture → bring it into the corners"
            )
        if self.tilt_deg < ENOUGH_TILT_DEG:
            found.append(
                f"the board was never tilted by more than {self.tilt_deg:.0f} degrees → tilt it by "
                "30 to 45, each way"
            )
        if self.rms_px > GOOD_RMS_PX:
            found.append(
                f"{self.rms_px:.1f} px off on average → a flat board, held still, in good light"
            )
        if self.focal_error > ENOUGH_FOCAL:
            found.append(f"the focal length is known to {self.focal_error:.1%} only → more views")
        return found + self._bad_views()

    def _bad_views(self) -> list[str]:
        usual = float(np.median(list(self.errors_px.values())))
        limit = max(BAD_VIEW * usual, GOOD_RMS_PX)
        return [
            f"{name} is {error:.1f} px off, others {usual:.1f} → leave it out"
            for name, error in self.errors_px.items()
            if error > limit
        ]


def fit_lens(
    views: Sequence[View], size_px: tuple[int, int], model: Literal["brown", "fisheye"]
) -> LensFit:
    """Raises CalibrationError where the views are too few or say nothing."""
    if len(views) < LEAST_VIEWS:
        raise CalibrationError(
            f"{len(views)} views of the board, at least {LEAST_VIEWS} are needed",
            f"take {ENOUGH_VIEWS} or more, from all sides, the whole board in each",
        )
    try:
        matrix, distortion, turns, shifts, focal_px = _fitted(views, size_px, model)
    except cv2.error as error:
        raise CalibrationError(
            "the views do not fit one lens", "check --board and --square-mm; tilt the board more"
        ) from error
    fx, fy, cx, cy = (float(matrix[i, j]) for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    if not all(math.isfinite(x) and x > 0 for x in (fx, fy)):
        raise CalibrationError("the views do not fit one lens", "tilt the board more")
    off = [
        _projected(view, turn, shift, matrix, distortion, model) - view.pixels
        for view, turn, shift in zip(views, turns, shifts, strict=True)
    ]
    pixels, all_off = np.concatenate([view.pixels for view in views]), np.concatenate(off)
    errors = [math.sqrt(float((one**2).sum(axis=1).mean())) for one in off]
    return LensFit(
        model=model,
        size_px=size_px,
        fx_px=fx,
        fy_px=fy,
        cx_px=cx,
        cy_px=cy,
        distortion=tuple(float(value) for value in np.ravel(distortion)),
        rms_px=math.sqrt(float((all_off**2).sum(axis=1).mean())),
        errors_px={view.name: error for view, error in zip(views, errors, strict=True)},
        focal_error=max(focal_px / fx, LEAST_FOCAL_ERROR),
        coverage=_coverage(pixels, size_px),
        tilt_deg=max(_tilt_deg(turn) for turn in turns),
        residuals=np.column_stack((pixels, all_off)).astype(np.float64),
    )


def _fitted(
    views: Sequence[View], size_px: tuple[int, int], model: str
) -> tuple[Floats, Floats, list[Floats], list[Floats], float]:
    """Matrix, distortion, the boards' turns and shifts, and the error of the focal length, px."""
    boards, pixels = [view.board for view in views], [view.pixels for view in views]
    if model == "fisheye":
        return _fisheye(boards, pixels, size_px)
    _, matrix, distortion, turns, shifts, spread, _, _ = cv2.calibrateCameraExtended(
        boards, pixels, size_px, np.zeros((3, 3)), np.zeros(5)
    )
    return _fit_of(matrix, distortion, turns, shifts, float(np.ravel(spread)[0]))


def _fisheye(
    boards: Sequence[Boards], pixels: Sequence[Boards], size_px: tuple[int, int]
) -> tuple[Floats, Floats, list[Floats], list[Floats], float]:
    """The best fit from several angles of view: from its own first guess OpenCV may find none."""
    flags = cv2.CALIB_RECOMPUTE_EXTRINSIC | cv2.CALIB_FIX_SKEW | cv2.CALIB_USE_INTRINSIC_GUESS
    found: list[tuple[float, tuple[Floats, Floats, list[Floats], list[Floats], float]]] = []
    trouble: cv2.error | None = None
    for across in FISHEYE_STARTS_RAD:
        focal_px, middle = size_px[0] / across, (np.array(size_px) - 1) / 2
        start = np.array([[focal_px, 0, middle[0]], [0, focal_px, middle[1]], [0, 0, 1]])
        try:
            rms, matrix, distortion, turns, shifts = cv2.fisheye.calibrate(
                [board[None].astype(np.float64) for board in boards],
                [points[None].astype(np.float64) for points in pixels],
                size_px,
                start,
                np.zeros((4, 1)),
                flags=flags,
                criteria=(cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 200, 1e-9),
            )
        except cv2.error as error:
            trouble = error
            continue
        # It tells no error; a few views of a board give about this.
        focal_error_px = MEASURED_ERROR * float(matrix[0, 0])
        found.append((float(rms), _fit_of(matrix, distortion, turns, shifts, focal_error_px)))
    if not found and trouble is not None:
        raise trouble
    return min(found, key=lambda one: one[0])[1]


def _fit_of(
    matrix: object, distortion: object, turns: Sequence[object], shifts: Sequence[object], px: float
) -> tuple[Floats, Floats, list[Floats], list[Floats], float]:
    """OpenCV's answers, all in doubles."""

    def of(found: object) -> Floats:
        return np.asarray(found, np.float64)

    return of(matrix), of(distortion), [of(one) for one in turns], [of(one) for one in shifts], px


def _projected(
    view: View, turn: Floats, shift: Floats, matrix: Floats, distortion: Floats, model: str
) -> Floats:
    if model == "fisheye":
        board = view.board[None].astype(np.float64)
        found, _ = cv2.fisheye.projectPoints(board, turn, shift, matrix, distortion)
    else:
        found, _ = cv2.projectPoints(view.board, turn, shift, matrix, distortion)
    return np.asarray(found, np.float64).reshape(-1, 2)


def _coverage(pixels: NDArray[np.float32], size_px: tuple[int, int]) -> float:
    cells = np.floor(pixels / size_px * GRID).astype(int).clip(0, np.array(GRID) - 1)
    return len({(int(x), int(y)) for x, y in cells}) / (GRID[0] * GRID[1])


def _tilt_deg(turn: Floats) -> float:
    """Between the board's face and the line of sight."""
    facing = abs(float(cv2.Rodrigues(np.asarray(turn, np.float64))[0][2, 2]))
    return math.degrees(math.acos(min(facing, 1.0)))
