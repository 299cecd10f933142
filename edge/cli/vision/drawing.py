"""What `patrol-edge detect` draws: pictures into a folder, or a video, redacted where asked for."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from drivers.cameras.recordings import UNKNOWN_FPS
from edge.cli.vision.pictures import Shot
from edge.cli.vision.redactors import open_redactor
from edge.cli.vision.video_out import VideoOut
from edge.cli.vision.writing import write_whole
from perception import annotate
from perception.detections import Detections, Track
from perception.inference.catalogue import Catalogue
from perception.redaction import jpeg
from perception.redaction.covering import cover
from perception.redaction.holding import Holding
from perception.redaction.redactor import Redactor

QUALITY = 95


@dataclass(slots=True)
class Drawer:
    """As a context: the video is there at its good end."""

    folder: Path | None
    video: VideoOut | None
    redactor: Redactor | None
    holding: Holding = field(default_factory=Holding)
    names: set[str] = field(default_factory=set)

    @classmethod
    def asked_for(cls, args: argparse.Namespace, catalogue: Catalogue) -> Self | None:
        """None where nothing is to be drawn. Raises CommandError, ModelError."""
        if not args.annotate and not args.annotate_video:
            return None
        video = VideoOut(args.annotate_video) if args.annotate_video else None
        redactor = open_redactor(args, catalogue) if args.redact else None
        return cls(args.annotate, video, redactor)

    def draw(self, shot: Shot, found: Detections, shown: Detections | Sequence[Track]) -> None:
        """`found`: all that was detected. Raises CommandError, PerceptionError."""
        image = shot.image
        if self.redactor is not None:
            regions = self.redactor.regions(image, found)
            image = cover(image, self.holding.add(regions, shot.media_s) if shot.frame else regions)
        drawn = annotate.draw(image, shown)
        if self.video is not None:
            self.video.add(drawn, shot.frame or 1, shot.fps or UNKNOWN_FPS)
        if self.folder is not None:
            data = jpeg.encode(drawn, quality=QUALITY)
            write_whole(self.folder / self._name(shot), data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self.video is not None:
            self.video.__exit__(kind, *rest)

    def _name(self, shot: Shot) -> str:
        stem = shot.path.stem if shot.frame is None else f"{shot.path.stem}-{shot.frame:06d}"
        name, copy = f"{stem}.jpg", 2
        while name in self.names:  # pictures of the same name from two folders
            name, copy = f"{stem}-{copy}.jpg", copy + 1
        self.names.add(name)
        return name
