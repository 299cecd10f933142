"""The outbox alone, with a publisher that has all acknowledged at once: its share of the CPU.

Every message is put, committed (WAL, FULL), handed over and deleted; the clock stops when the file
is empty. What the MQTT library takes on top is in `delivery`.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure
from tests.torture.pace import Delivering, rate, waits

MESSAGES = 20_000
ALERTS = 200


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        unit = Delivering(Path(folder) / "outbox.db")
        best = min((rate(unit, MESSAGES) for _ in range(3)), key=lambda told: told["cpu_us"])
        alerts = waits(unit, ALERTS)
        unit.stop()
    yield Figure(name="outbox alone: put to deleted", value=best["per_s"], unit="msg/s")
    yield Figure(
        name="outbox alone: CPU", value=best["cpu_us"], unit="us/msg", limit=60, sense="<="
    )
    yield Figure(name="outbox alone: alert committed, p99", value=alerts["p99_ms"], unit="ms")
