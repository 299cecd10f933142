"""Kills while the link flaps, a client that freezes, the backlog of three days."""

import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from edge.hub import ReferenceHub
from telemetry.hub.ledger import Arrival
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.transport import TransportEvent
from tests.broker import Broker
from tests.hearing import QUEUE, accepted, hearing, needs_mosquitto, percentile
from tests.link import Link, Weather
from tests.parts.test_publisher_kill import delivered, flap, killed
from tests.torture.trials import Stage, held, trial
from tests.unit_under_test import UnitUnderTest, position, running, wait_for

# --- kills ---


@trial("R-KILL-1", "what was accepted arrives once, though the unit is killed and the link flaps")
def kills(stage: Stage) -> str:
    needs_mosquitto()
    wanted = stage.sized(50, 1000)
    careful, repeats = _kill("careful", stage.folder, wanted)
    naive, _ = _kill("naive", stage.folder, 4)
    held(not careful[1], f"{len(careful[1])} of {careful[0]} accepted messages lost")
    held(naive[1], "the control loses nothing, so the trial proves nothing")
    # A hub acknowledges every 0.1 s, and a killed unit does not know of what came in between, nor
    # does one whose link was cut: at 200 messages a second that is twice 20 of them.
    held(repeats / wanted <= 40, f"{repeats / wanted:.1f} raw repeats per kill")
    return (
        f"{wanted} kills, {careful[0]} accepted, 0 lost, 0 twice after dedup, {repeats} raw "
        f"repeats; the control (paho's own queue) lost {len(naive[1])} of {naive[0]}"
    )


def _kill(kind: str, folder: Path, wanted: int) -> tuple[tuple[int, set[str]], int]:
    """Accepted and lost, and raw repeats. Two units at a time, one broker, one flapping link."""
    heard: list[Arrival] = []
    units = [f"{kind}-{n}" for n in range(2)]
    with Broker(QUEUE) as broker, Link(broker.port) as link:
        hub = ReferenceHub(broker.url, on_arrival=heard.append)
        hub.start()
        held(hub.wait_connected(10), "the hub does not connect")
        stop = threading.Event()
        flapping = threading.Thread(target=flap, args=(link, stop, random.Random(7)))
        flapping.start()
        with ThreadPoolExecutor(2) as pool:
            runs = [
                pool.submit(
                    killed,
                    kind,
                    folder / unit,
                    link.port,
                    wanted // 2,
                    random.Random(n),
                    unit,
                    (0.3, 1.1),
                )
                for n, unit in enumerate(units)
            ]
            ids: set[str] = set().union(*(run.result() for run in runs))
        stop.set()
        flapping.join()
        if kind == "careful":
            for unit in units:
                with running(folder / unit, link.port, unit=unit) as last:
                    held(wait_for(lambda: last.outbox.pending() == 0, 30), "still stored")
        hub.stop()
        repeats = sum(view.duplicates for view in hub.snapshot().units)
    found = delivered(heard)
    held(len(found) == len(set(found)), "a message was taken for new twice")
    return (len(ids), ids - set(found)), repeats


# --- liveness ---


