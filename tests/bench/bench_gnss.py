"""What reading a receiver costs, and how well its logs are understood."""

import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from drivers.gnss.outlets import PtyOutlet
from drivers.gnss.route import demo_route
from drivers.gnss.simulator import GnssSimulator, SimulatorPlan
from tests.bench.figures import Figure
from tests.shared_data import SHARED

RATE_HZ = 10.0
SENTENCES = 8  # GGA RMC GSA GSV VTG GLL GST ZDA
SECONDS = 20.0
UART_BYTES = 16  # what a UART of 115200 baud has collected when it wakes its reader
UART_WAIT_S = UART_BYTES * 10 / 115_200

# The reader alone in a process of its own: what is measured is all of its CPU time, in the kernel,
# too, from the first epoch on. The last line is the bare parser on the same sentences.
READER = """
import json, sys, time
import pynmea2
from config.devices import SerialGnssConfig
from drivers.clock import SystemClock
from drivers.gnss.serial import SerialGnss

port, seconds = sys.argv[1], float(sys.argv[2])
gnss = SerialGnss.open(SerialGnssConfig(kind="serial", port=port), SystemClock())
while gnss.read() is None:
    pass
start, cpu, epochs = time.monotonic(), time.process_time(), 0
before = gnss.counters()["sentences"]
while time.monotonic() - start < seconds:
    epochs += gnss.read() is not None
used, took = time.process_time() - cpu, time.monotonic() - start
sentences = gnss.counters()["sentences"] - before
lines = [line for line in sys.stdin.read().split() if line]
cpu = time.process_time()
for _ in range(50):
    for line in lines:
        pynmea2.parse(line, check=True)
parse_s = (time.process_time() - cpu) / (50 * len(lines))
print(json.dumps({"share": used / took, "epochs_hz": epochs / took,
                  "sentences_hz": sentences / took, "parse_s": parse_s}))
"""


def measure() -> Iterator[Figure]:
    for name, chunk_bytes in (("bursts", 0), ("as a UART of 115200 baud", UART_BYTES)):
        runs = [_reader_share(chunk_bytes) for _ in range(2)]
        share = statistics.mean(run["share"] for run in runs)
        bare = statistics.mean(run["parse_s"] for run in runs) * RATE_HZ * SENTENCES
        rate = statistics.mean(run["epochs_hz"] for run in runs)
        yield Figure(
            name=f"GNSS, 10 Hz x 8 sentences, pty, {name}",
            value=share * 100,
            unit="% core",
            limit=1.0,
            peer=f"bare pynmea2.parse {bare * 100:.3f} %; {rate:.2f} epochs/s",
        )
    if (SHARED / "data/nmea/compare_gpsd.py").exists():
        yield from _against_gpsd()


def _reader_share(chunk_bytes: int) -> dict[str, float]:
    simulator = _simulator()
    outlet = PtyOutlet()
    command = [sys.executable, "-c", READER, outlet.name, str(SECONDS / 2)]
    sample = b"".join(_burst(_simulator()) for _ in range(20)).decode()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        start_s = time.monotonic()
        while time.monotonic() - start_s < SECONDS / 2 + 3:
            time.sleep(max(0.0, start_s + simulator.elapsed_s - time.monotonic()))
            _send(outlet, _burst(simulator), chunk_bytes)
            if reader.poll() is not None:
                break
        text, _ = reader.communicate(sample, timeout=30)
    outlet.close()
    result: dict[str, float] = json.loads(text)
    return result


def _simulator() -> GnssSimulator:
    plan = SimulatorPlan(
        route=demo_route().route(),
        rate_hz=RATE_HZ,
        constellations=("GP",),
        satellites=7,
    )
    return GnssSimulator(plan, datetime(2026, 11, 22, tzinfo=UTC))


def _burst(simulator: GnssSimulator) -> bytes:
    """One sentence of each kind: of the pages of GSV only the first."""
    later_page = re.compile(rb"\$..GSV,\d,[2-9]")
    lines = simulator.burst().splitlines(keepends=True)
    kept = [line for line in lines if not later_page.match(line)]
    if len(kept) != SENTENCES:
        raise AssertionError(f"{len(kept)} sentences in a burst")
    return b"".join(kept)


def _send(outlet: PtyOutlet, burst: bytes, chunk_bytes: int) -> None:
    if not chunk_bytes:
        outlet.write(burst)
        return
    due_s = time.monotonic()
    for at in range(0, len(burst), chunk_bytes):
        outlet.write(burst[at : at + chunk_bytes])
        due_s += UART_WAIT_S
        time.sleep(max(0.0, due_s - time.monotonic()))


def _against_gpsd() -> Iterator[Figure]:
    data = SHARED / "data/nmea"
    command = [
        sys.executable,
        str(data / "compare_gpsd.py"),
        *("--bin", str(Path(sys.executable).with_name("patrol-edge"))),
        *("--logs", str(data / "gpsd"), "--list", str(data / "COMPARABLE.txt")),
        *("--all-too", "--noise", "--recall", "0.99"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    text = done.stdout
    recall = _found(r"recall ([\d.]+) \(", text)
    yield Figure(
        name="GNSS fixes found that gpsd finds",
        value=recall,
        unit="share",
        limit=0.99,
        sense=">=",
        peer="gpsd's own reports on 67 logs",
    )
    for name, pattern in (
        ("GNSS false fixes", r"false (\d+)"),
        ("GNSS wrong places from damaged logs", r"wrong fixes (\d+)"),
        ("GNSS logs with a crash or other problem", r"problems (\d+)/"),
    ):
        yield Figure(name=name, value=_found(pattern, text), unit="", limit=0)


def _found(pattern: str, text: str) -> float:
    found = re.search(pattern, text.rpartition("recall")[0][-200:] + text[-600:])
    return float(found[1]) if found else float("nan")
