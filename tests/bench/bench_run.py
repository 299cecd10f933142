"""The whole unit: memory over ten minutes, start to first position, SIGTERM to exit.

One receiver at 1 Hz through a pty, one 720p camera, the shipped model, mosquitto, a plain hub.
`PATROL_EDGE_BENCH_MINUTES` makes the memory run shorter; the figure's name says how long it was.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

from edge.demo.loopback_broker import LoopbackBroker, find_mosquitto
from tests.bench.figures import Figure
from tests.clips import street_clip
from tests.e2e.plain_hub import PlainHub
from tests.e2e.unit_process import UnitProcess, running_unit, simulated_receiver, write_unit_file

STARTS = 5
WARM_UP_S = 30.0


def measure() -> Iterator[Figure]:
    minutes = float(os.environ.get("PATROL_EDGE_BENCH_MINUTES", "10"))
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        broker = stack.enter_context(LoopbackBroker(folder, find_mosquitto()))
        port = stack.enter_context(simulated_receiver(folder))
        unit_file = write_unit_file(
            folder,
            broker.url,
            gnss={"main": {"kind": "serial", "port": str(port)}},
            cameras={"street": {"kind": "file", "path": str(clip_720p(folder)), "loop": True}},
        )
        yield from starts_and_stops(folder, unit_file, broker)
        yield from memory(folder, unit_file, broker, minutes)


def clip_720p(folder: Path) -> Path:
    """The street clip at 1280 x 720, 25 pictures a second, as Motion JPEG."""
    path = folder / "street720.avi"
    source = cv2.VideoCapture(str(street_clip()))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (1280, 720))
    while True:
        found, image = source.read()
        if not found:
            break
        writer.write(cv2.resize(image, (1280, 720)))
    writer.release()
    source.release()
    return path


def starts_and_stops(folder: Path, unit_file: Path, broker: LoopbackBroker) -> Iterator[Figure]:
    first_position_s, stop_s, codes = [], [], set()
    for _ in range(STARTS):
        with PlainHub(broker.port) as hub, running_unit(unit_file, folder / "log") as unit:
            known = len(hub.of("position"))
            hub.wait_for(lambda h, known=known: len(h.of("position")) > known, 30)
            first_position_s.append(hub.first_at("position") - unit.started_at)
            hub.wait_for(lambda h: bool(h.of("event")), 30)
            stop_s.append(unit.terminate())
            codes.add(unit.process.returncode)
    spread = f"{STARTS} starts, {min(first_position_s):.2f} to {max(first_position_s):.2f} s"
    median_s = statistics.median(first_position_s)
    yield Figure(
        name="start to first position at the hub", value=median_s, unit="s", limit=3.0, peer=spread
    )
    yield Figure(
        name="SIGTERM to exit, slowest",
        value=max(stop_s),
        unit="s",
        limit=3.0,
        peer=f"{STARTS} stops, exit codes {sorted(codes)}",
    )


def memory(
    folder: Path, unit_file: Path, broker: LoopbackBroker, minutes: float
) -> Iterator[Figure]:
    with PlainHub(broker.port) as hub, running_unit(unit_file, folder / "log") as unit:
        hub.wait_for(lambda h: bool(h.of("event")), 30)
        time.sleep(WARM_UP_S)
        stamps_s, sizes_mib = watched(unit, minutes * 60)
        events = len(hub.of("event"))
        unit.terminate()
    growth_mib = float(np.polyfit(stamps_s, sizes_mib, 1)[0]) * (stamps_s[-1] - stamps_s[0])
    over = f"over {minutes:g} min"
    yield Figure(
        name=f"resident memory, most {over}",
        value=max(sizes_mib),
        unit="MiB",
        limit=250.0 * 1e6 / 2**20,
        peer=f"{events} events at the hub",
    )
    yield Figure(
        name=f"resident memory, trend {over}",
        value=growth_mib,
        unit="MiB",
        limit=5.0,
        peer=f"{sizes_mib[0]:.1f} MiB at first, {sizes_mib[-1]:.1f} at last",
    )


def watched(unit: UnitProcess, seconds: float) -> tuple[list[float], list[float]]:
    """Resident memory every second: stamps in seconds, sizes in MiB."""
    stamps_s, sizes_mib = [], []
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        stamps_s.append(time.monotonic())
        sizes_mib.append(unit.rss_mib())
        time.sleep(1.0)
    return stamps_s, sizes_mib
