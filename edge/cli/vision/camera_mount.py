"""`patrol-edge camera calibrate mount`, once its arguments are right."""

import argparse
import csv
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from config.cameras import MountConfig
from config.models import Settings
from config.perception import PerceptionConfig
from edge.cli.console import DONE, USAGE, CommandError, of_perception, say
from edge.cli.vision.camera_inputs import (
    Skipped,
    camera_of,
    inputs_of,
    lens_for,
    name_of,
    spaced,
    warn,
)
from edge.cli.vision.pictures import Shot
from perception.calibration.mount_fit import MountFit, Sighting, fit_mount, of_person
from perception.detection.detector import Detector
from perception.detections import PATROL_CLASSES
from perception.errors import PerceptionError
from perception.inference.catalogue import Catalogue

COLUMNS = ["name", "foot_x", "foot_y", "top_x", "top_y", "height_m", "distance_m", "bearing_deg"]
NEEDED = COLUMNS[:6]
SURE = 0.5  # score of somebody who may stand for a known person
MAX_SIGHTINGS = 2000


def calibrate_mount(args: argparse.Namespace) -> int:
    """Raises CommandError."""
    settings, camera = camera_of(args)
    sightings, size_px = _marked(args) if args.sightings else _persons(args, settings)
    lens = lens_for(camera.lens, size_px)
    try:
        fit = fit_mount(sightings, lens, args.lens_height)
    except PerceptionError as error:
        raise of_perception(error) from error
    _tell_mount(fit, fit.mount(camera.mount), len(sightings))
    return DONE


def _tell_mount(fit: MountFit, mount: MountConfig, count: int) -> None:
    say(
        f"# {count} sightings, {fit.rms_px:.1f} px off (RMS); the angles are known to "
        f"{fit.angle_error_deg:.2f} degrees, the height to {fit.height_error_m:.2f} m (1 sigma)"
    )
    if fit.yaw_deg is None:
        say("# yaw_deg was not measured: give bearings to measure it, too")
    say("mount:")
    for name, value in mount.model_dump(exclude={"calibrated"}).items():
        say(f"  {name}: {value:g}")
    say(f"  calibrated: {datetime.now(UTC).date().isoformat()}")
    warn(fit.warnings())


def _marked(args: argparse.Namespace) -> tuple[list[Sighting], tuple[int, int]]:
    if args.size is None:
        raise CommandError("--sightings needs --size", "such as --size 1920x1080", USAGE)
    path: Path = args.sightings
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            _check_header(path, rows.fieldnames)
            found = [_sighting(path, rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no CSV file"
        raise CommandError(f"{path}: {reason}", "see --help for its columns", USAGE) from error
    return found[:MAX_SIGHTINGS], args.size


def _check_header(path: Path, names: object) -> None:
    given = [str(name) for name in names] if isinstance(names, list | tuple) else []
    lacking = [name for name in NEEDED if name not in given]
    if lacking:
        cure = f"its first line is: {','.join(COLUMNS)}"
        raise CommandError(f"{path} has no column {', '.join(lacking)}", cure, USAGE)


def _sighting(path: Path, line: int, row: dict[str, str | None]) -> Sighting:
    numbers: dict[str, float | None] = {}
    for name in COLUMNS[1:]:
        text = (row.get(name) or "").strip()
        try:
            value = float(text) if text else None
        except ValueError:
            value = math.nan
        wrong = value is None and name in NEEDED
        if wrong or (value is not None and not math.isfinite(value)):
            raise CommandError(f"{path}:{line}: {name} is {text!r}", "write a number", USAGE)
        numbers[name] = value
    distance_m, height_m = numbers["distance_m"], numbers["height_m"] or 0.0
    if height_m < 0 or (distance_m is not None and distance_m <= 0):
        raise CommandError(f"{path}:{line}: a height below 0, or a distance not above it",
                           "measure it on the ground, in metres", USAGE)  # fmt: skip
    return Sighting(
        name=(row.get("name") or f"line {line}").strip(),
        foot_px=(numbers["foot_x"] or 0.0, numbers["foot_y"] or 0.0),
        top_px=(numbers["top_x"] or 0.0, numbers["top_y"] or 0.0),
        height_m=height_m,
        distance_m=distance_m,
        bearing_deg=numbers["bearing_deg"],
    )


def _persons(
    args: argparse.Namespace, settings: Settings
) -> tuple[list[Sighting], tuple[int, int]]:
    """The one person in each picture, found by the unit's own detector."""
    distances = dict(_with_distance(text) for text in args.pictures)
    if not distances:
        raise CommandError("no pictures", "name those in which the person stands", USAGE)
    try:
        detector = _detector(settings.perception)
        found, skipped = list[Sighting](), Skipped()
        size_px = (0, 0)
        for shot in spaced(inputs_of(list(distances))):
            distance_m = distances.get(shot.path)
            sighting = _person(detector, shot, args.person_height, distance_m, skipped)
            size = shot.image.shape[1], shot.image.shape[0]
            if sighting is not None and size_px in ((0, 0), size):
                size_px = size
                found.append(sighting)
        skipped.finish()
    except PerceptionError as error:
        raise of_perception(error) from error
    if not found:
        raise CommandError("nobody was found in the pictures", "or use --sightings")
    return found, size_px


def _with_distance(text: str) -> tuple[Path, float | None]:
    name, _, number = text.rpartition("=")
    if not name:
        return Path(text), None
    try:
        distance_m = float(number)
    except ValueError:
        return Path(text), None
    if not 0 < distance_m < 1000:
        raise CommandError(f"{text}: no distance in metres", "such as gate.jpg=12.5", USAGE)
    return Path(name), distance_m


def _person(
    detector: Detector,
    shot: Shot,
    height_m: float,
    distance_m: float | None,
    skipped: Skipped,
) -> Sighting | None:
    found = detector.detect(shot.image)
    person = PATROL_CLASSES.index("person")
    sure = np.flatnonzero((found.classes == person) & (found.scores >= SURE))
    high, wide = shot.image.shape[:2]
    if len(sure) != 1:
        skipped.skip(shot, f"{len(sure)} persons in it, one is needed")
        return None
    x1, y1, x2, y2 = (float(value) for value in found.boxes[sure[0]])
    if x1 <= 1 or y1 <= 1 or x2 >= wide - 1 or y2 >= high - 1:
        skipped.skip(shot, "the person is cut off")
        return None
    blank = Sighting(
        name=name_of(shot), foot_px=(0, 0), top_px=(0, 0), height_m=height_m, distance_m=distance_m
    )
    return of_person((x1, y1, x2, y2), blank)


def _detector(config: PerceptionConfig) -> Detector:
    spec = Catalogue(config.models_dir).find(config.model)
    return Detector.open(spec, providers=config.providers, threads=config.threads)
