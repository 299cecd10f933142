"""One run of `patrol-edge detect`: detector and tracker over all pictures, results into files."""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from config.perception import TrackerConfig
from edge.cli.console import USAGE, CommandError, note, say
from edge.cli.vision.drawing import Drawer
from edge.cli.vision.pictures import Inputs, Shot, image_ids, shots
from edge.cli.vision.track_sheet import TrackSheet
from edge.cli.vision.writing import check_writable, progress_bar, write_whole
from perception.detection.detector import Detector, Timings
from perception.detections import COCO_IDS, PATROL_CLASSES, Detections
from perception.inference.catalogue import Catalogue
from perception.tracking import mot
from perception.tracking.tracker import Tracker


@dataclass(slots=True)
class Run:
    """Everything of one run."""

    args: argparse.Namespace
    inputs: Inputs
    detector: Detector
    sheet: TrackSheet
    ids: dict[Path, int]
    shown_from: float  # the score from which a detection is printed, counted and drawn
    looked_at: int = 0
    found: Counter[str] = field(default_factory=Counter)
    timings: list[Timings] = field(default_factory=list)
    coco: list[dict[str, Any]] = field(default_factory=list)
    drawer: Drawer | None = None

    @classmethod
    def prepare(cls, args: argparse.Namespace, inputs: Inputs) -> "Run":
        """Everything that can go wrong before the first picture does so here.

        Raises CommandError, PerceptionError.
        """
        ids = image_ids(inputs) if args.coco else {}
        for out in filter(None, (args.coco, args.tracks, args.annotate_video)):
            check_writable(out)
        if args.annotate:
            _make_folder(args.annotate, inputs)
        catalogue = Catalogue(args.models_dir)
        spec = catalogue.find(args.model, family=args.family)
        drawer = Drawer.asked_for(args, catalogue)
        least = args.score_min or (spec.score_floor if args.coco else spec.score_low)
        detector = Detector.open(
            spec,
            providers=args.provider or ("cpu",),
            threads=args.threads,
            score_min=least,
            input_px=args.input,
        )
        for name in detector.session.skipped:
            note(f"provider {name} is not there; using {', '.join(detector.session.providers)}")
        tracker = Tracker(
            TrackerConfig(low_score=max(spec.score_low, least)), high_score=spec.score_threshold
        )
        shown_from = args.score_min or spec.score_threshold
        sheet = TrackSheet(tracker, online=args.online)
        return cls(args, inputs, detector, sheet, ids, shown_from, drawer=drawer)

    def all(self) -> None:
        """Every picture, with progress on a terminal. Raises CommandError, PerceptionError."""
        with progress_bar() as progress, self.drawer or nullcontext():
            total = None if self.inputs.videos else len(self.inputs.pictures)
            task = progress.add_task("detecting", total=total)
            for shot in shots(self.inputs):
                self._one(shot)
                progress.advance(task)

    def _one(self, shot: Shot) -> None:
        everything = self.detector.detect(shot.image)
        self.timings.append(self.detector.timings)
        self.looked_at += 1
        shown = at_least(everything, self.shown_from)
        self.found.update(PATROL_CLASSES[index] for index in shown.classes)
        tracks = None
        if self.args.tracks or self.args.annotate_video:
            tracks = self.sheet.follow(shot.frame or 0, shot.media_s, everything, shot.image)
        if self.args.coco:
            image_id = shot.frame if shot.frame is not None else self.ids[shot.path]
            self.coco += coco_results(everything, image_id)
        if self.drawer is not None:
            self.drawer.draw(shot, everything, shown if tracks is None else tracks)
        self._tell(shot, shown)

    def _tell(self, shot: Shot, shown: Detections) -> None:
        if self.args.json:
            say(json.dumps(as_json(shot, shown)))
        elif shot.frame is None:
            counts = Counter(PATROL_CLASSES[index] for index in shown.classes)
            text = ", ".join(f"{count} {label}" for label, count in counts.most_common())
            say(f"{shot.path}: {text or 'nothing'}")

    def finish(self) -> None:
        """Write the result files and the summary. Raises CommandError."""
        if self.args.coco and self.looked_at:
            write_whole(self.args.coco, json.dumps(self.coco).encode())
        if self.args.tracks and self.looked_at:
            write_whole(self.args.tracks, mot.format_rows(self.sheet.rows()).encode())
        model = self.detector
        found = ", ".join(f"{count} {label}" for label, count in self.found.most_common())
        note(
            f"{model.spec.name} ({model.family.name}, {model.input_px[0]}x{model.input_px[1]}, "
            f"{', '.join(model.session.providers)}, {model.session.threads} threads)"
        )
        note(f"{self.looked_at} pictures; from score {self.shown_from:g}: {found or 'nothing'}")
        if self.inputs.skipped:
            causes = ", ".join(f"{count} {cause}" for cause, count in self.inputs.skipped.items())
            note(f"skipped: {causes}")
        for line in timing_lines(self.timings):
            note(line)


def coco_results(found: Detections, image_id: int) -> list[dict[str, Any]]:
    """Rows of COCO's results format (cocodataset.org, format-results): x, y, width, height."""
    return [
        {
            "image_id": image_id,
            "category_id": COCO_IDS[PATROL_CLASSES[index]],
            "bbox": [round(float(v), 2) for v in (x1, y1, x2 - x1, y2 - y1)],
            "score": round(float(score), 5),
        }
        for (x1, y1, x2, y2), score, index in zip(
            found.boxes, found.scores, found.classes, strict=True
        )
    ]


def as_json(shot: Shot, found: Detections) -> dict[str, Any]:
    result: dict[str, Any] = {"path": str(shot.path)}
    if shot.frame is not None:
        result |= {"frame": shot.frame, "media_s": round(shot.media_s, 3)}
    result["detections"] = [
        {
            "label": PATROL_CLASSES[index],
            "score": round(float(score), 4),
            "box": [round(float(side), 1) for side in box],
        }
        for box, score, index in zip(found.boxes, found.scores, found.classes, strict=True)
    ]
    return result


def timing_lines(timings: Sequence[Timings]) -> Iterable[str]:
    """Median and 95th percentile of the three stages, in milliseconds."""
    if not timings:
        return
    for name in ("pre_ms", "inference_ms", "post_ms"):
        values = [getattr(timing, name) for timing in timings]
        median, p95 = np.percentile(values, (50, 95))
        yield f"  {name.removesuffix('_ms'):9} median {median:7.2f} ms   p95 {p95:7.2f} ms"


def at_least(found: Detections, score: float) -> Detections:
    keep = found.scores >= score
    return Detections(found.boxes[keep], found.scores[keep], found.classes[keep])


def _make_folder(folder: Path, inputs: Inputs) -> None:
    sources = {path.absolute().parent.resolve() for path in inputs.pictures}
    if folder.resolve() in sources:
        raise CommandError(
            f"--annotate {folder} would overwrite the pictures themselves",
            "name another folder",
            USAGE,
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{folder}: {error.strerror}", "name another folder", USAGE) from error
