"""What a hub hears of a unit under trial."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.hub import ReferenceHub
from telemetry.hub.ledger import Arrival
from tests.broker import MOSQUITTO
from tests.torture.trials import NotRun, held

QUEUE = ["max_queued_messages 100000"]


def needs_mosquitto() -> None:
    if MOSQUITTO is None:
        raise NotRun("mosquitto is not installed")


@contextmanager
def hearing(url: str, **options: Any) -> Iterator[list[tuple[float, Arrival]]]:
    """A reference hub; what it heard, and when."""
    heard: list[tuple[float, Arrival]] = []
    hub = ReferenceHub(url, on_arrival=lambda a: heard.append((time.monotonic(), a)), **options)
    hub.start()
    try:
        held(hub.wait_connected(10), "the hub does not connect")
        yield heard
    finally:
        hub.stop()


def accepted(heard: list[tuple[float, Arrival]]) -> list[int]:
    """The sequences that a hub took for new."""
    return [
        int(arrival.received.envelope.sequence)
        for _, arrival in heard
        if arrival.verdict == "accepted"
        and arrival.received is not None
        and arrival.received.envelope.sequence is not None
    ]


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]
