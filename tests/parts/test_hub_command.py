"""`patrol-edge hub` as a process, on a real broker."""

import json
import signal
from pathlib import Path

import pytest

from telemetry.hub.record import Entry, read_record
from tests.broker import Broker, free_port
from tests.hub_process import Shown, ended, hub_process, shown_until
from tests.unit_under_test import position, running, wait_for


def test_it_shows_acknowledges_and_records(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    with Broker() as broker:
        process = hub_process("--broker", broker.url, "--json", "--record", record)
        with running(tmp_path, broker.port, resend_after_s=1) as unit:
            unit.put(position(1, 1))
            assert wait_for(lambda: unit.outbox.pending() == 0, 20)
        shown, err = ended(process)

    assert process.returncode == 0, err
    assert {"status", "state", "position"} <= {each["topic"].rpartition("/")[2] for each in shown}
    assert {each["verdict"] for each in shown} <= {"accepted", "duplicate", "retained"}
    entries = [each for each in read_record(record) if isinstance(each, Entry)]
    heard = [each for each in entries if each.direction == "in"]
    assert [(e.topic, e.verdict) for e in heard] == [(s["topic"], s["verdict"]) for s in shown]
    assert [json.loads(each.payload) for each in heard] == [each["message"] for each in shown]
    said = {each.topic.rpartition("/")[2] for each in entries if each.direction == "out"}
    assert said == {"ack", "state"}
    assert {e.topic for e in entries if e.direction == "note"} == {"started", "connected"}
    assert "dog-1: " in err
    assert "nothing missing" in err


def refusals(shown: Shown) -> Shown:
    return [each for each in shown if each["verdict"] == "invalid"]


def test_garbage_is_shown_with_its_reason(tmp_path: Path) -> None:
    with Broker() as broker:
        process = hub_process("--broker", broker.url, "--json")
        with running(tmp_path, broker.port, unit="noise") as unit:  # borrowed for its connection
            assert wait_for(lambda: unit.publisher.stats().connected)
            assert wait_for(lambda: unit.publisher.stats().hub_online, 20)
            from telemetry.link.transport import WireMessage

            for payload in (b"\x00\xff", b"{}", b"[" * 9999):
                topic = "patrol/v1/noise/event"
                unit.publisher._transport.publish(WireMessage(topic=topic, payload=payload))
        shown = shown_until(process, lambda shown: len(refusals(shown)) == 3)
        rest, err = ended(process)

    refused = refusals(shown)
    assert refusals(rest) == []
    assert all("not_an_envelope" in each["reason"] for each in refused)
    assert "refused 3: not_an_envelope" in err
    assert process.returncode == 0


def test_a_record_that_cannot_be_written_ends_the_hub_and_acknowledges_nothing(
    tmp_path: Path,
) -> None:
    with Broker() as broker:
        process = hub_process("--broker", broker.url, "--record", "/dev/full")
        with running(tmp_path, broker.port, resend_after_s=1) as unit:
            unit.put(position(1, 1))
            _, err = process.communicate(timeout=20)
            assert unit.outbox.pending() == 2  # the state, too

    assert process.returncode == 1
    assert "error: cannot write /dev/full: No space left on device" in err
    assert "→ make room" in err
    assert "Traceback" not in err


def test_a_reader_that_leaves_ends_the_hub(tmp_path: Path) -> None:
    """As in `patrol-edge hub | head`."""
    with Broker() as broker:
        process = hub_process("--broker", broker.url, "--json")
        assert process.stdout is not None
        assert process.stderr is not None
        with running(tmp_path, broker.port, resend_after_s=1) as unit:
            assert process.stdout.readline()
            process.stdout.close()
            unit.put(position(1, 1))  # there is something to write when nobody reads
            process.wait(20)
        err = process.stderr.read()
        process.stderr.close()

    assert process.returncode == 0, err
    assert "Traceback" not in err


def test_without_a_broker_it_says_so_and_fails() -> None:
    process = hub_process("--broker", f"mqtt://127.0.0.1:{free_port()}", "--duration", "1.5")
    _, err = process.communicate(timeout=20)

    assert process.returncode == 1
    assert "is the broker running" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments", [("--broker", "nonsense"), ("--record", "/no/such/folder/x")], ids=str
)
def test_wrong_usage_is_one_line_and_a_cure(arguments: tuple[str, ...]) -> None:
    process = hub_process(*arguments, "--duration", "1")
    _, err = process.communicate(timeout=20)

    assert process.returncode == 2
    assert err.startswith("error: ")
    assert "→" in err
    assert "Traceback" not in err


def test_it_can_acknowledge_by_sequence(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    with Broker() as broker:
        process = hub_process("--broker", broker.url, "--ack", "up-to", "--record", record)
        with running(tmp_path, broker.port, resend_after_s=1) as unit:
            for number in range(5):
                unit.put(position(number, 1))
            assert wait_for(lambda: unit.outbox.pending() == 0, 20)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=10)

    assert process.returncode == 0, err
    entries = [each for each in read_record(record) if isinstance(each, Entry)]
    acks = [json.loads(e.payload) for e in entries if e.topic.endswith("/ack")]
    assert acks[-1]["up_to"] == 6
    assert not acks[-1].get("ids")
