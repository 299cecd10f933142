"""Recordings and models that lie beside the project on some machines, and on others do not."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


def shared(relative: str) -> Path:
    """A path below the shared folder; skips the test, and says so, where there is none."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"needs the shared recordings ({relative}), which are not on this machine")
    return path
