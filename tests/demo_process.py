"""`make demo` as a process of its own, with all that it starts gone at the end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.clips import street_clip


@contextmanager
def demo(folder: Path, *options: str) -> "Iterator[subprocess.Popen[str]]":
    street_clip()  # skips where the demo is not set up
    with subprocess.Popen(
        [sys.executable, "-m", "edge.demo", "--out", str(folder / "out"), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def told_by(folder: Path, *options: str) -> str:
    """What it says to its end, which must be a good one."""
    with demo(folder, *options) as process:
        said, _ = process.communicate(timeout=180)
    assert process.returncode == 0, said
    assert not list(folder.glob("patrol-demo-*")), "nothing is left behind"
    return said
