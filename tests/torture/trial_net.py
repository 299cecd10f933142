"""The link: outages, half-open connections, bad weather."""

import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from telemetry.link.dialer import Dialer
from telemetry.link.transport import Connected, LinkOptions, Refused
from tests.broker import MOSQUITTO, Broker
from tests.fakes import ManualClock
from tests.hearing import QUEUE, accepted, hearing, needs_mosquitto, percentile
from tests.link import Link, Weather
from tests.parts.test_publisher_alone import ObedientTransport
from tests.torture.trials import Stage, held, trial
from tests.unit_under_test import position, running, wait_for

# --- outages ---


class Patient(ObedientTransport):
    """Refuses while the broker is away, as the clock says."""

    def __init__(self, clock: ManualClock, back_s: float) -> None:
        super().__init__()
        self._clock = clock
        self._back_s = back_s

    def start(self, _options: Any, protocol: Any, _will: Any) -> None:
        up = self._clock.mono_s() >= self._back_s
        self._events += [Connected(protocol) if up else Refused("refused", "nobody listens")]


@trial("R-NET-1", "after an outage of any length the link is back within 10 s, and not all at once")
def outages(stage: Stage) -> str:
    told = []
    for away_s in (5, 60, 600, 3600):
        late = [_back_after(away_s + n / 50) for n in range(stage.sized(100, 1000))]
        p95_s, spread_s = percentile(late, 95), max(late) - min(late)
        held(p95_s <= 10, f"back {p95_s:.1f} s (p95) after an outage of {away_s} s")
        held(spread_s > 0.5, f"after {away_s} s all come back within {spread_s:.1f} s")
        told.append(f"{away_s} s: {p95_s:.1f} s")
    real_s = _real_outage(stage.folder) if MOSQUITTO else float("nan")
    held(not real_s > 10, f"back {real_s:.1f} s after a real outage")
    by_clock = ", ".join(told)
    return f"back after an outage of {by_clock} (p95, by the clock); really, 5 s: {real_s:.1f} s"


def _back_after(away_s: float) -> float:
    """Seconds from the broker's return to the connection, by a clock that the trial moves."""
    clock = ManualClock()
    back_s = clock.mono_s() + away_s
    transport = Patient(clock, back_s)
    link = LinkOptions(host="broker", port=1, client_id="dog-1")
    dialer = Dialer(transport, link, "5", lambda _: None, clock)
    while not dialer.up:
        dialer.step()
        for event in transport.events():
            if isinstance(event, Connected | Refused):
                dialer.heard(event)
        if not dialer.up:
            ends_s = dialer.ends_s()
            clock.advance(0.05 if ends_s is None else max(0.01, ends_s - clock.mono_s()))
    return max(0.0, clock.mono_s() - back_s)


def _real_outage(folder: Path) -> float:
    with Broker() as broker, Link(broker.port) as link, running(folder, link.port) as unit:
        held(wait_for(lambda: unit.publisher.connected), "no connection")
        link.shut()
        time.sleep(5)
        link.mend()
        began_s = time.monotonic()
        held(wait_for(lambda: unit.publisher.connected, 30), "not back within 30 s")
        return time.monotonic() - began_s


@trial("R-NET-2", "a link that is only half open is found out within 20 s")
def half_open(stage: Stage) -> str:
    needs_mosquitto()
    took = []
    for n in range(stage.sized(1, 10)):
        folder = stage.folder / str(n)
        with Broker() as broker, Link(broker.port) as link, running(folder, link.port) as unit:
            held(wait_for(lambda: unit.publisher.connected), "no connection")
            link.stall()
            began_s = time.monotonic()
            unit.put(position(1, 1))
            held(wait_for(lambda: not unit.publisher.connected, 30), "not seen in 30 s")
            took.append(time.monotonic() - began_s)
            link.mend()
            held(wait_for(lambda: unit.publisher.connected, 20), "not back in 20 s")
    held(max(took) <= 20, f"seen after {max(took):.1f} s")
    return f"{len(took)} half-open links seen after at most {max(took):.1f} s"


@contextmanager
def losing(port: int, share: float) -> Iterator[bool]:
    """Random loss of packets to and from a port, by the kernel; whether that is possible here."""
    rule = ["-p", "tcp", "-m", "statistic", "--mode", "random", "--probability", str(share)]
    rules = [[*rule, f"--{end}port", str(port), "-j", "DROP"] for end in ("d", "s")]

    def iptables(action: str) -> bool:
        done = [
            subprocess.run(["iptables", "-w", action, "INPUT", *each], capture_output=True)
            for each in rules
        ]
        return all(each.returncode == 0 for each in done)

    possible = shutil.which("iptables") is not None and iptables("-I")
    try:
        yield possible
    finally:
        if shutil.which("iptables"):
            iptables("-D")


@trial("R-NET-3", "20 % loss, 300 +- 150 ms, 64 kbit/s, resets: none lost, some always goes")
def bad_weather(stage: Stage) -> str:
    needs_mosquitto()
    chance, span_s = random.Random(3), stage.sized(25, 300)
    weather = Weather(delay_s=0.15, jitter_s=0.075, kbit_s=64, slice_bytes=300)
    with (
        Broker(QUEUE) as broker,
        Link(broker.port, weather) as link,
        hearing(broker.url) as heard,
        running(stage.folder, link.port, resend_after_s=10) as unit,
        losing(link.port, 0.2) as loses,
    ):
        stored, resets, ends_s = 0, 0, time.monotonic() + span_s
        next_reset_s = time.monotonic() + 5
        while time.monotonic() < ends_s:
            stored += unit.put(position(stored, 1 if stored % 10 == 0 else 3)).stored
            if time.monotonic() > next_reset_s:
                link.reset()
                resets += 1
                next_reset_s = time.monotonic() + chance.uniform(1, 5)
            time.sleep(0.1)
        during = [at_s for at_s, _ in heard]
        link.change(kbit_s=None)
        held(wait_for(lambda: unit.outbox.pending() == 0, 40), "still stored after 40 s")
    gaps = [after - before for before, after in pairwise(during)]
    longest_s = max(gaps, default=99.0)
    held(len(set(accepted(heard))) >= stored, "lost")
    held(longest_s < 30, f"nothing went for {longest_s:.0f} s")
    loss = "20 % of packets dropped" if loses else "packet loss NOT RUN (needs root and iptables)"
    return (
        f"{stored} stored, {resets} resets in {span_s} s, {loss}: 0 lost, "
        f"longest silence {longest_s:.1f} s"
    )
