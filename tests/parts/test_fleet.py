"""`patrol-edge fleet` as a process, on a real broker, before the reference hub."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.hub import ReferenceHub
from telemetry.contract.uuid7 import uuid7
from telemetry.hub.ledger import Arrival
from tests.broker import MOSQUITTO, Broker, free_port
from tests.certificates import make_authority, make_certificate
from tests.cli_in_process import told as told_in_process
from tests.unit_under_test import now, wait_for

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
SHIPPED = Path(__file__).parents[2] / "systemd" / "mosquitto"
ROOMY = ["max_queued_messages 100000", "max_inflight_messages 1000"]


def fleet(*arguments: str | Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "edge.cli.main", "fleet", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out.splitlines()[-1])["report"]
    return found


class Listener:
    """The reference hub in this process, and everything it heard."""

    def __init__(self, url: str) -> None:
        self.heard: list[Arrival] = []
        self.hub = ReferenceHub(url, on_arrival=self.heard.append)

    def __enter__(self) -> "Listener":
        self.hub.start()
        assert self.hub.wait_connected(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.hub.stop()

    def statuses(self) -> list[str]:
        return [
            json.loads(each.payload)["data"]["state"]
            for each in list(self.heard)
            if each.leaf == "status"
        ]


def test_twenty_units_lose_their_links_and_the_hub_misses_nothing() -> None:
    with Broker(ROOMY) as broker, Listener(broker.url) as listener:
        process = fleet(
            "--broker", broker.url, "--units", "20", "--rate", "10", "--duration", "6",
            "--outages", "3:1", "--json",
        )  # fmt: skip
        out, err = process.communicate(timeout=90)
        assert wait_for(lambda: listener.statuses().count("stopping") >= 20, 20)
        told, snapshot = report(out), listener.hub.snapshot()

    assert process.returncode == 0, err
    assert len(snapshot.units) == 20
    assert snapshot.refused == 0, snapshot.refusals
    assert [view.unit for view in snapshot.units if view.missing or view.renumbered] == []
    sequenced = sum(view.accepted for view in snapshot.units) - sum(
        view.types["patrol.status.v1"] for view in snapshot.units
    )
    assert sequenced == told["made"] == told["hub_acked"]
    assert told["waiting"] == told["unacked"] == told["dropped"] == 0
    assert told["outages"] > 0
    assert listener.statuses().count("offline") == told["outages"]  # each will was told
    assert sum(view.historical for view in snapshot.units) > 0  # the backlog says that it is one
    assert told["puback_p50_ms"] > 0
    assert told["hub_ack_p99_ms"] >= told["hub_ack_p50_ms"] > told["puback_p50_ms"]
    kinds = {kind for view in snapshot.units for kind in view.types}
    assert {"patrol.position.v1", "patrol.health.v1", "patrol.state.v1"} < kinds
    assert "patrol.event.detection.v1" in kinds


def test_a_stop_is_a_goodbye_and_no_will_is_told() -> None:
    with Broker(ROOMY) as broker, Listener(broker.url) as listener:
        process = fleet("--broker", broker.url, "--units", "5", "--json")
        assert wait_for(lambda: listener.statuses().count("online") == 5, 30)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        assert wait_for(lambda: listener.statuses().count("stopping") == 5)

    assert process.returncode == 0, err
    assert listener.statuses().count("offline") == 0
    assert report(out)["unacked"] == 0


def test_shifts_end_with_a_goodbye_and_begin_again() -> None:
    with Broker(ROOMY) as broker, Listener(broker.url) as listener:
        process = fleet("--broker", broker.url, "--units", "6", "--shifts", "3:2", "--json")
        assert wait_for(lambda: listener.statuses().count("online") >= 10, 60)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        views = listener.hub.snapshot().units
        duties = [
            json.loads(each.payload)["data"]["duty"]
            for each in listener.heard
            if each.leaf == "event" and b"event.duty" in each.payload
        ]

    assert process.returncode == 0, err
    assert listener.statuses().count("offline") == 0
    assert listener.statuses().count("stopping") >= 4
    assert {"off_duty", "on_patrol"} <= set(duties)
    assert sum(view.missing for view in views) == 0


def test_commands_are_answered_and_a_rebirth_brings_the_state_again() -> None:
    from telemetry.link.paho_transport import PahoTransport
    from telemetry.link.transport import Connected, LinkOptions, WireMessage

    def command(name: str) -> bytes:
        claims = {
            "id": uuid7(now()),
            "name": name,
            "issuer": "test",
            "issued_at": "2026-01-01T00:00:00Z",
            "expires_at": "2126-01-01T00:00:00Z",
            "unit": "fleet-001",
        }
        return json.dumps(claims).encode()

    with Broker(ROOMY) as broker, Listener(broker.url) as listener:
        process = fleet("--broker", broker.url, "--units", "1", "--json")
        assert wait_for(lambda: listener.statuses().count("online") == 1, 30)
        sender = PahoTransport()
        sender.start(LinkOptions(host="127.0.0.1", port=broker.port, client_id="c"), "5", None)
        assert wait_for(lambda: any(isinstance(each, Connected) for each in sender.events()))
        for payload in (command("ping"), command("siren"), command("rebirth"), b"{", b"a.b.c"):
            topic = "patrol/v1/fleet-001/command"
            sender.publish(WireMessage(topic=topic, payload=payload))
        sender.events()

        def replies() -> list[tuple[str, str]]:
            data = [
                json.loads(a.payload)["data"] for a in list(listener.heard) if a.leaf == "reply"
            ]
            return [(each["name"], each["status"]) for each in data]

        assert wait_for(lambda: len(replies()) == 7, 20), replies()
        states = [a for a in list(listener.heard) if a.leaf == "state"]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        sender.abandon()

    assert process.returncode == 0, err
    assert sorted(set(replies())) == [
        ("ping", "accepted"), ("ping", "received"), ("ping", "succeeded"),
        ("rebirth", "accepted"), ("rebirth", "received"), ("rebirth", "succeeded"),
        ("siren", "rejected"),
    ]  # fmt: skip
    assert len(states) >= 2
    assert report(out)["bad_down"] == {"command_malformed": 2}


def test_numbers_go_on_where_the_last_run_ended(tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.json"
    with Broker(ROOMY) as broker, Listener(broker.url) as listener:
        for _ in range(2):
            arguments = ("--broker", broker.url, "--units", "2", "--numbers", numbers)
            process = fleet(*arguments, "--duration", "2", "--rate", "5")
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
        views = listener.hub.snapshot().units

    kept = json.loads(numbers.read_text())
    assert {view.unit: view.last_sequence for view in views} == kept
    assert [view.renumbered + view.missing for view in views] == [0, 0]


def test_through_the_real_outbox(tmp_path: Path) -> None:
    with Broker(ROOMY) as broker, Listener(broker.url) as listener:
        process = fleet(
            "--broker", broker.url, "--units", "2", "--rate", "20", "--duration", "3",
            "--through-outbox", tmp_path, "--json",
        )  # fmt: skip
        out, err = process.communicate(timeout=60)
        snapshot = listener.hub.snapshot()

    assert process.returncode == 0, err
    assert report(out)["waiting"] == 0
    assert (tmp_path / "fleet-001" / "outbox.db").exists()
    assert [(view.missing, view.invalid) for view in snapshot.units] == [(0, 0), (0, 0)]
    assert all(view.accepted > 3 for view in snapshot.units)


def test_a_broker_that_comes_back_gets_everything() -> None:
    with Broker([*ROOMY, "persistence false"]) as broker, Listener(broker.url) as listener:
        process = fleet("--broker", broker.url, "--units", "5", "--rate", "10", "--json")
        assert wait_for(lambda: listener.statuses().count("online") == 5, 30)
        broker.restart()
        assert wait_for(lambda: listener.statuses().count("online") >= 10, 40)
        assert wait_for(lambda: listener.hub.snapshot().connected, 20)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        views = listener.hub.snapshot().units

    told = report(out)
    assert told["connections_lost"] == 5, err
    # What was with the old broker comes again after 30 s only; a stop does not wait for that.
    assert process.returncode == (1 if told["unacked"] else 0), err
    assert sum(view.missing for view in views) <= told["unacked"]


def test_a_fleet_spreads_over_nodes_and_goes_on_when_one_is_gone(tmp_path: Path) -> None:
    with Broker(ROOMY) as first, Broker(ROOMY) as second, Listener(second.url) as listener:
        nodes = ("--broker", first.url, "--broker", second.url)
        process = fleet(*nodes, "--units", "12", "--rate", "5", "--json", "--ack", "broker")
        assert process.stdout is not None
        assert any(json.loads(line)["online"] == 12 for line in process.stdout)
        here = len(listener.hub.snapshot().units)
        first.kill()
        assert wait_for(lambda: len(listener.hub.snapshot().units) == 12, 40)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert 0 < here < 12
    assert report(out)["connections_lost"] == 12 - here


def test_units_with_certificates_of_their_own_pass_the_shipped_access_rules(tmp_path: Path) -> None:
    make_authority(tmp_path, "ca")
    for name in ("broker", "hub", "fleet-001", "fleet-002"):
        make_certificate(tmp_path, name)
    shutil.copy(SHIPPED / "patrol-edge.acl", tmp_path)
    text = (SHIPPED / "patrol-edge.conf").read_text()
    text = text.replace("/etc/mosquitto/patrol-edge", str(tmp_path))
    text = text.replace("/var/lib/mosquitto", str(tmp_path))
    text = text.replace("listener 8883", "listener {port} 127.0.0.1").replace("syslog", "stderr")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    with Broker(lines) as broker:
        files = ("--ca", tmp_path / "ca.crt")
        own = ("--cert", f"{tmp_path}/{{unit}}.crt", "--key", f"{tmp_path}/{{unit}}.key")
        url = f"mqtts://localhost:{broker.port}"
        process = fleet("--broker", url, *files, *own, "--units", "2", "--duration", "3",
                        "--rate", "5", "--ack", "broker", "--json")  # fmt: skip
        out, err = process.communicate(timeout=60)
        other = ("--cert", tmp_path / "fleet-002.crt", "--key", tmp_path / "fleet-002.key")
        wrong = fleet("--broker", url, *files, *other, "--units", "1", "--json")
        assert wrong.stdout is not None
        assert any(json.loads(line)["refused"] for line in wrong.stdout)
        wrong.send_signal(signal.SIGTERM)
        wrong_out, wrong_err = wrong.communicate(timeout=60)

    assert process.returncode == 0, err
    assert report(out)["broker_acked"] == report(out)["made"] > 2
    assert wrong.returncode == 1  # in the name of another: the shipped rules do not have it
    assert "the broker refused messages (0x87)" in wrong_err
    assert report(wrong_out)["broker_acked"] == 0


def test_a_fleet_speaks_3_1_1_where_the_broker_does_not_know_5() -> None:
    pytest.importorskip("amqtt")
    with Broker(kind="amqtt") as broker:
        process = fleet("--broker", broker.url, "--units", "2", "--ack", "broker", "--json",
                        "--duration", "4")  # fmt: skip
        out, err = process.communicate(timeout=90)

    assert process.returncode == 0, err
    assert report(out)["broker_acked"] == report(out)["made"] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--broker", "nonsense"), 2, "is no MQTT address"),
        (("--units", "0"), 2, "within 1"),
        (("--center", "91,0"), 2, "latitude comes first"),
        (("--center", "here"), 2, "LAT,LON"),
        (("--kinds", "tank"), 2, "robot_dog"),
        (("--outages", "5"), 2, "600:60"),
        (("--prefix", "Not OK"), 2, "no unit's name"),
        (("--streets", "/no/such/file"), 2, "No such file"),
        (("--numbers", "/etc/passwd"), 2, "is no JSON"),
        (("--broker", "mqtts://localhost", "--ca", "/no/such.pem"), 2, "cannot be used"),
        (("--through-outbox", "/tmp", "--units", "51"), 2, "up to 50 units"),
    ],
    ids=str,
)
def test_wrong_usage_is_one_line_and_a_cure(
    arguments: tuple[str, ...], code: int, text: str
) -> None:
    told = told_in_process("fleet", *arguments, "--duration", "0.1")

    assert re.search(text, told.stderr), told.stderr
    assert told.returncode == code, told.stderr
    assert "→" in told.stderr
    assert told.stdout == ""


def test_more_units_than_files_may_be_open() -> None:
    process = fleet("--units", "90000", "--duration", "0.1")
    _, err = process.communicate(timeout=60)

    assert "Traceback" not in err
    assert re.search("open files|note:", err), err  # there may be a machine that allows it


def test_without_a_broker_it_says_so_and_fails() -> None:
    process = fleet("--broker", f"mqtt://127.0.0.1:{free_port()}")
    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "waiting for the broker: connection refused" in first
    assert "the broker was not reached" in err


def test_without_a_hub_it_says_so_and_fails() -> None:
    with Broker() as broker:
        process = fleet("--broker", broker.url, "--units", "2", "--json")
        assert process.stdout is not None
        assert any(json.loads(line)["broker_acked"] >= 2 for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "no hub acknowledged anything" in err
    assert "--ack broker" in err