class Frozen(PahoTransport):
    """Its first connection works until `freeze`; then it reports nothing, as a thread would that
    is stuck in native code."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = False
        self.starts = 0

    def start(self, *args: Any) -> None:
        self.frozen = False
        self.starts += 1
        super().start(*args)

    def events(self) -> list[TransportEvent]:
        return [] if self.frozen else super().events()

    def wait(self, timeout_s: float) -> None:
        if self.frozen:
            time.sleep(min(timeout_s, 0.05))
        else:
            super().wait(timeout_s)


@trial("R-LIVE-1", "when a fault ends, the backlog shrinks at once; a frozen client is replaced")
def live_again(stage: Stage) -> str:
    needs_mosquitto()
    rows = stage.sized(3000, 5000)
    carrier = Frozen()
    with Broker(QUEUE) as broker, hearing(broker.url) as heard:
        unit = UnitUnderTest(stage.folder, broker.port, carrier=carrier)
        held(wait_for(lambda: unit.publisher.connected), "no connection")
        carrier.frozen = True
        began_s = time.monotonic()
        for n in range(rows):
            unit.put(position(n, 3), durable=n == rows - 1)
        held(wait_for(lambda: carrier.starts == 2, 30), "a frozen client was not replaced in 30 s")
        replaced_s = time.monotonic() - began_s
        held(wait_for(lambda: unit.outbox.pending() < rows, 10), "the backlog does not shrink")
        shrank_s = time.monotonic() - began_s - replaced_s
        held(wait_for(lambda: unit.outbox.pending() == 0, 30), "still stored after 30 s")
        drained_s = time.monotonic() - began_s - replaced_s
        unit.stop()
    held(len(set(accepted(heard))) == rows + 1, "not all arrived")
    return (
        f"frozen client replaced after {replaced_s:.1f} s, {rows} rows shrink after "
        f"{shrank_s:.1f} s and are gone after {drained_s:.1f} s"
    )


# --- the backlog of three days ---


@trial("R-OUT-2", "through 256 kbit/s alerts go before old telemetry, and new ones do not wait")
def three_days(stage: Stage) -> str:
    needs_mosquitto()
    alerts, telemetry = stage.sized(600, 4320), stage.sized(6000, 259_200)
    with running(stage.folder, 1, max_bytes=512 * 2**20) as unit:
        for n in range(alerts + telemetry):
            urgent = n % ((alerts + telemetry) // alerts) == 0 and n // 11 < alerts * 6
            unit.put(position(n, 1 if urgent else 3), durable=n % 1000 == 999)
        held(wait_for(lambda: unit.outbox.stats().in_memory == 0, 60), "not stored")
        stored = unit.outbox.stats().by_priority
    weather = Weather(kbit_s=256, delay_s=0.05, buffer_bytes=32_768)
    with (
        Broker(QUEUE) as broker,
        Link(broker.port, weather) as link,
        hearing(broker.url) as heard,
        running(stage.folder, link.port) as unit,
    ):
        began_s = time.monotonic()
        held(
            wait_for(lambda: _alerts(heard) >= stored[1], 120),
            f"{_alerts(heard)} of {stored[1]} alerts after 120 s",
        )
        took_s = time.monotonic() - began_s
        old = sum(1 for _, a in heard if a.received and a.received.envelope.priority == 3)
        held(old <= 20, f"{old} old positions came before the last alert")
        waits = _alerts_while_draining(unit, heard, stage.sized(40, 400))
        held(unit.outbox.pending() > 100, "the backlog ended too soon to prove anything")
    p99_s = percentile(waits, 99)
    held(p99_s <= 2.0, f"a new alert took {p99_s:.2f} s (p99)")
    held(took_s <= 90, f"the alerts took {took_s:.0f} s")
    return (
        f"{stored[1]} alerts of {sum(stored)} rows in {took_s:.0f} s, before all but {old} of the "
        f"telemetry; {len(waits)} new alerts meanwhile: p50 {statistics.median(waits):.2f} s, "
        f"p99 {p99_s:.2f} s"
    )


def _alerts(heard: list[tuple[float, Arrival]]) -> int:
    return sum(1 for _, a in heard if a.received and a.received.envelope.priority == 1)


def _alerts_while_draining(
    unit: UnitUnderTest, heard: list[tuple[float, Arrival]], wanted: int
) -> list[float]:
    put_s: dict[str, float] = {}
    for n in range(wanted):
        begun_s = time.monotonic()
        put_s[unit.put(position(n, 1)).id] = begun_s
        time.sleep(0.25)
    ids = set(put_s)

    def came() -> dict[str, float]:
        return {
            a.received.envelope.id: at_s
            for at_s, a in list(heard)
            if a.received is not None and a.received.envelope.id in ids
        }

    held(wait_for(lambda: len(came()) == wanted, 20), "a new alert did not come within 20 s")
    return [at_s - put_s[each] for each, at_s in came().items()]
