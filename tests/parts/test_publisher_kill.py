"""kill -9 while the link flaps: what the unit was told is safe arrives, and the control loses."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.hub import ReferenceHub
from telemetry.hub.ledger import Arrival
from tests.broker import MOSQUITTO, Broker
from tests.link import Link
from tests.unit_under_test import running, wait_for

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto")


def flap(link: Link, stop: threading.Event, chance: random.Random) -> None:
    while not stop.wait(chance.uniform(0.1, 0.4)):
        link.cut()
        stop.wait(chance.uniform(0.05, 0.25))
        link.mend()
    link.mend()


def killed(
    kind: str,
    folder: Path,
    port: int,
    kills: int,
    chance: random.Random,
    unit: str = "kill-1",
    after_s: tuple[float, float] = (0.2, 0.7),
    each: Callable[[], None] = lambda: None,
) -> set[str]:
    """Start and kill the producer so often; returns the ids that it was told are safe. `each` is
    called after each kill."""
    accepted: set[str] = set()
    for _ in range(kills):
        command = [sys.executable, "-m", "tests.producer", kind, str(folder), str(port), unit]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            accepted.add(process.stdout.readline().strip())
            time.sleep(chance.uniform(*after_s))
            process.kill()
            rest = process.stdout.read()
        accepted |= {line for line in rest.splitlines() if len(line) == 36}  # the last may be cut
        each()
    return accepted - {""}


def delivered(heard: list[Arrival]) -> list[str]:
    return [
        arrival.received.envelope.id
        for arrival in heard
        if arrival.verdict == "accepted"
        and arrival.received is not None
        and arrival.leaf == "position"
    ]


@pytest.mark.parametrize(("kind", "kills"), [("hub", 10), ("naive", 4)])
def test_kill_9_with_a_flapping_link(tmp_path: Path, kind: str, kills: int) -> None:
    chance = random.Random(7)
    heard: list[Arrival] = []
    with Broker(["max_queued_messages 100000"]) as broker, Link(broker.port) as link:
        hub = ReferenceHub(broker.url, on_arrival=heard.append)
        hub.start()
        assert hub.wait_connected(5)
        stop = threading.Event()
        flapping = threading.Thread(target=flap, args=(link, stop, chance))
        flapping.start()
        accepted = killed(kind, tmp_path, link.port, kills, chance)
        stop.set()
        flapping.join()
        if kind == "hub":
            # Three sets, not two: delivered, still stored, lost.
            with running(tmp_path, link.port, unit="kill-1") as unit:
                assert wait_for(lambda: unit.outbox.pending() == 0, 20), "still stored"
        hub.stop()

    found = delivered(heard)
    assert len(found) == len(set(found))
    lost = accepted - set(found)
    assert len(accepted) > 30 * kills / 4
    if kind == "hub":
        assert not lost
        assert hub.snapshot().units[0].missing == 0
    else:
        assert lost, "the control must lose, or this test proves nothing"
