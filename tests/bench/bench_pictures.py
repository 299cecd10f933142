"""What pictures cost an alert: from `put` to the hub, with a spool full of pictures and without."""

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from telemetry.contract.envelope import Draft
from telemetry.contract.events import TamperEvent
from telemetry.link.picture_flow import PictureFlow
from telemetry.pictures.picture import Picture, Rank
from telemetry.pictures.spool import PictureSpool
from tests.bench.figures import Figure
from tests.broker import MOSQUITTO, Broker
from tests.hearing import hearing, percentile
from tests.link import Link, Weather
from tests.pictures import picture
from tests.unit_under_test import now, running, wait_for

ALERTS = 40
EVERY_S = 0.25
KIB = 1024
# What a link may carry, the share of it that pictures have, and what an alert may wait longer.
LINKS = ((4000, 256, 0.3), (512, 128, 1.5))


def measure() -> Iterator[Figure]:
    if MOSQUITTO is None:
        yield Figure(name="alert p95 beside pictures (no mosquitto)", value=float("nan"), unit="s",
                     limit=1.0)  # fmt: skip
        return
    for kbit_s, share_kbit_s, limit_s in LINKS:
        alone_s, _ = alerts_over(kbit_s, None)
        beside_s, pictures = alerts_over(kbit_s, share_kbit_s)
        yield Figure(
            name=f"what pictures add to an alert's p95, {kbit_s} kbit/s",
            value=percentile(beside_s, 95) - percentile(alone_s, 95),
            unit="s",
            limit=limit_s,
            peer=f"alone {percentile(alone_s, 95):.3f} s, median {median(alone_s):.3f}; beside "
            f"{percentile(beside_s, 95):.3f} s, median {median(beside_s):.3f}, {pictures} pictures",
        )


def alerts_over(kbit_s: int, share_kbit_s: int | None) -> tuple[list[float], int]:
    """How long each alert took, and how many pictures went beside. `share_kbit_s` None: none."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Broker() as broker,
        Link(broker.port, Weather(kbit_s=kbit_s, delay_s=0.03)) as link,
        hearing(broker.url) as heard,
        running(Path(folder), link.port) as unit,
    ):
        spool = PictureSpool(Path(folder) / "pictures", 8 * KIB * KIB)
        flow = PictureFlow(spool, lambda _picture: True, share_kbit_s, 64 * KIB)
        stop = threading.Event()
        feeder = threading.Thread(target=_feed, args=(spool, flow, stop), daemon=True)
        if share_kbit_s is not None:
            spool.attach(unit.publisher.bell)
            unit.publisher.carry_pictures(flow)
            feeder.start()
        put_s = {}
        for _ in range(ALERTS):
            time.sleep(EVERY_S)
            begun_s = time.monotonic()
            put_s[unit.put(_alert()).id] = begun_s
        wait_for(lambda: unit.outbox.pending() == 0, 30)
        stop.set()
        sent = spool.stats().sent
        if feeder.is_alive():
            feeder.join(5)
    took = [
        at_s - put_s[arrival.received.envelope.id]
        for at_s, arrival in heard
        if arrival.received is not None and arrival.received.envelope.id in put_s
        and arrival.verdict == "accepted"
    ]  # fmt: skip
    return took, sent


def _feed(spool: PictureSpool, flow: PictureFlow, stop: threading.Event) -> None:
    """A picture is always waiting, of the size that the link can carry at this moment."""
    number = 0
    while not stop.wait(0.05):
        if spool.stats().waiting < 2:
            number += 1
            spool.put(_picture(number, min(64 * KIB, flow.limit_bytes)))
        spool.work()


def _picture(number: int, size_bytes: int) -> Picture:
    return picture(Rank.ALERT, size_bytes=size_bytes, seed=number)


def _alert() -> Draft:
    return Draft.of(TamperEvent(what="camera_covered", component="front", text=""), now(), "ntp")
