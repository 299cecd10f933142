"""What docs/scale.md builds on: a simulated fleet, mosquitto, a RabbitMQ cluster, the hub's ledger.

CPU times are the processes' own (proc(5), stat), so that a busy machine does not change them much.
"""

import json
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edge.fleet.agenda import Agenda
from edge.fleet.life import Life
from edge.fleet.plan import FleetPlan
from edge.fleet.streets import grid
from telemetry.contract.envelope import Draft, Sender, body_of, seal
from telemetry.contract.topics import Topics
from telemetry.contract.up_message import UpMessage
from telemetry.contract.uuid7 import uuid7
from telemetry.hub.ledger import HubLedger
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.transport import Acknowledged, Connected, LinkOptions, WireMessage
from tests.bench.figures import Figure
from tests.broker import Broker
from tests.certificates import make_authority, make_certificate
from tests.cluster import Cluster, installed

ROOMY = ["max_queued_messages 100000", "max_inflight_messages 1000"]
BEGUN = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CLI = [sys.executable, "-m", "edge.cli.main"]
HEADERS_BYTES = 52  # IPv4 and TCP with timestamps (RFC 791, 9293, 7323), of each segment
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
UNITS = 1000


def measure() -> Iterator[Figure]:
    yield from ledger()
    yield from single_broker()
    for tls in (False, True):
        yield from wire(tls=tls)
    yield from handshakes()
    if installed():
        yield from cluster()


# --- processes -----------------------------------------------------------------------------------


def used_s(pid: int) -> float:
    """CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def rss_kib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 1024


def pid_of(broker: Broker) -> int:
    assert broker._process is not None
    return broker._process.pid


class FleetRun:
    """`patrol-edge fleet --json`, followed line by line."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*CLI, "fleet", "--json", *arguments], stdout=subprocess.PIPE, text=True
        )

    def until_online(self, units: int) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if json.loads(line).get("online") == units:
                return
        raise AssertionError("the fleet never was online")

    def report(self) -> dict[str, Any]:
        out, _ = self.process.communicate(timeout=180)
        found: dict[str, Any] = json.loads(out.splitlines()[-1])["report"]
        return found


# --- the hub's ledger ----------------------------------------------------------------------------


def sample(units: int, seconds: float) -> list[tuple[str, bytes]]:
    """Topic and payload of what a fleet says in so long."""
    agenda, plan, told = Agenda(), FleetPlan(units=units), list[tuple[str, bytes]]()
    streets = grid(plan.center)

    def live(number: int) -> None:
        name = f"fleet-{number:05d}"
        sender, sequence = Sender(unit=name, boot_id=uuid7(BEGUN)), 0

        def tell(data: UpMessage) -> None:
            nonlocal sequence
            sequence += 1
            when = BEGUN + timedelta(seconds=agenda.now_s)
            body = body_of(sender, Draft.of(data, when, "ntp"), uuid7(when))
            payload = seal(body, sequence, historical=False, sent=when)
            told.append((Topics("patrol/v1", name).up(data.LEAF), payload))

        Life(plan, number, streets, agenda, BEGUN, tell).start()

    for number in range(units):
        live(number)
    agenda.run_until(seconds)
    return told


def ledger() -> Iterator[Figure]:
    """The judgement alone: parse, validate, dedup."""
    messages = sample(1000, 60)
    hub = HubLedger("patrol/v1")
    before_kib, begun_s = rss_kib(os.getpid()), time.process_time()
    verdicts = {hub.receive(topic, payload).verdict for topic, payload in messages}
    each_us = (time.process_time() - begun_s) / len(messages) * 1e6
    assert verdicts == {"accepted"}
    grown_kib = (rss_kib(os.getpid()) - before_kib) / 1000
    size = sum(len(payload) for _, payload in messages) / len(messages)
    yield Figure(name="message, JSON with its envelope, mean", value=size, unit="bytes")
    yield Figure(
        name="hub's ledger: one message", value=each_us, unit="us",
        peer=f"{1e6 / each_us:.0f}/s per core; {grown_kib:.1f} KiB per unit after a minute",
    )  # fmt: skip


