"""`hub send` and `hub replay` as processes, on a real broker, towards a small unit of ours."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.commands.jws import PrivateKey
from telemetry.hub.record import Entry, read_record
from tests.bench_unit import KID, UNIT
from tests.broker import Broker
from tests.cli_in_process import told as told_in_process
from tests.hub_process import Shown, ended, hub_process, shown_until, wait_until_online
from tests.live_bench import LiveBench
from tests.unit_under_test import position, running, wait_for

KEY = PrivateKey.new()


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "hub.pem"
    path.write_bytes(KEY.pem)
    path.chmod(0o600)
    return path


def hub(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return told_in_process("hub", *arguments)


def hub_alone(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """In a process of its own."""
    command = [sys.executable, "-m", "edge.cli.main", "hub", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_signed_command_is_answered_with_its_progress(broker: Broker, key_file: Path) -> None:
    with LiveBench(broker.port, KEY) as bench:
        assert wait_for(lambda: bench.unit.connected)
        sign = ("--key", key_file, "--kid", KID, "--broker", broker.url)
        good = hub_alone("send", UNIT, "ping", *sign, "--wait")
        as_json = hub("send", UNIT, "rebirth", *sign, "--wait", "--json")
        sent = hub("send", UNIT, "ping", *sign)
        refused = hub("send", UNIT, "siren", "on=true", *sign, "--wait")

    assert good.returncode == 0, good.stderr
    assert good.stdout.splitlines() == [
        "received", "accepted", "running 20 %", "running 80 %", "succeeded",
    ]  # fmt: skip
    replies = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert [reply["status"] for reply in replies][-1] == "succeeded"
    assert len({reply["command"] for reply in replies}) == 1
    assert (sent.returncode, sent.stdout) == (0, "")
    assert "sent ping 0" in sent.stderr
    assert (refused.returncode, refused.stdout) == (1, "rejected unsupported: no\n")


def test_a_key_that_the_unit_does_not_know_is_refused(broker: Broker, tmp_path: Path) -> None:
    strange = tmp_path / "strange.pem"
    strange.write_bytes(PrivateKey.new().pem)
    strange.chmod(0o600)
    with LiveBench(broker.port, KEY) as bench:
        assert wait_for(lambda: bench.unit.connected)
        told = hub("send", UNIT, "ping", "--key", strange, "--broker", broker.url, "--wait")

    assert (told.returncode, told.stdout) == (1, "rejected unknown_key: no\n")


def test_a_broker_that_refuses_is_told_by_the_options_of_the_command(key_file: Path) -> None:
    with Broker(["allow_anonymous false"]) as closed:
        told = hub("send", UNIT, "ping", "--key", key_file, "--broker", closed.url)
    assert told.returncode == 1
    assert "refuses this client" in told.stderr
    assert "check --username, --password-file" in told.stderr
    assert "hub." not in told.stderr


def test_arguments_are_put_together_and_checked_before_anything_is_sent(
    broker: Broker, key_file: Path
) -> None:
    sign = ("--key", key_file, "--kid", KID, "--broker", broker.url, "--wait")
    place = ("place.lat_deg=54.1", "place.lon_deg=12.1")
    with LiveBench(broker.port, KEY) as bench:
        assert wait_for(lambda: bench.unit.connected)
        good = hub("send", UNIT, "task.assign", "task=@new", *place, "title=7 doors", *sign)
        at_once = hub("send", UNIT, "rate.set", "--args", '{"position_every_s": 1}', *sign)

    assert good.returncode == 0, good.stderr
    assert at_once.returncode == 0, at_once.stderr
    assert len(bench.unit.tasks) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fly", "--unsigned"), "there is no command fly; there is: beacon"),
        (("mode.set", "--unsigned"), "mode.set: mode: Field required"),
        (("rate.set", "position_every_s=often", "--unsigned"), "rate.set: position_every_s: "),
        (("ping", "height=3", "--unsigned"), "ping: height: Extra inputs are not permitted"),
        (("ping", "nonsense", "--unsigned"), "'nonsense' is not KEY=VALUE"),
        (("ping", "a=1", "a.b=2", "--unsigned"), "a is given as a value and as an object"),
        (("ping", "--args", "[1]", "--unsigned"), "--args is no JSON object"),
        (("ping", "a=1", "--args", "{}", "--unsigned"), "exclude each other"),
        (("pong", "--unsigned"), "there is no command pong; do you mean ping?"),
        (("ping",), "signed with --key, or sent with --unsigned"),
        (("ping", "--key", "/no/such.pem"), "there is no /no/such.pem"),
        (("ping", "--unsigned", "--broker", "nonsense"), "--broker: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_of_send_is_told_with_its_cure(arguments: tuple[str, ...], said: str) -> None:
    told = hub("send", "dog-07", *arguments)

    assert told.returncode == 2
    assert said in told.stderr
    assert "→" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_key_that_others_can_read_is_refused(key_file: Path) -> None:
    key_file.chmod(0o644)
    told = hub("send", "dog-07", "ping", "--key", key_file)

    assert told.returncode == 2
    assert "open to other" in told.stderr


def test_a_public_key_is_not_called_open_to_others(tmp_path: Path) -> None:
    public = tmp_path / "hub.pub"
    public.write_text("-----BEGIN PUBLIC KEY-----")
    public.chmod(0o644)
    told = hub("send", "dog-07", "ping", "--key", public)
    assert told.returncode == 2
    assert "is no private key" in told.stderr
    assert "chmod" not in told.stderr


def test_a_unit_that_is_not_there_is_no_success(broker: Broker) -> None:
    told = hub(
        "send", "nobody", "ping", "--unsigned", "--broker", broker.url, "--wait", "--timeout", "0.5"
    )

    assert told.returncode == 1
    assert "no final answer to ping" in told.stderr
    assert "within 0.5 s" in told.stderr
    assert "is nobody online?" in told.stderr


# --- records ---


def recorded(tmp_path: Path, *options: str | Path) -> Path:
    """A record of a hub that heard a unit, garbage, and was killed."""
    record = tmp_path / "record.jsonl"
    with Broker() as broker:
        process = hub_process("--broker", broker.url, "--json", "--record", record, *options)
        wait_until_online(broker.port)
        with running(tmp_path, broker.port) as unit:
            for number in range(20):
                unit.put(position(number, 1))
            assert wait_for(lambda: unit.outbox.pending() == 0, 20)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
    return record


def test_what_was_acknowledged_is_in_the_record_of_a_hub_that_was_killed(tmp_path: Path) -> None:
    record = recorded(tmp_path)
    entries = [each for each in read_record(record) if isinstance(each, Entry)]
    heard = [e for e in entries if e.direction == "in" and e.topic.endswith("/position")]

    assert len({e.payload for e in heard}) == 20
    told = hub("replay", record)
    assert told.returncode == 0, told.stderr
    assert "all verdicts as they were then" in told.stderr
    assert "dog-1: 22 accepted, 0 duplicates, 0 invalid, nothing missing" in told.stderr


def test_a_record_that_was_cut_or_damaged_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    record = recorded(tmp_path)
    content = record.read_bytes().splitlines(keepends=True)
    content[3:3] = [b"\x00garbage\n", b'{"at": 7}\n']
    record.write_bytes(b"".join(content) + b'{"at":"2026-11-22T12:0')
    told = hub("replay", record)

    assert "1 lines could not be read: not json" in told.stderr
    assert "1 lines could not be read: invalid" in told.stderr
    assert "1 lines could not be read: cut" in told.stderr
    assert "dog-1: 22 accepted, 0 duplicates, 0 invalid, nothing missing" in told.stderr
    assert told.returncode == 0


def verdicts(shown: Shown) -> list[str]:
    return [each["verdict"] for each in shown]


def test_a_hub_knows_from_its_record_or_state_what_it_has(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    record = recorded(tmp_path, "--state", state)
    played = tmp_path / "played.jsonl"
    played.write_bytes(record.read_bytes())  # the hub goes on writing into the other one
    for keeping in (("--record", record), ("--state", state)):
        with Broker() as broker:
            process = hub_process("--broker", broker.url, "--json", *keeping)
            wait_until_online(broker.port)
            again = hub("replay", played, "--to", broker.url, "--speed", "0")
            assert again.returncode == 0, again.stderr
            assert "messages published in" in again.stderr
            shown = shown_until(process, lambda shown: verdicts(shown).count("duplicate") == 21)
            rest, _ = ended(process)
        assert verdicts(rest).count("duplicate") == 0
        assert verdicts(shown + rest).count("accepted") <= 4, (
            "status messages, which are not numbered"
        )


@pytest.mark.parametrize("content", ["", "nonsense", '{"version":1,"root":"other","units":{}}'])
def test_a_state_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    state = tmp_path / "state"
    state.write_text(content)
    told = hub("--state", state, "--duration", "1")

    assert told.returncode == 2
    assert "--state" in told.stderr
    assert "→ give another file, or delete it" in told.stderr


@pytest.mark.parametrize("content", [b"", b"\n\n", b"nonsense\n"])
def test_a_record_that_holds_nothing_is_a_failure(tmp_path: Path, content: bytes) -> None:
    record = tmp_path / "record"
    record.write_bytes(content)

    assert hub("replay", record).returncode == 1
    assert hub("replay", tmp_path / "none").returncode == 2
