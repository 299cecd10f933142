"""The MOT15 sequences beside the project, for the tests and the bench of the tracker."""

from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from perception.tracking.mot import MotRow, read_rows

NAMES = (
    "ADL-Rundle-6",
    "ETH-Sunnyday",
    "KITTI-17",
    "PETS09-S2L1",
    "TUD-Campus",
    "TUD-Stadtmitte",
    "Venice-2",
)


@dataclass(frozen=True, slots=True)
class Sequence:
    """One sequence: what Faster R-CNN found in it, and the truth."""

    name: str
    fps: float
    width_px: int
    height_px: int
    detections: Path
    truth: list[MotRow]  # a score of 0 marks what does not count

    @classmethod
    def load(cls, folder: Path) -> Self:
        ini = ConfigParser()
        ini.read(folder / "seqinfo.ini")
        info = ini["Sequence"]
        return cls(
            name=folder.name,
            fps=info.getfloat("frameRate"),
            width_px=info.getint("imWidth"),
            height_px=info.getint("imHeight"),
            detections=folder / "det" / "frcnn.txt",
            truth=read_rows(folder / "gt" / "gt.txt"),
        )
