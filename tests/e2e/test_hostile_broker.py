"""A whole unit on a broker that means harm: it counts what comes, goes on, and takes no memory."""

import json
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.unit_process import UnitProcess, running_unit, write_unit_file
from tests.mqtt_server import CONNACK, CONNECT, PUBACK, PUBLISH, SUBACK, FakeBroker, packet

UNIT = "patrol/v1/car-07"
FLOOD = 3000
WAIT_S = 60.0
ALLOWED_MIB = 40.0  # of growth; the flood itself is larger
_RANDOM = random.Random(7)


def wait_for(condition: Callable[[], object], what: str) -> None:
    ends = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < ends, f"never came: {what}"
        time.sleep(0.02)


def publish(topic: bytes, payload: bytes, *, retain: bool = False, number: int = 0) -> bytes:
    """QoS 0, or QoS 1 with a packet number."""
    head = struct.pack("!H", len(topic)) + topic
    head += struct.pack("!H", number) if number else b""
    return packet(PUBLISH, head + b"\0" + payload, (2 if number else 0) | retain)


def noise(size: int) -> bytes:
    return _RANDOM.randbytes(size)


def bad_payloads() -> list[bytes]:
    """No acknowledgement and no command: what a parser may trip over."""
    uuid = "01900000-0000-7000-8000-000000000000"
    return [
        b"", b"\0", b"{", b"[]", b"null", b"NaN", b"\xff\xfe{}", noise(2000), b"[" * 60_000,
        b'{"ids":' + b"[" * 30_000 + b"]" * 30_000 + b"}", b'{"ids":[]}', b'{"up_to":-1}',
        b'{"up_to":18446744073709551616}', b'{"up_to":1e400}', b'{"up_to":"1"}',
        b'{"up_to":' + b"9" * 50_000 + b"}", json.dumps({"ids": [uuid] * 1001}).encode(),
        json.dumps({"ids": ["x" * 60_000]}).encode(), b'{"ids":["\\ud800"]}', b"x" * 250_000,
        b"a.b.c", b"..", b"eyJhbGciOiJub25lIn0.e30.", b"eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
        b"A" * 100_000 + b"." + b"B" * 100_000 + b".C",
    ]  # fmt: skip


def flood() -> list[bytes]:
    """All in good MQTT, so the connection stands; none of it may be obeyed."""
    said = [
        publish(f"{UNIT}/{leaf}".encode(), payload, number=(1 if leaf == "command" else 0))
        for leaf in ("ack", "command")
        for payload in bad_payloads()
    ]
    said += [publish(b"patrol/v1/hub/state", payload) for payload in bad_payloads()]
    said += [publish(f"{UNIT}/command".encode(), b"{}", retain=True)] * FLOOD
    said += [publish(f"patrol/v1/dog-{n}/command".encode(), noise(200)) for n in range(FLOOD)]
    said += [publish(topic, b"x") for topic in (b"$SYS/x", b"x/" * 30_000, b"/", "ü".encode())]
    codes = (0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99)
    said += [
        packet(PUBACK, struct.pack("!HBB", 1000 + n, codes[n % len(codes)], 0))
        for n in range(FLOOD)
    ]
    said += [packet(SUBACK, struct.pack("!HBB", n, 0, 0x87)) for n in range(5000, 5100)]
    return said


def blows() -> list[bytes]:
    """Each ends the connection: there is no MQTT in it."""
    return [
        packet(PUBLISH, b"")[:1] + b"\xff\xff\xff\x7f" + noise(400_000),  # 256 MB are announced
        noise(20_000),
        publish(b"\xff\xfe\xc0", b"x"),
        packet(CONNACK, b"\0\0\0") + packet(CONNECT, b"\0\4MQTT\5\2\0\x3c\0\0\1x"),
    ]


def newest_health(broker: FakeBroker) -> dict[str, Any]:
    said = [each for each in list(broker.heard) if each.topic == f"{UNIT}/health"]
    return dict(json.loads(said[-1].payload)["data"]) if said else {}


def test_whatever_a_broker_sends_is_counted_and_the_unit_goes_on(tmp_path: Path) -> None:
    with FakeBroker() as broker:
        url = f"mqtt://127.0.0.1:{broker.port}"
        file = write_unit_file(tmp_path, url, perception={"enabled": False}, health={"every_s": 1})
        with running_unit(file, tmp_path / "log") as unit:
            wait_for(lambda: newest_health(broker), "a health report")
            before_mib = unit.rss_mib()
            bombard(broker, unit)
            assert unit.rss_mib() - before_mib < ALLOWED_MIB
            counted = newest_health(broker)["drops"]
            unit.terminate(20)
        assert unit.process.returncode == 0, unit.log_text()[-2000:]
    assert "Traceback" not in unit.log_text()
    assert counted["link.unknown_topic"] >= FLOOD
    assert counted["link.ack_invalid"] + counted.get("link.ack_too_large", 0) >= 20
    assert counted["link.state_invalid"] >= 20
    commands = {name: count for name, count in counted.items() if name.startswith("commands.")}
    assert sum(commands.values()) >= FLOOD + len(bad_payloads()), commands
    assert counted["commands.retained"] > 0
    assert counted["commands.malformed"] > 0


def all_counted(broker: FakeBroker) -> bool:
    """The last of the flood was heard, and all commands of it are judged."""
    drops = newest_health(broker).get("drops", {})
    commands = sum(count for name, count in drops.items() if name.startswith("commands."))
    wanted = FLOOD + len(bad_payloads())
    return bool(drops.get("link.unknown_topic", 0) >= FLOOD and commands >= wanted)


def bombard(broker: FakeBroker, unit: UnitProcess) -> None:
    """The flood, which the connection survives, then the blows, one for each connection."""
    connections = broker.connections
    for said in flood():
        broker.send(said)
    wait_for(lambda: all_counted(broker), "the count of the flood in the health report")
    assert broker.connections == connections, "the flood was no reason to hang up"
    for blow in blows():
        connections = broker.connections
        broker.send(blow)
        wait_for(lambda so_far=connections: broker.connections > so_far, "a new connection")  # type: ignore[misc]
        assert unit.process.poll() is None
    seen = len(broker.heard)
    wait_for(lambda: len(broker.heard) > seen + 1, "messages after all this")
