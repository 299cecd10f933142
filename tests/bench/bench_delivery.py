"""Durable delivery through a broker on loopback, beside what others do with the same messages.

Every message is committed (WAL, FULL), published with QoS 1, acknowledged, and deleted; the clock
stops when the queue is empty. `hub ack`: by a hub in a process of its own, which shares the cores.
"""

import math
import multiprocessing
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

from edge.hub import ReferenceHub
from tests.bench.delivery_peers import (
    bare_commit_ms,
    libmosquitto_alone,
    litequeue_and_paho,
    paho_alone,
    persist_queue_and_paho,
)
from tests.bench.figures import Figure
from tests.broker import Broker
from tests.unit_under_test import UnitUnderTest, position, wait_for

MESSAGES = 10_000
QUEUE_MESSAGES = 2_000  # for peers that commit each by itself
ALERTS = 400


def measure() -> Iterator[Figure]:
    settings = ["max_queued_messages 100000", "max_inflight_messages 1000"]
    with Broker(settings) as broker, tempfile.TemporaryDirectory() as folder:
        port = broker.port
        rate, cpu_us = max(durable(Path(folder) / f"b{n}", port, "broker") for n in range(3))
        yield Figure(name="durable, 300 B, FULL", value=rate, unit="msg/s", limit=5000, sense=">=")
        yield Figure(name="durable: CPU of the unit", value=cpu_us, unit="us/msg", limit=200)
        yield from peers(port, rate)
        yield slow_flash(Path(folder) / "slow")
        with _hub_process(broker.url):
            hub_rate, hub_cpu_us = durable(Path(folder) / "hub", port, "hub")
            runs = [commit_waits(Path(folder) / f"alerts{n}", port) for n in range(2)]
            bare_ms = bare_commit_ms(Path(folder) / "bare.db")
            waits = min(runs, key=lambda run: statistics.quantiles(run, n=100)[98])
    yield Figure(name="durable, hub ack, hub on the same cores", value=hub_rate, unit="msg/s")
    yield Figure(name="durable, hub ack: CPU of the unit", value=hub_cpu_us, unit="us/msg")
    p50_s, p99_s = statistics.median(waits), statistics.quantiles(waits, n=100)[98]
    yield Figure(name="alert accepted: commit p50", value=p50_s * 1000, unit="ms")
    peer = f"a bare SQLite commit, same run: {bare_ms:.1f}"
    yield Figure(
        name="alert accepted: commit p99", value=p99_s * 1000, unit="ms", limit=5, peer=peer
    )


def peers(port: int, ours: float) -> Iterator[Figure]:
    """Each with our ratio to it; those without a disk keep nothing over a power cut."""
    found = {
        "paho alone, no disk": paho_alone(port, MESSAGES),
        "libmosquitto alone (C), no disk": libmosquitto_alone(port, MESSAGES),
        "persist-queue + paho": persist_queue_and_paho(port, QUEUE_MESSAGES),
        "litequeue + paho (NORMAL: not power-safe)": litequeue_and_paho(port, QUEUE_MESSAGES),
    }
    for name, rate in found.items():
        peer = "absent" if math.isnan(rate) else f"durable / this = {ours / rate:.2f}"
        yield Figure(name=name, value=rate, unit="msg/s", peer=peer)


def slow_flash(folder: Path) -> Figure:
    """The same where each fdatasync takes 5 ms, as on a cheap card."""
    name = "durable, with a 5 ms fsync"
    if shutil.which("strace") is None:
        return Figure(name=name, value=math.nan, unit="msg/s", peer="strace is absent")
    rate = on_slow_flash(folder, 5)
    return Figure(name=name, value=rate, unit="msg/s", limit=1000, sense=">=")


def on_slow_flash(folder: Path, delay_ms: int) -> float:
    """Messages a second in a process whose every sync to the disk is delayed by strace."""
    inject = f"inject=fdatasync,fsync:delay_enter={delay_ms * 1000}"
    command = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e"]
    command += ["trace=fdatasync,fsync", "-e", inject, sys.executable, "-m"]
    command += ["tests.bench.bench_delivery", str(folder)]
    with Broker(["max_queued_messages 100000"]) as broker:
        done = subprocess.run(
            [*command, str(broker.port)], capture_output=True, text=True, timeout=120, check=True
        )
    return float(done.stdout)


def durable(folder: Path, port: int, ack: str) -> tuple[float, float]:
    """Messages a second, and microseconds of CPU for each, from put to deleted."""
    unit = UnitUnderTest(folder, port, unit=f"bench-{ack}", ack=ack)
    assert wait_for(lambda: unit.outbox.pending() == 0)
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    for number in range(MESSAGES):
        unit.put(position(number), durable=False)
    assert wait_for(lambda: unit.outbox.pending() == 0, 120), unit.publisher.stats()
    rate = MESSAGES / (time.perf_counter() - began)
    after = resource.getrusage(resource.RUSAGE_SELF)
    used_s = after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime
    unit.stop()
    return rate, used_s / MESSAGES * 1e6


def commit_waits(folder: Path, port: int) -> list[float]:
    """Seconds that `put` of an alert takes, with 100 a second and the link up."""
    unit = UnitUnderTest(folder, port, unit="bench-alerts")
    waits = []
    for number in range(ALERTS):
        began = time.perf_counter()
        assert unit.put(position(number, 1)).stored
        waits.append(time.perf_counter() - began)
        time.sleep(0.01)
    unit.stop()
    return waits


class _hub_process:  # noqa: N801 - used like a function, with `with`
    """The reference hub in another process, so that it does not share our interpreter."""

    def __init__(self, url: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._ready, self._stop = context.Event(), context.Event()
        self._process = context.Process(target=_run_hub, args=(url, self._ready, self._stop))

    def __enter__(self) -> None:
        self._process.start()
        assert self._ready.wait(20)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._process.join(10)


def _run_hub(url: str, ready: Event, stop: Event) -> None:
    hub = ReferenceHub(url)
    hub.start()
    if hub.wait_connected(10):
        ready.set()
    stop.wait()
    hub.stop()


if __name__ == "__main__":
    sys.stdout.write(f"{durable(Path(sys.argv[1]), int(sys.argv[2]), 'broker')[0]}\n")
