"""A unit as systemd would run it: `patrol-edge run` in its own process, its devices real enough."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.simulators import end

CLI = (sys.executable, "-m", "edge.cli.main")


def write_unit_file(folder: Path, url: str, **sections: object) -> Path:
    """A unit file with a short health interval; `sections` come on top."""
    content: dict[str, object] = {
        "unit": {"id": "car-07", "kind": "patrol_car"},
        "hub": {"url": url},
        "state_dir": str(folder / "state"),
        "position": {"patrol_every_s": 1},
        "health": {"every_s": 2},
    }
    path = folder / "unit.yaml"
    path.write_text(yaml.safe_dump(content | sections))
    return path


class UnitProcess:
    """The process, and what it wrote to stderr."""

    def __init__(self, unit_file: Path, log: Path, environ: dict[str, str] | None = None) -> None:
        self._log = log
        self.started_at = time.monotonic()
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [*CLI, "run", "--config", str(unit_file)],
                stdout=subprocess.DEVNULL,
                stderr=out,
                env=os.environ | (environ or {}),
            )

    def log_text(self) -> str:
        return self._log.read_text()

    def terminate(self, timeout_s: float = 10.0) -> float:
        """SIGTERM, then wait. Returns how long it took, in seconds."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout_s)
        return time.monotonic() - began

    def rss_mib(self) -> float:
        """Resident memory now (proc(5), statm)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def running_unit(
    unit_file: Path, log: Path, environ: dict[str, str] | None = None
) -> Iterator[UnitProcess]:
    unit = UnitProcess(unit_file, log, environ)
    try:
        yield unit
    finally:
        unit.process.kill()
        unit.process.wait()


@contextmanager
def simulated_receiver(folder: Path, *options: str) -> Iterator[Path]:
    """`patrol-edge gnss simulate` behind a pseudo-terminal, whose path this is."""
    link = folder / "receiver"
    with subprocess.Popen(
        [*CLI, "gnss", "simulate", "--link", str(link), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 30
        try:
            while not link.exists():
                assert process.poll() is None, "the simulator ended"
                assert time.monotonic() < deadline, "the simulator made no port"
                time.sleep(0.02)
            yield link
        finally:
            end(process)
