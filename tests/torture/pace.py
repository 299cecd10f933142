"""How fast an outbox is, and whom it makes wait, on the disk as it is. Run under strace by a trial.

python -m tests.torture.pace FOLDER MESSAGES ALERTS: one JSON object on stdout.
"""

import json
import sys
import threading
import time
from pathlib import Path

from drivers.clock import SystemClock
from telemetry.contract.envelope import Sender
from telemetry.outbox.outbox import Outbox
from tests.unit_under_test import position, wait_for

MIB = 2**20


class Delivering:
    """An outbox with its worker, and a publisher that has everything acknowledged at once."""

    def __init__(self, path: Path) -> None:
        self.outbox = Outbox(path, Sender(unit="dog-1", boot_id="boot"), SystemClock(), 64 * MIB)
        self._stop, self._bell = threading.Event(), threading.Event()
        self.outbox.attach(self._bell)
        self._threads = [threading.Thread(target=work) for work in (self._keep, self._publish)]
        for thread in self._threads:
            thread.start()
        assert wait_for(lambda: self.outbox.pending() == 0, 30)
        self.outbox.begin_session()

    def _keep(self) -> None:
        while not self._stop.is_set():
            self.outbox.work(0.2)

    def _publish(self) -> None:
        while not self._stop.is_set():
            self._bell.wait(0.2)
            self._bell.clear()
            while taken := self.outbox.take(20):
                self.outbox.acked([outgoing.row.sequence for outgoing in taken])

    def stop(self) -> None:
        self._stop.set()
        self._bell.set()
        for thread in self._threads:
            thread.join(10)
        self.outbox.close()


def rate(unit: Delivering, messages: int) -> dict[str, float]:
    """Messages a second from put to deleted, CPU for each, and the longest that a put took."""
    drafts = [position(number) for number in range(messages)]
    longest_s = 0.0
    cpu_s, began_s = time.process_time(), time.perf_counter()
    for draft in drafts:
        before_s = time.perf_counter()
        unit.outbox.put(draft, durable=False)
        longest_s = max(longest_s, time.perf_counter() - before_s)
    assert wait_for(lambda: unit.outbox.pending() == 0, 120)
    took_s = time.perf_counter() - began_s
    used_us = (time.process_time() - cpu_s) / messages * 1e6
    return {"per_s": messages / took_s, "cpu_us": used_us, "longest_put_ms": longest_s * 1000}


def waits(unit: Delivering, alerts: int) -> dict[str, float]:
    """How long the put of an alert takes, among 100 positions a second."""
    stop = threading.Event()
    longest_s = 0.0

    def sense() -> None:
        nonlocal longest_s
        while not stop.wait(0.01):
            before_s = time.perf_counter()
            unit.outbox.put(position(), durable=False)
            longest_s = max(longest_s, time.perf_counter() - before_s)

    sensing = threading.Thread(target=sense)
    sensing.start()
    took_s = []
    for number in range(alerts):
        before_s = time.perf_counter()
        assert unit.outbox.put(position(number, 1), durable=True, timeout_s=30).stored
        took_s.append(time.perf_counter() - before_s)
        time.sleep(0.02)
    stop.set()
    sensing.join()
    took_s.sort()
    p50_s, p99_s = took_s[alerts // 2], took_s[alerts * 99 // 100]
    return {"p50_ms": p50_s * 1000, "p99_ms": p99_s * 1000, "sensor_ms": longest_s * 1000}


def main() -> None:
    folder, messages, alerts = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    unit = Delivering(folder / "outbox.db")
    found = rate(unit, messages) | waits(unit, alerts)
    unit.stop()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
