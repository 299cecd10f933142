"""What others do with the same messages: paho and libmosquitto without a disk, and two queues."""

import ctypes
import math
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from telemetry.contract.envelope import Sender, body_of, seal
from telemetry.contract.uuid7 import uuid7
from tests.unit_under_test import now, position

WINDOW = 20
TOPIC = "patrol/v1/bench/position"


def payloads(count: int) -> list[bytes]:
    sender = Sender(unit="bench", boot_id=uuid7(now()))
    drafts = (position(number) for number in range(count))
    return [
        seal(body_of(sender, each, uuid7(each.time)), n, historical=False, sent=each.time)
        for n, each in enumerate(drafts)
    ]


def _client(port: int, name: str) -> Any:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(WINDOW)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def paho_alone(port: int, count: int) -> float:
    """Messages a second with paho's own publish(), its window as long as ours, nothing stored."""
    client, done = _client(port, "bench"), threading.Semaphore(0)
    client.on_publish = lambda *_: done.release()
    began = time.perf_counter()
    for payload in payloads(count):
        client.publish(TOPIC, payload, 1)
    for _ in range(count):
        done.acquire()
    rate = count / (time.perf_counter() - began)
    client.disconnect()
    client.loop_stop()
    return rate


def persist_queue_and_paho(port: int, count: int) -> float:
    """persist-queue's SQLite queue with acknowledgements; every message put, sent, acked."""
    from persistqueue import SQLiteAckQueue

    with tempfile.TemporaryDirectory() as folder:
        queue = SQLiteAckQueue(folder, auto_commit=True, multithreading=True)
        return _through(port, count, queue.put, queue.get, queue.ack)


def litequeue_and_paho(port: int, count: int) -> float:
    """litequeue (synchronous=NORMAL, its default); every message put, popped, done."""
    from litequeue import LiteQueue

    with tempfile.TemporaryDirectory() as folder:
        queue = LiteQueue(Path(folder) / "queue.db")
        return _through(
            port,
            count,
            lambda payload: queue.put(payload.decode()),
            queue.pop,
            lambda message: queue.done(message.message_id),
            lambda message: message.data.encode(),
        )


def _through(
    port: int,
    count: int,
    put: Callable[[bytes], Any],
    get: Callable[[], Any],
    finish: Callable[[Any], Any],
    content: Callable[[Any], bytes] = lambda message: message,
) -> float:
    """The straightforward loop around a queue: take, publish, and delete when acknowledged."""
    client, acked = _client(port, "bench-queue"), threading.Semaphore(0)
    client.on_publish = lambda *_: acked.release()
    under_way: list[Any] = []
    began = time.perf_counter()
    for payload in payloads(count):
        put(payload)
    for _ in range(count):
        under_way.append(message := get())
        client.publish(TOPIC, content(message), 1)
        if len(under_way) == WINDOW:
            _settle(under_way, acked, finish)
    _settle(under_way, acked, finish)
    rate = count / (time.perf_counter() - began)
    client.disconnect()
    client.loop_stop()
    return rate


def _settle(under_way: list[Any], acked: threading.Semaphore, finish: Callable[[Any], Any]) -> None:
    for message in under_way:
        acked.acquire()
        finish(message)
    under_way.clear()


def libmosquitto_alone(port: int, count: int) -> float:
    """Messages a second with mosquitto's own C client, nothing stored; NaN where it is absent."""
    try:
        lib = ctypes.CDLL("libmosquitto.so.1")
    except OSError:
        return math.nan
    lib.mosquitto_new.restype = ctypes.c_void_p
    lib.mosquitto_lib_init()
    client = ctypes.c_void_p(lib.mosquitto_new(b"bench-c", ctypes.c_bool(True), None))
    done = threading.Semaphore(0)
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
    on_publish = kind(lambda *_: done.release())
    lib.mosquitto_publish_callback_set(client, on_publish)
    lib.mosquitto_connect(client, b"127.0.0.1", port, 60)
    lib.mosquitto_loop_start(client)
    topic = TOPIC.encode()
    began = time.perf_counter()
    for payload in payloads(count):
        lib.mosquitto_publish(client, None, topic, len(payload), payload, 1, ctypes.c_bool(False))
    for _ in range(count):
        done.acquire()
    rate = count / (time.perf_counter() - began)
    lib.mosquitto_disconnect(client)
    lib.mosquitto_loop_stop(client, ctypes.c_bool(False))
    lib.mosquitto_destroy(client)
    return rate


class BareCommits:
    """One row after the other into a plain SQLite file: what the computer itself takes."""

    def __init__(self, path: Path) -> None:
        self._writer = ThreadPoolExecutor(1)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL").fetchone()
        self._db.execute("CREATE TABLE one (row BLOB)")

    def one_ms(self) -> float:
        began_s = time.perf_counter()
        self._db.execute("INSERT INTO one VALUES (?)", (b"x" * 300,))
        return (time.perf_counter() - began_s) * 1000

    def handed_over_ms(self) -> float:
        """The same by another thread: handed to it, and handed back."""
        began_s = time.perf_counter()
        self._writer.submit(self.one_ms).result()
        return (time.perf_counter() - began_s) * 1000

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.shutdown()
        self._db.close()


def bare_commit_ms(path: Path) -> float:
    """p99 of them, 100 a second."""
    took_ms = []
    with BareCommits(path) as bare:
        for _ in range(200):
            took_ms.append(bare.one_ms())
            time.sleep(0.01)
    return statistics.quantiles(took_ms, n=100)[98]
