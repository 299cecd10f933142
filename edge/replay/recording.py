"""A recording on disk: a folder with `recording.yaml`, pictures, NMEA logs and poses."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import yaml
from pydantic import AwareDatetime, Field, ValidationError
from pydantic_core import ErrorDetails

from config.section import NAME_PATTERN, Section
from drivers.base import DriverError
from drivers.cameras.recordings import open_recording
from drivers.gnss.receiver import NmeaReceiver
from drivers.samples import Attitude, Frame, GnssEpoch
from perception.detections import Detections
from perception.tracking.mot import MotFileError, MotRow, by_frame, read_rows

NAME = "recording.yaml"
MAX_BYTES = 256 * 1024
MAX_POSES = 10_000_000
CHUNK_BYTES = 65_536
REPLAY_MAX_SPEED_MPS = 350.0
ANGLES = {"pitch_deg", "roll_deg", "heading_deg", "height_m"}
ERRORS = {"tilt_error_deg", "heading_error_deg", "height_error_m"}
LARGEST = 1e6  # of any number in a file of poses

DeviceName = Annotated[str, Field(pattern=NAME_PATTERN)]


class RecordingError(Exception):
    """A recording cannot be used. The text says where and what to do."""


class CameraTrack(Section):
    """What one camera recorded."""

    pictures: Path | None = Field(None, description="a video, or a folder of pictures")
    detections: Path | None = Field(
        None, description="MOTChallenge boxes of persons to use instead of the model's"
    )
    fps: float | None = Field(None, gt=0, le=240, description="default: the video's own")
    starts_s: float = Field(0.0, ge=0, le=1e7, description="of the first picture, after `begins`")
    width_px: int | None = Field(None, ge=16, le=8192, description="where there are no pictures")
    height_px: int | None = Field(None, ge=16, le=8192, description="where there are no pictures")


class RecordingFile(Section):
    """`recording.yaml`."""

    version: Literal[1]
    unit: Path = Field(description="the unit's file: model, lens, mount, zones, rules")
    begins: AwareDatetime = Field(description="the time of day at stamp 0")
    cameras: dict[DeviceName, CameraTrack] = Field(min_length=1)
    gnss: dict[DeviceName, Path] = Field(default_factory=dict, description="NMEA logs")
    attitude: Path | None = Field(
        None, description="CSV with mono_s, pitch_deg, roll_deg, heading_deg, height_m"
    )


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture, and what is known to be in it; None: the model shall look."""

    frame: Frame
    found: Detections | None


def read_recording(folder: Path) -> RecordingFile:
    """The description, checked, with its paths made absolute. Raises RecordingError."""
    path = folder / NAME if folder.is_dir() else folder
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecordingError(
            f"{path}: {error.strerror}; a recording is a folder with {NAME} in it"
        ) from error
    if len(content) > MAX_BYTES:
        raise RecordingError(f"{path} is larger than {MAX_BYTES} bytes")
    try:
        described = RecordingFile.model_validate(yaml.safe_load(content))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        line = " ".join(str(error).split())[:300]
        raise RecordingError(f"{path} is no YAML: {line}") from error
    except ValidationError as error:
        faults = ", ".join(_fault(each) for each in error.errors())
        raise RecordingError(f"{path}: {faults}; patrol-edge replay --help shows one") from None
    return _absolute(described, path.parent)


def _fault(error: ErrorDetails) -> str:
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "missing":
        return f"{where} is missing"
    if error["type"] == "extra_forbidden":
        return f"{where} is not known here"
    return f"{where}: {error['msg']}" if where else "holds no keys"


def _absolute(described: RecordingFile, folder: Path) -> RecordingFile:
    cameras = {
        name: track.model_copy(
            update={
                "pictures": track.pictures and folder / track.pictures,
                "detections": track.detections and folder / track.detections,
            }
        )
        for name, track in described.cameras.items()
    }
    return described.model_copy(
        update={
            "unit": folder / described.unit,
            "cameras": cameras,
            "gnss": {name: folder / path for name, path in described.gnss.items()},
            "attitude": described.attitude and folder / described.attitude,
        }
    )


def epochs(path: Path, begins: datetime) -> Iterator[GnssEpoch]:
    """The positions of an NMEA log, stamped with the seconds since `begins` by their own time.

    Epochs without a date, and those before `begins`, are passed over. Raises RecordingError.
    """
    receiver = NmeaReceiver(max_speed_mps=REPLAY_MAX_SPEED_MPS, live=False)
    try:
        with path.open("rb") as log:
            while data := log.read(CHUNK_BYTES):
                for timed in receiver.feed(data, 0.0):
                    yield from _stamped(timed.epoch, begins)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error
    for timed in receiver.finish():
        yield from _stamped(timed.epoch, begins)


