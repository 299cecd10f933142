"""Brokers that restart, limit, refuse or forget; a hub that is away."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from drivers.clock import SystemClock
from edge.hub import hub_options
from telemetry.contract.envelope import Draft
from telemetry.contract.unit import Health
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.transport import Transport
from tests.broker import Broker
from tests.hearing import accepted, hearing, needs_mosquitto
from tests.mqtt_server import FakeBroker, Heard, Manners
from tests.torture.trials import Stage, held, trial
from tests.unit_under_test import UnitUnderTest, now, position, running, wait_for

BROKER_QUEUE = 1000  # messages for a subscriber that is away: mosquitto's own default

# --- brokers ---


@trial("R-BRK-1", "a broker that restarts, and a hub that is away, cost nothing")
def broker_restarts(stage: Stage) -> str:
    needs_mosquitto()
    wanted, chance = stage.sized(8, 100), random.Random(5)
    with Broker() as broker, hearing(broker.url) as heard:
        unit = UnitUnderTest(stage.folder / "load", broker.port, resend_after_s=1)
        stop, stored = threading.Event(), 0

        def load() -> None:
            nonlocal stored
            while not stop.wait(0.005):
                stored += unit.put(position(stored, 1)).stored

        thread = threading.Thread(target=load)
        thread.start()
        for _ in range(wanted):
            time.sleep(chance.uniform(0.3, 0.9))
            broker.restart()
        stop.set()
        thread.join()
        held(wait_for(lambda: unit.outbox.pending() == 0, 40), "still stored after 40 s")
        unit.stop()
    lost = stored + 1 - len(set(accepted(heard)) & set(range(1, stored + 2)))
    held(lost <= 0, f"{lost} of {stored} lost")
    away = _hub_away(stage.folder, stage.sized(1500, 3000))
    return f"{wanted} restarts under load, {stored} stored, 0 lost; {away}"


def _hub_away(folder: Path, rows: int) -> str:
    """A hub with a session that is away while more comes than its broker queues."""
    arrived: dict[str, int] = {}
    for ack in ("broker", "hub"):
        with Broker([f"max_queued_messages {BROKER_QUEUE}"]) as broker:
            options = replace(
                hub_options(broker.url, SystemClock()),
                client_id="hub-1",
                clean_start=False,
                session_expiry_s=3600,
            )
            with hearing(broker.url, acknowledge=ack == "hub", options=options):
                pass  # so that it has a session
            unit = UnitUnderTest(folder / ack, broker.port, ack=ack, resend_after_s=2)
            for n in range(rows):
                unit.put(position(n, 1), durable=n % 100 == 99)
            if ack == "broker":
                held(wait_for(lambda: unit.outbox.pending() == 0, 20), "no PUBACK")  # noqa: B023
            else:
                held(wait_for(lambda: unit.publisher.stats().awaiting_hub >= 500, 20), "no PUBACK")  # noqa: B023
            with hearing(broker.url, acknowledge=ack == "hub", options=options) as heard:
                wait_for(lambda: unit.outbox.pending() == 0, 40)  # noqa: B023
                wait_for(lambda: len(set(accepted(heard))) >= rows, 3 if ack == "broker" else 20)
                arrived[ack] = len(set(accepted(heard)) & set(range(1, rows + 2)))
            unit.stop()
    held(arrived["hub"] >= rows, f"hub away: {rows - arrived['hub']} of {rows} lost")
    kept = arrived["broker"]
    held(kept < rows, "the control loses nothing, so the trial proves nothing")
    held(kept > BROKER_QUEUE * 0.9, f"the control gets only {kept}: its hub has no session")
    return (
        f"hub away: 0 of {rows} lost; the control (delete on PUBACK) {rows - kept}, all but what "
        f"the broker's queue of {BROKER_QUEUE} holds"
    )


# --- flow control, refusals: on both libraries ---


def carriers() -> dict[str, Callable[[], Transport]]:
    found: dict[str, Callable[[], Transport]] = {"paho": PahoTransport}
    try:
        from telemetry.link.awscrt_transport import AwscrtTransport
    except ModuleNotFoundError:
        return found
    return found | {"awscrt": AwscrtTransport}


@trial("R-FLOW-1", "Receive Maximum and Maximum Packet Size are kept, also right after a reconnect")
def flow(stage: Stage) -> str:
    told, rows = [], stage.sized(10_000, 50_000)
    for name, carrier in carriers().items():
        total, resets = 0, 0
        for maximum, share in ((1, 0.1), (10, 0.4), (65_535, 0.5)):
            folder = stage.folder / f"{name}-{maximum}"
            came, cut = _flow(folder, carrier(), maximum, round(rows * share))
            total, resets = total + came, resets + cut
        told.append(f"{name}: 0 breaches in {total} messages, {resets} reconnects")
    return "; ".join(told)


def _flow(folder: Path, carrier: Transport, maximum: int, rows: int) -> tuple[int, int]:
    manners = Manners(
        receive_maximum=maximum, maximum_packet_bytes=700, ack_after_s=0.004 if maximum < 99 else 0
    )
    with (
        FakeBroker(manners) as broker,
        running(folder, broker.port, carrier=carrier, ack="broker", window=100) as unit,
    ):
        drops = {f"cause_{number}": number for number in range(60)}
        large = Draft.of(Health(faults=(), drops=drops), now(), "ntp")
        for n in range(rows):
            unit.put(large if n == rows // 2 else position(n, 3), durable=n % 500 == 0)
        for share in (0.2, 0.6):
            wait_for(lambda: len(broker.heard) >= rows * share, 30)  # noqa: B023
            broker.reset()
        held(wait_for(lambda: unit.outbox.pending() == 0, 60), "still stored after 60 s")
        held(not broker.breaches, f"Receive Maximum {maximum}: {broker.breaches[:3]}")
        refused = unit.publisher.stats().refused
        held(refused.get("too_large"), f"the large one was not parked: {refused}")
        held(broker.most_unacked <= min(maximum, 100), f"{broker.most_unacked} unacknowledged")
        return len(broker.heard), broker.connections - 1


CODES = (0x80, 0x83, 0x87, 0x90, 0x97, 0x99)


@trial("R-ACK-1", "what a broker refuses stays, is told and blocks nobody", short=True)
def refusals(stage: Stage) -> str:
    told = []
    for name, carrier in carriers().items():
        told.append(f"{name} {_refused(stage.folder / name, carrier())} s")
    reason = _hangs_up(stage.folder / "reason")
    return (
        f"{len(CODES)} codes: rows kept, others pass, told, taken once allowed "
        f"({', '.join(told)}); SUBACK 0x87 told; DISCONNECT told as: {reason}"
    )


def _refused(folder: Path, carrier: Transport) -> str:
    def answer(heard: Heard) -> int:
        for n, code in enumerate(CODES):
            if f'"lon_deg":{n / 1e6 + 1},'.encode() in heard.payload:
                return code
        return 0

    with (
        FakeBroker(Manners(puback=answer, suback=0x87)) as broker,
        running(folder, broker.port, carrier=carrier, ack="broker") as unit,
    ):
        began_s = time.monotonic()
        for n in range(len(CODES)):
            unit.put(position(1_000_000 + n, 1))
        for n in range(500):
            unit.put(position(n, 3), durable=False)
        held(wait_for(lambda: unit.outbox.pending() == len(CODES), 10), "they block others")
        stats = unit.publisher.stats()
        held(sorted(stats.refused) == [f"0x{code:02x}" for code in CODES], f"told: {stats.refused}")
        held("0x" in (stats.last_error or ""), f"told: {stats.last_error}")
        held(stats.down.get("subscription_refused") == 3, f"told: {stats.down}")
        broker.manners = Manners()
        held(wait_for(lambda: unit.outbox.pending() == 0, 20), "kept, but not sent again")
        return f"{time.monotonic() - began_s:.1f}"


def _hangs_up(folder: Path) -> str:
    with FakeBroker() as broker, running(folder, broker.port, ack="broker") as unit:
        held(wait_for(lambda: unit.publisher.connected), "no connection")
        broker.disconnect(0x8E)
        held(
            wait_for(lambda: "two units share" in (unit.publisher.stats().last_error or "")),
            f"told: {unit.publisher.stats().last_error}",
        )
        return "two units share unit.id?"
