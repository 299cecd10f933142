"""`patrol-edge conformance` on a real broker: our own unit passes, unsound ones do not."""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from edge.demo.loopback_broker import find_mosquitto
from telemetry.commands.jws import PrivateKey
from telemetry.commands.keyring import KeyringFile, write_keyring
from telemetry.commands.keys import KeyEntry
from tests.bench_unit import KID, UNIT
from tests.broker import Broker, free_port
from tests.cli_in_process import told as told_in_process
from tests.e2e.unit_process import CLI, running_unit, simulated_receiver, write_unit_file
from tests.live_bench import LiveBench
from tests.unit_under_test import wait_for

KEY = PrivateKey.new()


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    if find_mosquitto() is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    with Broker() as broker:
        yield broker


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "hub.pem"
    path.write_bytes(KEY.pem)
    path.chmod(0o600)
    return path


def kit(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [*CLI, "conformance", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


def call_for_help(unit_file: Path, record: Path) -> bool:
    """From the unit's own keyboard, once the kit hears the unit; and end it again."""

    def done(*words: str) -> bool:
        command = [*CLI, "sos", *words, "--config", str(unit_file)]
        return subprocess.run(command, capture_output=True, timeout=30).returncode == 0

    heard = wait_for(lambda: record.exists() and b"/car-07/position" in record.read_bytes(), 60)
    return heard and wait_for(done, 30) and done("cancel")


def test_our_own_unit_keeps_the_contract(broker: Broker, tmp_path: Path, key_file: Path) -> None:
    """Live, with everything the kit can do to it; then its record, judged alike."""
    (tmp_path / "state").mkdir()
    entry = KeyEntry(kid=KID, public=KEY.public.text, issuer="kit", roles=("commander",))
    write_keyring(tmp_path / "state" / "keyring.json", KeyringFile(keys=(entry,)))
    record, junit = tmp_path / "record.jsonl", tmp_path / "junit.xml"
    with simulated_receiver(tmp_path) as port:
        unit_file = write_unit_file(
            tmp_path,
            broker.url,
            gnss={"main": {"kind": "serial", "port": str(port)}},
            perception={"enabled": False},
            delivery={"resend_after_s": 3},
        )
        options = ("--broker", broker.url, "--unit", "car-07", "--key", key_file, "--kid", KID)
        more = ("--disturb", "--tasks", "--record", record, "--junit", junit)
        with running_unit(unit_file, tmp_path / "log") as unit, ThreadPoolExecutor(1) as beside:
            called = beside.submit(call_for_help, unit_file, record)
            told = kit(*options, *more)
            assert called.result(120)
            assert unit.process.poll() is None
    again = kit("--unit", "car-07", "--recording", record, "--json")

    assert told.returncode == 0, told.stdout
    assert "FAIL" not in told.stdout
    not_seen = {line[:6] for line in told.stdout.splitlines() if "NOT RUN" in line}
    # No picture, no alert, no deadline, no command that takes long, no stop, watched half a minute;
    # nothing that shines or moves; nothing is flashed.
    assert not_seen <= {
        *("HC-018", "HC-047", "HC-053", "HC-025", "HC-065", "HC-069", "HC-074", "HC-098"),
        *("HC-157", "HC-161", "HC-162", "HC-163"),
        *("HC-169", "HC-170", "HC-171"),
    }
    assert [f"{each['rule']}  {each['verdict']:<7}" for each in json.loads(again.stdout)] == [
        line[:15] for line in told.stdout.splitlines()
    ]
    suite = Xml.parse(junit).getroot()
    assert (suite.get("failures"), suite.get("skipped")) == ("0", str(len(not_seen)))
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_an_unsound_unit_does_not(broker: Broker) -> None:
    """One run, two flaws; each check is seen to fail in tests/parts/test_conformance_kit.py."""
    with LiveBench(broker.port, KEY, "no_id_acks", "retains_events") as bench:
        assert wait_for(lambda: bench.unit.connected)
        told = kit("--unit", UNIT, "--broker", broker.url, "--timeout", "3")

    assert told.returncode == 1, told.stderr
    failed = {line[:6] for line in told.stdout.splitlines() if "  FAIL  " in line}
    assert {"HC-031", "HC-015"} <= failed, told.stdout


def test_a_broker_or_unit_that_is_not_there_is_told(broker: Broker) -> None:
    away = kit("--unit", "dog-9", "--broker", f"mqtt://127.0.0.1:{free_port()}")
    silent = kit("--unit", "nobody", "--broker", broker.url, "--timeout", "1")

    assert (away.returncode, silent.returncode) == (1, 1)
    assert "the broker was not reached" in away.stderr
    assert "nothing new was heard from nobody" in silent.stderr
    assert "Traceback" not in away.stderr + silent.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "missing: --unit"),
        (("--unit", "x", "--rules", "HX-1"), "the kit judges no HX-1"),
        (("--unit", "x", "--recording", "/no/such"), "cannot read /no/such"),
        (("--unit", "x", "--key", "/no/such"), "there is no /no/such"),
        (("--unit", "x", "--record", "/no/such/file"), "cannot write /no/such/file"),
        (("--unit", "x", "--broker", "nonsense"), "--broker: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_told_with_its_cure(arguments: tuple[str, ...], said: str) -> None:
    told = told_in_process("conformance", *arguments)

    assert told.returncode == 2
    assert said in told.stderr
    assert "→" in told.stderr
    assert "Traceback" not in told.stderr


def test_only_the_rules_that_are_asked_for_are_judged(tmp_path: Path) -> None:
    record = tmp_path / "record"
    line = {"at": "2026-11-22T12:00:00.000Z", "mono_s": 1, "dir": "in", "text": "{}"}
    record.write_text(json.dumps(line | {"topic": "patrol/v1/x/event"}) + "\n")
    told = told_in_process(
        "conformance", "--unit", "x", "--recording", record, "--rules", "HC-00", "HC-013"
    )

    assert told.returncode == 1
    rules = [line[:6] for line in told.stdout.splitlines() if line.startswith("HC-")]
    assert rules == [f"HC-{number:03}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 13)]