def _stamped(epoch: GnssEpoch, begins: datetime) -> Iterator[GnssEpoch]:
    if epoch.utc is not None:
        mono_s = (epoch.utc - begins).total_seconds()
        if mono_s >= 0:
            yield replace(epoch, mono_s=mono_s)


def attitudes(path: Path) -> Iterator[Attitude]:
    """The rows of a CSV with a header; an empty cell is a value that nobody told.

    Raises RecordingError with file and line.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            columns = set(rows.fieldnames or ())
            if "mono_s" not in columns or not columns <= {"mono_s"} | ANGLES | ERRORS:
                known = ", ".join(["mono_s", *sorted(ANGLES), *sorted(ERRORS)])
                raise RecordingError(f"{path}:1: the columns are {known}, of these mono_s always")
            for row in rows:
                yield _attitude(row, f"{path}:{rows.line_num}")
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordingError(f"{path} is no CSV text: {error}") from error


def _attitude(row: dict[str, str], where: str) -> Attitude:
    values: dict[str, float] = {}
    for name, cell in row.items():
        if name is None or cell is None:
            raise RecordingError(f"{where}: not as many columns as in the first line")
        if not cell.strip():
            continue
        try:
            value = float(cell)
        except ValueError:
            raise RecordingError(f"{where}: {name} is {cell[:40]!r}, not a number") from None
        if not math.isfinite(value) or abs(value) > LARGEST:
            raise RecordingError(f"{where}: {name} is {cell[:40]}, which cannot be")
        values[name] = value
    if "mono_s" not in values:
        raise RecordingError(f"{where}: mono_s is missing")
    return Attitude(**values)


def shots(camera: str, track: CameraTrack) -> Iterator[Shot]:
    """A camera's pictures in order, stamped with the seconds since the beginning.

    Raises RecordingError.
    """
    boxes = _boxes(track.detections) if track.detections is not None else None
    if track.pictures is not None:
        yield from _pictures(camera, track, track.pictures, boxes)
    elif boxes is None:
        raise RecordingError(f"cameras.{camera}: give pictures, detections, or both")
    elif track.width_px is None or track.height_px is None or track.fps is None:
        raise RecordingError(
            f"cameras.{camera}: without pictures, give width_px, height_px and fps"
        )
    else:
        image = np.zeros((track.height_px, track.width_px, 3), np.uint8)
        image.setflags(write=False)
        for number in range(max(boxes, default=0)):
            stamp_s = track.starts_s + number / track.fps
            frame = Frame(camera=camera, number=number, mono_s=stamp_s, image=image)
            yield Shot(frame, _found(boxes.get(number + 1, [])))


def _pictures(
    camera: str, track: CameraTrack, path: Path, boxes: dict[int, list[MotRow]] | None
) -> Iterator[Shot]:
    try:
        recording = open_recording(path)
    except DriverError as error:
        raise RecordingError(f"cameras.{camera}: {error}") from error
    fps = track.fps or recording.own_fps()
    number = 0
    try:
        while recording.advance():
            image = recording.picture()
            if image is not None:
                stamp_s = track.starts_s + number / fps
                frame = Frame(camera=camera, number=number, mono_s=stamp_s, image=image)
                yield Shot(frame, None if boxes is None else _found(boxes.get(number + 1, [])))
            number += 1
    finally:
        recording.close()


def _boxes(path: Path) -> dict[int, list[MotRow]]:
    try:
        return by_frame(read_rows(path))
    except MotFileError as error:
        raise RecordingError(str(error)) from error


def _found(rows: list[MotRow]) -> Detections:
    if not rows:
        return Detections.none()
    ordered = sorted(rows, key=lambda row: -row.score)
    return Detections(
        np.array([row.corners for row in ordered], np.float32),
        np.array([row.score for row in ordered], np.float32),
        np.zeros(len(ordered), np.int64),
    )


def begins_in_utc(described: RecordingFile) -> datetime:
    return described.begins.astimezone(UTC)


def at(described: RecordingFile, mono_s: float) -> datetime:
    """The time of day at a stamp."""
    return begins_in_utc(described) + timedelta(seconds=mono_s)
