"""What the `patrol-edge camera` commands share: the camera in its unit file, and its pictures."""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from config.cameras import LensConfig
from config.devices import CameraConfig
from config.loading import load
from config.models import Settings
from edge.cli.console import USAGE, CommandError, note
from edge.cli.vision.pictures import Inputs, Shot, collect, shots
from perception.place.lens import Lens

VIDEO_EVERY_S = 0.5  # pictures of a video that follow sooner show the same again


def camera_of(args: argparse.Namespace) -> tuple[Settings, CameraConfig]:
    settings = load(args.config).settings
    camera = settings.cameras.get(args.camera)
    if camera is None:
        there = ", ".join(settings.cameras) or "none"
        raise CommandError(
            f"no camera {args.camera!r} in {args.config}", f"there is: {there}", USAGE
        )
    return settings, camera


def lens_for(config: LensConfig | None, size_px: tuple[int, int]) -> Lens:
    if config is None:
        raise CommandError(
            "the camera has no lens in the unit file",
            "measure it: patrol-edge camera calibrate lens --help; or add lens: "
            "{horizontal_fov_deg: ...} from its data sheet",
        )
    lens = Lens.of(config, *size_px)
    if lens is None:
        raise CommandError(
            f"the lens was measured in {config.width_px}x{config.height_px} px, this is "
            f"{size_px[0]}x{size_px[1]}",
            "take a picture of the same shape",
        )
    return lens


def inputs_of(paths: list[Path]) -> Inputs:
    inputs = collect(paths)
    if not inputs.pictures and not inputs.videos:
        raise CommandError("nothing to look at", "name pictures, a folder, or a video", USAGE)
    return inputs


def spaced(inputs: Inputs) -> Iterator[Shot]:
    """All pictures, and of a video one in VIDEO_EVERY_S."""
    next_s: dict[Path, float] = {}
    for shot in shots(inputs):
        if shot.frame is None or shot.media_s >= next_s.get(shot.path, 0.0):
            next_s[shot.path] = shot.media_s + VIDEO_EVERY_S
            yield shot


class Skipped:
    """Pictures that are of no use: each told by name, those of a video by number at the end."""

    def __init__(self) -> None:
        self.count = 0
        self._of_videos: Counter[tuple[str, str]] = Counter()

    def skip(self, shot: Shot, cause: str) -> None:
        self.count += 1
        if shot.frame is None:
            note(f"skipped {shot.path.name}: {cause}")
        else:
            self._of_videos[shot.path.name, cause] += 1

    def finish(self) -> None:
        for (name, cause), count in self._of_videos.items():
            note(f"skipped {count} pictures of {name}: {cause}")


def name_of(shot: Shot) -> str:
    """`gate.jpg`, or `walk.mp4#125` for a picture of a video."""
    return shot.path.name if shot.frame is None else f"{shot.path.name}#{shot.frame}"


def warn(warnings: list[str]) -> None:
    for warning in warnings:
        note(f"warning: {warning}")
