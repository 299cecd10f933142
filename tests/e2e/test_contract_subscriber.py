"""The contract's page and subscriber, as a stranger uses them: no code of ours is the hub."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from telemetry.contract.replies import RefusalCode
from telemetry.contract.tasks import TaskEventKind, TaskState
from telemetry.contract.topics import UP_LEAVES
from tests.broker import MOSQUITTO, Broker
from tests.e2e.unit_process import running_unit, simulated_receiver, write_unit_file
from tests.unit_under_test import wait_for

DOCS = Path(__file__).parents[2] / "docs" / "contract"
SCRIPT = DOCS / "subscriber" / "subscriber.sh"


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")


def in_shell(port: int, file: Path) -> list[str]:
    need("mosquitto_sub", "mosquitto_pub", "jq")
    return ["bash", str(SCRIPT), "127.0.0.1", str(port), str(file)]


def in_javascript(port: int, file: Path) -> list[str]:
    """With the library where a stranger has it: beside the script."""
    need("node", "npm")
    command = ["npm", "root", "--global"]
    installed = Path(subprocess.run(command, capture_output=True, text=True).stdout.strip())
    if not (installed / "mqtt").is_dir():
        pytest.skip("needs npm install --global mqtt")
    script = file.with_name("subscriber.mjs")
    shutil.copy(SCRIPT.with_suffix(".mjs"), script)
    script.with_name("node_modules").symlink_to(installed)
    return ["node", str(script), f"mqtt://127.0.0.1:{port}", str(file)]


@contextmanager
def subscriber(
    port: int, file: Path, out: Path, command: list[str] | None = None
) -> Iterator[None]:
    with out.open("ab") as shown:
        process = subprocess.Popen(
            command or in_shell(port, file),
            stdout=shown,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def messages(file: Path) -> list[dict[str, Any]]:
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]


def whole(file: Path) -> int:
    """How many there are, if each is there once and none is missing; else 0."""
    numbers = sorted(int(message["sequence"]) for message in messages(file))
    return len(numbers) if numbers == list(range(1, len(numbers) + 1)) else 0


def validate(message: dict[str, Any]) -> None:
    """With the schemas as they lie in the folder."""
    name = message["type"].removeprefix("patrol.").rpartition(".")[0]
    for schema, part in (("envelope", message), (name, message["data"])):
        content = json.loads((DOCS / "schemas" / f"{schema}.json").read_text())
        Draft202012Validator(content).validate(part)


def test_a_strangers_subscriber_hears_keeps_and_acknowledges(tmp_path: Path) -> None:
    need("mosquitto_sub", "mosquitto_pub", "jq")
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    file, out = tmp_path / "heard.jsonl", tmp_path / "out"
    with Broker() as broker, simulated_receiver(tmp_path) as port:
        unit_file = write_unit_file(
            tmp_path,
            broker.url,
            gnss={"main": {"kind": "serial", "port": str(port)}},
            perception={"enabled": False},
            delivery={"resend_after_s": 2},
        )
        with running_unit(unit_file, tmp_path / "log"):
            with subscriber(broker.port, file, out):
                assert wait_for(lambda: len(messages(file)) >= 8, 40)
            first = len(messages(file))
            time.sleep(2)  # the unit goes on, and nobody hears it
            with subscriber(broker.port, file, out):
                assert wait_for(lambda: whole(file) >= first + 6, 40), "with what it missed"
    kept = messages(file)
    shown = [json.loads(line) for line in out.read_text().splitlines()]
    for message in shown:
        validate(message)
    assert {m["type"] for m in shown} >= {
        "patrol.status.v1",
        "patrol.state.v1",
        "patrol.position.v1",
        "patrol.health.v1",
    }
    assert whole(file) == len(kept), "each once, and no gap"


def test_a_strangers_subscriber_keeps_what_a_unit_without_its_disk_numbers_anew(
    tmp_path: Path,
) -> None:
    need("mosquitto_sub", "mosquitto_pub", "jq")
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    file = tmp_path / "heard.jsonl"
    first = json.loads((DOCS / "examples" / "position.json").read_text())
    second = first | {"id": first["id"][:-4] + "ffff"}
    topic = f"patrol/v1/{first['source'].rpartition('/')[2]}/position"

    def say(message: dict[str, Any], port: int) -> None:
        words = ["-p", str(port), "-q", "1", "-t", topic, "-m", json.dumps(message)]
        subprocess.run(["mosquitto_pub", *words], check=True, timeout=20)

    def all_said(port: int) -> bool:  # again and again: nobody tells when it listens
        for message in (first, second, first):
            say(message, port)
        return len(messages(file)) >= 2

    with Broker() as broker, subscriber(broker.port, file, tmp_path / "out"):
        assert wait_for(lambda: all_said(broker.port), 40)
        say(first, broker.port)
    assert sorted(message["id"] for message in messages(file)) == sorted(
        [first["id"], second["id"]]
    )


@pytest.mark.parametrize("command", [in_shell, in_javascript])
def test_a_strangers_subscriber_begins_a_session_with_each_connection(
    tmp_path: Path, command: Callable[[int, Path], list[str]]
) -> None:
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    need("mosquitto_sub")

    def announced(port: int) -> dict[str, str]:
        words = ["-p", str(port), "-t", "patrol/v1/hub/state", "-C", "1", "-W", "1"]
        found = subprocess.run(["mosquitto_sub", *words], capture_output=True, timeout=20).stdout
        return dict(json.loads(found or "{}"))

    def is_online(port: int) -> bool:
        return announced(port).get("state") == "online"

    sessions = []
    heard = tmp_path / "heard"
    with Broker() as broker:
        words = command(broker.port, heard)
        with subscriber(broker.port, heard, tmp_path / "out", words):
            for _ in range(3):
                assert wait_for(lambda: is_online(broker.port), 40)
                sessions.append(announced(broker.port)["session"])
                broker.kill()
                broker.start()  # it has forgotten what was retained
            broker.kill()
    assert len(set(sessions)) == 3, sessions
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert f"-p {broker.port} " not in processes, "it has left nothing behind"


@pytest.mark.parametrize("command", [in_shell, in_javascript])
def test_a_strangers_subscriber_leaves_its_session_in_its_will(
    tmp_path: Path, command: Callable[[int, Path], list[str]]
) -> None:
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    need("mosquitto_sub")
    file = tmp_path / "states"
    heard = tmp_path / "heard"
    with Broker() as broker, file.open("wb") as out:
        words = command(broker.port, heard)
        listening = ["mosquitto_sub", "-p", str(broker.port), "-t", "patrol/v1/hub/state"]
        listener = subprocess.Popen(listening, stdout=out)
        try:
            with subscriber(broker.port, heard, tmp_path / "out", words):
                assert wait_for(lambda: bool(messages(file)), 40)
            assert wait_for(lambda: len(messages(file)) >= 2, 20)
        finally:
            listener.kill()
            listener.wait()
    first, *_, last = messages(file)
    assert (first["state"], last["state"]) == ("online", "offline")
    assert first["session"] == last["session"]


def test_the_signed_example_is_made_by_openssl_alone(tmp_path: Path) -> None:
    need("openssl", "jq", "bash")
    page = (DOCS / "README.md").read_text(encoding="utf-8")
    recipe = next(block for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
    made = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", recipe],
        cwd=DOCS / "examples",
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        check=True,
    )

    assert made.stdout == (DOCS / "examples" / "command-signed.jws").read_bytes()


def test_the_page_names_all_codes_commands_topics_and_files() -> None:
    page = (DOCS / "README.md").read_text(encoding="utf-8")
    for code in get_args(RefusalCode):
        assert f"`{code}`" in page, code
    for word in (*get_args(TaskEventKind), *get_args(TaskState)):
        assert word in page, word
    for leaf in UP_LEAVES:
        assert f"`{{root}}/{{unit}}/{leaf}" in page, leaf
    for link in re.findall(r"\]\(([^)#]+)\)", page):
        assert (DOCS / link).exists(), link
