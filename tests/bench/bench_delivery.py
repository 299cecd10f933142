"""Durable delivery through a broker on loopback, beside paho alone without a disk.

Every message is committed (WAL, FULL), published with QoS 1, acknowledged by a hub in a process of
its own, and deleted; the clock stops when the queue is empty.
"""

import multiprocessing
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

from edge.hub import ReferenceHub
from telemetry.contract.envelope import Draft, Sender, body_of, seal
from telemetry.contract.uuid7 import uuid7
from tests.bench.figures import Figure
from tests.broker import Broker
from tests.unit_under_test import UnitUnderTest, now, position, wait_for

MESSAGES = 10_000
ALERTS = 400


def measure() -> Iterator[Figure]:
    settings = ["max_queued_messages 100000", "max_inflight_messages 1000"]
    with Broker(settings) as broker, tempfile.TemporaryDirectory() as folder:
        peer = paho_alone(broker.port)
        with _hub_process(broker.url):
            rate, cpu_us = durable(Path(folder) / "hub", broker.port, "hub")
            waits = commit_waits(Path(folder) / "alerts", broker.port)
        to_broker, _ = durable(Path(folder) / "broker", broker.port, "broker")
    beside = f"paho publish(), no disk, same run: {peer:.0f} msg/s"
    yield Figure(name="durable, hub ack", value=rate, unit="msg/s", peer=beside)
    yield Figure(
        name="durable, hub ack: CPU of the unit", value=cpu_us, unit="us/msg", peer="goal 200"
    )
    yield Figure(
        name="durable, broker ack",
        value=to_broker,
        unit="msg/s",
        peer=f"{to_broker / peer:.2f} of paho without a disk",
    )
    yield Figure(
        name="alert accepted: commit p50", value=statistics.median(waits) * 1000, unit="ms"
    )
    p99 = statistics.quantiles(waits, n=100)[98] * 1000
    yield Figure(name="alert accepted: commit p99", value=p99, unit="ms", peer="goal 5")


def paho_alone(port: int) -> float:
    """Messages a second with paho's own publish(), its window as long as ours, nothing stored."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    client = Client(CallbackAPIVersion.VERSION2, "bench", protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(20)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sender = Sender(unit="bench", boot_id=uuid7(now()))
    done = threading.Semaphore(0)
    client.on_publish = lambda *_: done.release()
    began = time.perf_counter()
    for number in range(MESSAGES):
        draft: Draft = position(number)
        payload = seal(
            body_of(sender, draft, uuid7(draft.time)), number, historical=False, sent=draft.time
        )
        client.publish("patrol/v1/bench/position", payload, 1)
    for _ in range(MESSAGES):
        done.acquire()
    rate = MESSAGES / (time.perf_counter() - began)
    client.disconnect()
    client.loop_stop()
    return rate


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
