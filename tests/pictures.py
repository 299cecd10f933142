"""Looks and pictures for tests: real JPEGs of noise, persons where a test wants them."""

from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.samples import Frame
from edge.seeing.chain import unplaced
from edge.seeing.look import Look
from perception.detections import PATROL_CLASSES, Detections, Track
from telemetry.contract.uuid7 import uuid7
from telemetry.pictures.picture import Picture, Rank

TIME = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
Box = tuple[float, float, float, float]


def noise(height: int = 120, width: int = 160, seed: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def jpeg(size_bytes: int = 4000, seed: int = 1) -> bytes:
    """A real JPEG, filled up to about this size (behind its end marker's comment, COM)."""
    done, data = cv2.imencode(".jpg", noise(16, 16, seed))
    assert done
    raw = data.tobytes()
    rest = size_bytes - len(raw)
    filling = b""
    while rest > 4:
        part = min(rest, 60_000)
        filling += b"\xff\xfe" + (part - 2).to_bytes(2, "big") + bytes(part - 4)
        rest -= part
    return raw[:2] + filling + raw[2:]


def picture(
    rank: Rank = Rank.ALERT,
    *,
    size_bytes: int = 4000,
    seed: int = 1,
    redacted: bool = True,
    camera: str = "front",
) -> Picture:
    return Picture.of(
        uuid7(TIME + timedelta(seconds=seed)),  # ids grow with the seed
        rank,
        jpeg(size_bytes, seed),
        episode=uuid7(TIME),
        camera=camera,
        time=TIME,
        redacted=redacted,
    )


def look(
    image: NDArray[np.uint8],
    *persons: Box,
    mono_s: float = 1000.0,
    camera: str = "front",
    first_id: int = 1,
) -> Look:
    """What the chain would say of it; each person is a track, numbered from `first_id`."""
    frame = Frame(camera=camera, number=0, mono_s=mono_s, image=image)
    tracks = tuple(
        Track(
            track_id=number, label="person", score=0.9, box=box, mono_s=mono_s, seen=True, age_s=1
        )
        for number, box in enumerate(persons, start=first_id)
    )
    found = Detections(
        np.array(persons, np.float32).reshape(-1, 4),
        np.full(len(persons), 0.9, np.float32),
        np.full(len(persons), PATROL_CLASSES.index("person"), np.int64),
    )
    return Look(frame=frame, found=found, tracks=tracks, scene=unplaced(frame, tracks))