# --- one mosquitto -------------------------------------------------------------------------------


def single_broker() -> Iterator[Figure]:
    with Broker(ROOMY) as broker, ExitStack() as stack:
        empty_kib = rss_kib(pid_of(broker))
        small = fleet_kib(broker, 10, "small")
        hub = subprocess.Popen(
            [*CLI, "hub", "--broker", broker.url],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(hub.kill)
        time.sleep(3)
        broker_s, hub_s = used_s(pid_of(broker)), used_s(hub.pid)
        run = FleetRun(
            "--broker", broker.url, "--units", str(UNITS), "--rate", "4", "--duration", "15",
            "--ramp", "1000",
        )  # fmt: skip
        run.until_online(UNITS)
        large = rss_kib(run.process.pid)
        full_kib = rss_kib(pid_of(broker))
        told = run.report()
        count = told["sent"] + told["resent"]
        broker_us = (used_s(pid_of(broker)) - broker_s) / count * 1e6
        hub_us = (used_s(hub.pid) - hub_s) / count * 1e6
    yield Figure(
        name="fleet: CPU per message", value=told["cpu_us_per_message"], unit="us",
        peer=f"{1e6 / told['cpu_us_per_message']:.0f}/s per core; {told['per_s']}/s in this run",
    )  # fmt: skip
    yield Figure(
        name="fleet: memory per unit", value=(large - small) / (UNITS - 10), unit="KiB",
        peer=f"{told['unacked']} of {told['made']} not acknowledged",
    )  # fmt: skip
    yield Figure(
        name="mosquitto: CPU per message", value=broker_us, unit="us",
        peer="in QoS 1, out to the hub QoS 1, its ack back",
    )  # fmt: skip
    per_kib = (full_kib - empty_kib) / UNITS
    yield Figure(name="mosquitto: memory per connection", value=per_kib, unit="KiB")
    yield Figure(
        name="reference hub: CPU per message", value=hub_us, unit="us",
        peer=f"ack p50 {told['hub_ack_p50_ms']} ms, p99 {told['hub_ack_p99_ms']} ms",
    )  # fmt: skip


def fleet_kib(broker: Broker, units: int, prefix: str) -> float:
    run = FleetRun(
        "--broker", broker.url, "--units", str(units), "--prefix", prefix, "--ack", "broker",
        "--duration", "4",
    )  # fmt: skip
    run.until_online(units)
    found = rss_kib(run.process.pid)
    run.report()
    return found


# --- bytes on the wire ---------------------------------------------------------------------------


def wire(*, tls: bool) -> Iterator[Figure]:
    """All that one message costs a unit's link: PUBLISH, PUBACK, TCP's own, of both directions."""
    messages = [payload for _, payload in sample(20, 30)][:100]
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        settings, options = secured(folder) if tls else (ROOMY, {})
        with Broker(settings) as broker:
            transport = PahoTransport()
            link = LinkOptions(
                host="localhost", port=broker.port, client_id="wire", tls=tls, **options
            )
            transport.start(link, "5", None)
            until(transport, Connected)
            before = counted(transport)
            for payload in messages:
                publish(transport, payload)
                time.sleep(0.06)  # TCP's delayed acknowledgement goes by itself, as in real life
            after = counted(transport)
            transport.abandon()
    payload_bytes = sum(map(len, messages)) / len(messages)
    moved = [b - a for a, b in zip(before, after, strict=True)]
    total = (moved[0] + moved[1] + HEADERS_BYTES * (moved[2] + moved[3])) / len(messages)
    segments = (moved[2] + moved[3]) / len(messages)
    name = "with TLS 1.3" if tls else "without TLS"
    yield Figure(
        name=f"bytes on the wire per message, {name}", value=total, unit="bytes",
        peer=f"of {payload_bytes:.0f} payload; {segments:.1f} segments",
    )  # fmt: skip


def publish(transport: PahoTransport, payload: bytes) -> None:
    topic = "patrol/v1/fleet-001/position"
    content_type = "application/cloudevents+json"
    transport.publish(WireMessage(topic=topic, payload=payload, content_type=content_type))
    until(transport, Acknowledged)


def until(transport: PahoTransport, kind: type) -> None:
    ends_s = time.monotonic() + 20
    while time.monotonic() < ends_s:
        if any(isinstance(event, kind) for event in transport.events()):
            return
        transport.wait(0.05)
    raise AssertionError(f"no {kind.__name__}")


def counted(transport: PahoTransport) -> tuple[int, ...]:
    """Bytes sent and received, segments out and in (struct tcp_info of linux/tcp.h)."""
    assert transport._session is not None
    link = transport._session.packets._link
    info = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    return struct.unpack_from("=QQII", info, 120)


def secured(folder: Path) -> tuple[list[str], dict[str, Any]]:
    """A broker's settings with mutual TLS, and a client's options."""
    make_authority(folder, "ca")
    for name in ("broker", "wire"):
        make_certificate(folder, name)
    settings = [
        *ROOMY,
        "listener {port} 127.0.0.1",
        f"cafile {folder}/ca.crt",
        f"certfile {folder}/broker.crt",
        f"keyfile {folder}/broker.key",
        "require_certificate true",
    ]
    files = {"ca": folder / "ca.crt", "cert": folder / "wire.crt", "key": folder / "wire.key"}
    return settings, files


# --- TLS -----------------------------------------------------------------------------------------


def handshakes() -> Iterator[Figure]:
    """What a connection costs the broker: with mutual TLS (P-256), and without."""
    costs = {}
    for tls in (False, True):
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            settings, files = secured(folder) if tls else (ROOMY, {})
            words = [word for name, path in files.items() for word in (f"--{name}", str(path))]
            with Broker(settings) as broker:
                before_s, before_kib = used_s(pid_of(broker)), rss_kib(pid_of(broker))
                run = FleetRun(
                    "--broker", f"mqtt{'s' * tls}://localhost:{broker.port}", "--units", "500",
                    "--ramp", "10000", "--duration", "6", "--ack", "broker", *words,
                )  # fmt: skip
                run.until_online(500)
                spent_us = (used_s(pid_of(broker)) - before_s) / 500 * 1e6
                costs[tls] = spent_us, (rss_kib(pid_of(broker)) - before_kib) / 500
                run.report()
    yield Figure(
        name="mosquitto: CPU per connection with mutual TLS", value=costs[True][0], unit="us",
        peer=f"{costs[False][0]:.0f} without; {1e6 / costs[True][0]:.0f} handshakes/s per core",
    )  # fmt: skip
    yield Figure(
        name="mosquitto: memory per TLS connection", value=costs[True][1], unit="KiB",
        peer=f"{costs[False][1]:.0f} without",
    )  # fmt: skip


# --- the cluster ---------------------------------------------------------------------------------


def cluster() -> Iterator[Figure]:
    """Three RabbitMQ nodes and two readers on this machine's cores, a fleet at one of the nodes."""
    from tests.torture.trial_cluster import Readers, define_queues

    with Cluster() as nodes, tempfile.TemporaryDirectory() as text:
        folder, first = Path(text), nodes.nodes[0]
        define_queues(nodes, folder, first)
        readers = Readers(folder, "hub", nodes.nodes, 2)
        arguments = ["--broker", first.url, "--protocol", "3.1.1", "--units", "100"]
        run = FleetRun(*arguments, "--rate", "20", "--duration", "12", "--ramp", "25")
        run.until_online(100)
        told = run.report()
        readers.stop()
    yield Figure(
        name="RabbitMQ x 3, quorum queue, hub's acks", value=told["hub_acked"] / told["seconds"],
        unit="msg/s",
        peer=f"PUBACK p50 {told['puback_p50_ms']} ms, p99 {told['puback_p99_ms']} ms; "
        f"{told['unacked'] + told['waiting']} of {told['made']} left",
    )  # fmt: skip
