"""Reads the plate of one vehicle: PP-OCRv4's two networks, as the wheel rapidocr-onnxruntime brings
them. The only module that knows of that wheel: of it the model files are used, and no code, which
would want a second OpenCV and threads of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from perception.errors import ImageError, ModelError
from perception.inference.model_file import read_checked
from perception.inference.session import Session
from perception.plates.colour import plate_colour
from perception.plates.finding import ASPECT, cut_out, network_input, regions, widened
from perception.plates.formats import ALPHABET, LONGEST, LOOK_ALIKE, Colour, Fit, colour_fits, fit

PACKAGE = "rapidocr_onnxruntime"
INSTALL = "install it: pip install 'patrol-edge[plates]'"
# The files of rapidocr-onnxruntime 1.4.4 (PP-OCRv4 of PaddleOCR, Apache-2.0).
FINDER = (
    "ch_PP-OCRv4_det_infer.onnx",
    "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
)
READER = (
    "ch_PP-OCRv4_rec_infer.onnx",
    "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
)

LONGEST_PX = 320  # of a vehicle in the finder's input: its plate is then about 80 pixels wide
LINE_PX = 48  # height of a line in the reader's input
LEAST_CHARACTER = 0.05  # below, a format was forced upon something else
LEAST_PLATE = 0.10
SHORTEST = 7
LEFT_OVER = 5  # so many characters and no plate: look a little beside them
BESIDE = (0.28, 0.08)  # left and right, shares of what was found

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One plate in one picture."""

    fit: Fit
    opinions: Floats  # (N, len(ALPHABET)) of each character, for a vote over pictures
    colour: Colour
    corners: Floats  # (4, 2) pixels of the picture, clockwise from the upper left

    @property
    def height_px(self) -> float:
        """Of the plate in the picture, the mean of its sides."""
        c = self.corners
        return float(np.linalg.norm(c[3] - c[0]) + np.linalg.norm(c[2] - c[1])) / 2

    @property
    def slant(self) -> float:
        """How far it is from upright: 0 straight, 1 at 45 degrees."""
        across = self.corners[1] - self.corners[0]
        return float(min(1.0, abs(across[1]) / max(abs(across[0]), 1e-6)))


class PlateReader:
    """One thread at a time."""

    def __init__(self, finder: Session, reader: Session) -> None:
        """Raises ModelError if the reader's model does not know the characters of plates."""
        self._finder = finder
        self._reader = reader
        characters = reader.metadata.get("character", "").splitlines()
        missing = [c for c in ALPHABET if c not in characters]
        if missing:
            raise ModelError(
                f"the plate reader's model does not know {''.join(missing)[:20]}", INSTALL
            )
        # Column 0 is CTC's blank (Graves et al., ICML 2006), then the list's order.
        self._columns = [
            [characters.index(c) + 1 for c in _meaning(plated) if c in characters]
            for plated in ALPHABET
        ]

    @classmethod
    def open(cls, threads: int = 1) -> Self:
        """Load both networks: about a quarter of a second. Raises ModelError."""
        sessions = [
            Session.open(read_checked(path, sha256), threads=threads)
            for path, sha256 in (_model(FINDER), _model(READER))
        ]
        return cls(*sessions)

    def read(self, picture: Image) -> list[Reading]:
        """Plates in a picture of one vehicle, surest first. (H, W, 3) uint8, BGR.

        Raises ImageError for another shape, ModelError where a network fails.
        """
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ImageError(f"a picture of shape {picture.shape}, {picture.dtype}")
        if min(picture.shape[:2]) < LINE_PX // 6:
            return []
        found = [reading for corners in self._regions(picture)
                 if (reading := self._reading(picture, corners)) is not None]  # fmt: skip
        return sorted(found, key=lambda each: each.fit.confidence, reverse=True)

    def _regions(self, picture: Image) -> Iterator[Floats]:
        tensor, scale = network_input(picture, LONGEST_PX)
        text = self._finder.run({self._finder.inputs[0].name: tensor})[0]
        yield from regions(text[0, 0], scale)
        height, width = picture.shape[:2]
        if ASPECT[0] <= width / height <= ASPECT[1] and height <= 4 * LINE_PX:
            # The picture may be the plate itself, cut out by somebody before.
            yield np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)

    def _reading(self, picture: Image, corners: Floats) -> Reading | None:
        """The plate between the corners; where characters are missing, a little beside them, too:
        the finder may leave out the province, or the yellow part of a plate in two colours."""
        read, characters = self._line(picture, corners)
        if read is None and LEFT_OVER <= characters < LONGEST:
            read, _ = self._line(picture, widened(corners, *BESIDE))
        return read

    def _line(self, picture: Image, corners: Floats) -> tuple[Reading | None, int]:
        """What stands there, and how many characters were seen."""
        line = cut_out(picture, corners, LINE_PX)
        tensor = (line.astype(np.float32) / 127.5 - 1.0).transpose(2, 0, 1)[None]
        steps = self._reader.run({self._reader.inputs[0].name: np.ascontiguousarray(tensor)})[0][0]
        opinions = characters_of(steps, self._columns)
        found = fit(opinions) if SHORTEST <= len(opinions) <= LONGEST else None
        if found is None or min(found.confidences) < LEAST_CHARACTER:
            return None, len(opinions)
        colour = plate_colour(line)
        if found.confidence < LEAST_PLATE or not colour_fits(found.plate, colour):
            return None, len(opinions)
        return Reading(found, opinions, colour, corners), len(opinions)


def _meaning(plated: str) -> str:
    """What a general reader may take a plate's character for."""
    alike = plated + "".join(seen for seen, meant in LOOK_ALIKE.items() if meant == plated)
    return "".join(dict.fromkeys(alike + alike.lower()))


def characters_of(steps: Floats, columns: Sequence[Sequence[int]]) -> Floats:
    """What the network thinks of each character: (N, len(columns)), probabilities.

    `steps`: (T, classes), its output along the line; `columns`: the classes that mean each
    character. Best-path decoding of CTC (Graves et al., section 3.2) among blank and these alone:
    runs of the same character are one, blanks part them. Of a run the surest step speaks.
    """
    among = np.column_stack((steps[:, 0], *(steps[:, each].sum(axis=1) for each in columns)))
    path = np.asarray(among.argmax(axis=1))
    # A step that is neither blank nor of a plate says nothing of a plate.
    path[among.max(axis=1) < LEAST_CHARACTER] = 0
    begins = np.flatnonzero(np.diff(path, prepend=0) != 0)
    runs = np.split(np.arange(len(path)), begins)
    best = [run[among[run, path[run[0]]].argmax()] for run in runs if len(run) and path[run[0]]]
    return np.asarray(among[best, 1:], np.float32)


def is_installed() -> bool:
    """Whether the wheel with the model files is there; they are not looked into."""
    return find_spec(PACKAGE) is not None


def _model(which: tuple[str, str]) -> tuple[Path, str]:
    """Where the wheel has put this file, and its sha-256. Raises ModelError."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError("the plate reader is not installed", INSTALL)
    return Path(spec.origin).parent / "models" / which[0], which[1]
