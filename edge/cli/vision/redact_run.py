"""One run of `patrol-edge redact`: every picture and every video, each into a file of its own."""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from drivers.cameras.recordings import UNKNOWN_FPS
from edge.cli.console import USAGE, CommandError, note, say
from edge.cli.vision.pictures import Inputs, Shot, shots
from edge.cli.vision.redactors import open_detector, open_redactor
from edge.cli.vision.video_out import CODECS, VideoOut
from edge.cli.vision.writing import check_writable, progress_bar, write_whole
from perception.detection.detector import Detector
from perception.inference.catalogue import Catalogue
from perception.redaction import jpeg
from perception.redaction.covering import cover
from perception.redaction.holding import Holding
from perception.redaction.redactor import Redactor
from perception.redaction.regions import Boxes

JPEG_SUFFIXES = (".jpg", ".jpeg")


@dataclass(slots=True)
class RedactRun:
    """Everything of one run."""

    args: argparse.Namespace
    inputs: Inputs
    detector: Detector
    redactor: Redactor
    targets: dict[Path, Path]
    written: int = 0
    regions: int = 0

    @classmethod
    def prepare(cls, args: argparse.Namespace, inputs: Inputs) -> "RedactRun":
        """Everything that can go wrong before the first picture does so here.

        Raises CommandError, PerceptionError.
        """
        targets = choose_targets(args.out, inputs)
        catalogue = Catalogue(args.models_dir)
        redactor, detector = open_redactor(args, catalogue), open_detector(args, catalogue)
        return cls(args, inputs, detector, redactor, targets)

    def all(self) -> None:
        """Every file, with progress on a terminal. Raises CommandError, PerceptionError."""
        with progress_bar() as progress:
            total = None if self.inputs.videos else len(self.inputs.pictures)
            task = progress.add_task("redacting", total=total)
            for path, of_file in groupby(shots(self.inputs), lambda shot: shot.path):
                counted = _counted(of_file, lambda: progress.advance(task))
                if path in self.inputs.videos:
                    self._video(path, counted)
                else:
                    self._picture(path, next(counted))

    @property
    def complete(self) -> bool:
        return self.written == len(self.targets) and not self.inputs.skipped

    def summary(self) -> str:
        how = "heads by geometry alone" if self.redactor.faces is None else "faces and heads"
        skipped = ", ".join(f"{count} {cause}" for cause, count in self.inputs.skipped.items())
        return (
            f"{self.written} of {len(self.targets)} files written, {self.regions} regions covered "
            f"({how}; plates by geometry)" + (f"; skipped: {skipped}" if skipped else "")
        )

    def _regions(self, shot: Shot) -> Boxes:
        return self.redactor.regions(shot.image, self.detector.detect(shot.image))

    def _picture(self, path: Path, shot: Shot) -> None:
        regions = self._regions(shot)
        data = jpeg.encode(cover(shot.image, regions), quality=self.args.quality)
        write_whole(self.targets[path], data)
        self._tell(path, pictures=1, regions=len(regions))

    def _video(self, path: Path, pictures: Iterator[Shot]) -> None:
        holding, count, regions_covered = Holding(), 0, 0
        with VideoOut(self.targets[path]) as out:
            for shot in pictures:
                regions = self._regions(shot)
                covered = cover(shot.image, holding.add(regions, shot.media_s))
                count, regions_covered = count + 1, regions_covered + len(regions)
                out.add(covered, shot.frame or count, shot.fps or UNKNOWN_FPS)
        note(f"{self.targets[path]}: without sound, whether {path.name} had any or not")
        self._tell(path, pictures=count, regions=regions_covered)

    def _tell(self, path: Path, *, pictures: int, regions: int) -> None:
        self.written += 1
        self.regions += regions
        target = self.targets[path]
        if self.args.json:
            found = {"path": str(path), "out": str(target), "pictures": pictures}
            say(json.dumps(found | {"regions": regions, "faces": self.redactor.faces is not None}))
        else:
            say(f"{path} -> {target}: {pictures} pictures, {regions} regions covered")


def choose_targets(out: Path, inputs: Inputs) -> dict[Path, Path]:
    """Where each input goes; never onto an input. Raises CommandError."""
    sources = [*inputs.pictures, *inputs.videos]
    if out.suffix.lower() in (*JPEG_SUFFIXES, *CODECS) and not out.is_dir():
        targets = {sources[0]: _one_target(out, inputs)}
    else:
        _make(out)
        targets = _in_folder(out, inputs)
    given = {path.resolve() for path in sources}
    if any(target.resolve() in given for target in targets.values()):
        raise CommandError(
            f"{out} would overwrite what is given", "name another file or folder", USAGE
        )
    return targets


def _one_target(out: Path, inputs: Inputs) -> Path:
    check_writable(out)
    if len(inputs.pictures) + len(inputs.videos) != 1:
        raise CommandError(f"{out} is one file, and several are given", "name a folder", USAGE)
    wanted = tuple(CODECS) if inputs.videos else JPEG_SUFFIXES
    if out.suffix.lower() not in wanted:
        kind = "a video" if inputs.videos else "a picture"
        raise CommandError(
            f"{out}: {kind} is written as {' or '.join(wanted)}",
            f"name it {out.stem}{wanted[0]}",
            USAGE,
        )
    return out


def _in_folder(folder: Path, inputs: Inputs) -> dict[Path, Path]:
    """Names as in the source; a second one of the same name gets a number."""
    targets: dict[Path, Path] = {}
    taken: set[str] = set()
    for path in (*inputs.pictures, *inputs.videos):
        own = path.suffix.lower() if path.suffix.lower() in CODECS else ".mp4"
        suffix = own if path in inputs.videos else ".jpg"
        name, copy = path.stem + suffix, 2
        while name in taken:
            name, copy = f"{path.stem}-{copy}{suffix}", copy + 1
        taken.add(name)
        targets[path] = folder / name
    return targets


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{folder}: {error.strerror}", "name another folder", USAGE) from error


def _counted(pictures: Iterator[Shot], count: Callable[[], object]) -> Iterator[Shot]:
    for shot in pictures:
        yield shot
        count()
