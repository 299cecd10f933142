"""What plates and searches are tested with: a clock, a journal on disk, an outbox that remembers,
and looks with drawn vehicles and persons in them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.samples import Frame
from edge.positioning.whereabouts import Whereabouts
from edge.reporting.messages import MessageWriter
from edge.seeing.look import Look
from edge.seeing.witness import Witness
from edge.timebase import Timebase
from perception.detections import Detections
from perception.place.frame import LocalFrame
from perception.place.placed import GroundPoint, Scene, Unplaced, WorldTrack
from telemetry.commands.journal import Journal
from telemetry.contract.plates import PlatesList
from tests.commanded import DEVICE, Box
from tests.fakes import ManualClock

TOWN = LocalFrame.at(36.65, 117.0)
BLIND = "q3J8m0s1Vb2xTnY6hK9wLg"


@dataclass
class Field:
    """Everything around a desk, with nothing running."""

    folder: Path
    clock: Any = field(default_factory=ManualClock)
    box: Box = field(default_factory=Box)

    def __post_init__(self) -> None:
        timebase = Timebase(self.clock, synchronised=True)
        self.journal = Journal(
            self.folder / "journal", "dog-1", lambda: DEVICE, timebase.now, self.clock
        )
        self.witness = Witness(
            timebase=timebase,
            whereabouts=(where := Whereabouts(["main"], 5.0)),
            writer=MessageWriter(timebase, where, has_receiver=False),
            put=self.box,
            journal=self.journal,
        )

    def now(self) -> datetime:
        return self.witness.now()

    def told(self, kind: type) -> list[Any]:
        return [draft.data for draft in self.box.drafts if isinstance(draft.data, kind)]

    def disk(self) -> bytes:
        """Every byte of every file, and their names."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return b"".join(str(path).encode() + path.read_bytes() for path in files)

    def files(self) -> set[str]:
        return {
            str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()
        }


def plates_list(**changes: Any) -> PlatesList:
    wanted: dict[str, Any] = {
        "list": "stolen",
        "version": 1,
        "mode": "replace",
        "legal_basis": "case 1180",
        "expires_at": datetime(2026, 6, 2, tzinfo=UTC),
        "entries": [
            {"entry": "e-1", "plate": "鲁A·12345"},
            {"entry": "e-2", "plate": "京AD12345"},
        ],
        "blind": BLIND,
    }
    return PlatesList.model_validate(wanted | changes)


def revocation(version: int, *entries: str, name: str = "stolen") -> PlatesList:
    return PlatesList.model_validate(
        {"list": name, "version": version, "mode": "revoke", "revoke": entries, "blind": BLIND}
    )


def ends_in(clock: Any, seconds: float) -> datetime:
    return clock.utc() + timedelta(seconds=seconds)


def world_track(number: int, label: str, box: tuple[float, ...], **changes: Any) -> WorldTrack:
    wanted: dict[str, Any] = {
        "track_id": number,
        "camera": "front",
        "label": label,
        "score": 0.9,
        "box": box,
        "mono_s": 1000.0,
        "seen": True,
        "age_s": 2.0,
    }
    return WorldTrack(**(wanted | changes))


def placed(east_m: float, north_m: float, error_m: float = 1.0) -> dict[str, Any]:
    point = GroundPoint(east_m, north_m, np.eye(2) * error_m**2)
    return {"point": point, "unplaced": None}


def look(image: NDArray[np.uint8], tracks: list[WorldTrack], mono_s: float, **scene: Any) -> Look:
    height, width = image.shape[:2]
    frame = Frame(
        camera="front", mono_s=mono_s, number=1, image=image
    )  # fmt: skip
    wanted: dict[str, Any] = {
        "camera": "front",
        "mono_s": mono_s,
        "width_px": width,
        "height_px": height,
        "tracks": tuple(tracks),
        "frame": TOWN,
        "unplaced": None if scene else Unplaced.NO_POSE,
    }
    return Look(frame=frame, found=Detections.none(), tracks=(), scene=Scene(**(wanted | scene)))
