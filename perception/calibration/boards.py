"""Calibration boards in pictures: a checkerboard's inner corners, or those of a ChArUco board."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

LEAST_CORNERS = 6  # of a ChArUco board that is seen in part
MARKER_SHARE = 0.75  # of a square, where nothing else is said

Dictionary = Literal["4x4", "5x5", "6x6"]
DICTIONARIES: dict[Dictionary, int] = {
    "4x4": cv2.aruco.DICT_4X4_250,
    "5x5": cv2.aruco.DICT_5X5_250,
    "6x6": cv2.aruco.DICT_6X6_250,
}


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One picture of a board."""

    name: str
    board: Floats  # (N, 3) where the corners are on the board, metres
    pixels: Floats  # (N, 2) where they are in the picture


@dataclass(frozen=True, slots=True)
class Checkerboard:
    """Plain squares."""

    columns: int  # inner corners
    rows: int
    square_m: float

    def find(self, image: Picture, name: str) -> View | None:
        """All corners of the board, or None. Sector-based search: Duda and Frese, BMVC 2018."""
        flags = cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        found, corners = cv2.findChessboardCornersSB(gray, (self.columns, self.rows), flags=flags)
        if not found:
            return None
        grid = np.mgrid[0 : self.columns, 0 : self.rows].T.reshape(-1, 2)
        board = np.column_stack((grid, np.zeros(len(grid)))) * self.square_m
        return View(name, board.astype(np.float32), corners.reshape(-1, 2).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Charuco:
    """Squares with markers: each corner is known by name, so that a part of the board will do."""

    columns: int  # squares
    rows: int
    square_m: float
    dictionary: Dictionary = "4x4"

    def board(self) -> cv2.aruco.CharucoBoard:
        marks = cv2.aruco.getPredefinedDictionary(DICTIONARIES[self.dictionary])
        size = (self.columns, self.rows)
        return cv2.aruco.CharucoBoard(size, self.square_m, self.square_m * MARKER_SHARE, marks)

    def find(self, image: Picture, name: str) -> View | None:
        """The corners that are seen, or None."""
        board = self.board()
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        corners, ids, _, _ = cv2.aruco.CharucoDetector(board).detectBoard(gray)
        if ids is None or len(ids) < LEAST_CORNERS:
            return None
        points = np.asarray(board.getChessboardCorners(), np.float32)[ids.ravel()]
        return View(name, points, np.asarray(corners, np.float32).reshape(-1, 2))


Board = Checkerboard | Charuco
