"""A stranger's hub commands a whole unit through a real broker: done once, whatever happens."""

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.local.asking import ask
from telemetry.commands.journal import journal_files
from telemetry.commands.journal_check import Head, check
from telemetry.commands.jws import PublicKey
from telemetry.commands.keyring import KeyringFile, write_keyring
from telemetry.commands.keys import KeyEntry
from telemetry.contract.uuid7 import uuid7
from tests import stranger_signer
from tests.broker import Broker
from tests.e2e.plain_hub import PlainHub
from tests.e2e.unit_process import running_unit, write_unit_file

HUB = Ed25519PrivateKey.generate()


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


@pytest.fixture
def unit_file(tmp_path: Path, broker: Broker) -> Path:
    (tmp_path / "state").mkdir(mode=0o700)
    entry = KeyEntry(
        kid="hub-1",
        public=stranger_signer.public_text(HUB),
        issuer="hub",
        roles=("commander", "technician"),
    )
    write_keyring(tmp_path / "state" / "keyring.json", KeyringFile(keys=(entry,)))
    return write_unit_file(tmp_path, broker.url, perception={"enabled": False})


def claims(name: str = "ping", **args: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "id": uuid7(now),
        "name": name,
        "args": args,
        "issuer": "officer 7",
        "issued_at": now.isoformat(),
        "expires_at": (now + timedelta(seconds=60)).isoformat(),
        "unit": "car-07",
    }


def say(hub: PlainHub, wanted: dict[str, Any], key: Ed25519PrivateKey = HUB) -> str:
    hub.command("car-07", stranger_signer.command(key, "hub-1", wanted))
    return str(wanted["id"])


def ends(hub: PlainHub, command: str) -> list[dict[str, Any]]:
    over = {"succeeded", "rejected", "failed", "expired", "cancelled"}
    replies = [reply["data"] for reply in hub.of("reply")]
    return [r for r in replies if r["command"] == command and r["status"] in over]


def end_of(hub: PlainHub, command: str, count: int = 1) -> dict[str, Any]:
    hub.wait_for(lambda h: len(ends(h, command)) >= count, 20)
    return ends(hub, command)[-1]


def test_a_strangers_hub_commands_a_unit(broker: Broker, unit_file: Path, tmp_path: Path) -> None:
    first = claims()
    with PlainHub(broker.port) as hub:
        with running_unit(unit_file, tmp_path / "log") as unit:
            hub.wait_for(lambda h: h.of("state"), 20)
            pong = once(hub, first)
            with_reasons(hub)
            born_again(hub)
            handed_over(hub, tmp_path / "state")
            unit.process.send_signal(signal.SIGKILL)
            unit.process.wait()
        with running_unit(unit_file, tmp_path / "log") as unit:
            say(hub, first)
            again = end_of(hub, first["id"], 3)
            assert (again["status"], again["repeat"]) == ("succeeded", True)
            assert unit.terminate() < 5
    assert "Traceback" not in (tmp_path / "log").read_text()
    told = Head(pong["journal"]["n"], pong["journal"]["hash"])
    key = PublicKey((tmp_path / "state/device.pub").read_text().strip())
    verdict = check(journal_files(tmp_path / "state/journal"), key, [told])
    assert verdict.bad is None
    assert verdict.seals >= 1
    assert verdict.unsealed == 0


def once(hub: PlainHub, wanted: dict[str, Any]) -> dict[str, Any]:
    say(hub, wanted)
    pong = end_of(hub, wanted["id"])
    assert pong["status"] == "succeeded"
    say(hub, wanted)
    assert end_of(hub, wanted["id"], 2)["repeat"] is True
    return pong


def with_reasons(hub: PlainHub) -> None:
    able = hub.of("state")[0]["data"]["capabilities"]
    assert {"ping", "rebirth", "mode.set"} <= set(able)
    assert "siren" not in able
    begun = time.monotonic()
    siren = say(hub, claims("siren", on=True))
    assert end_of(hub, siren)["code"] == "unsupported"
    assert time.monotonic() - begun < 2
    forged = say(hub, claims(), Ed25519PrivateKey.generate())
    assert end_of(hub, forged)["code"] == "bad_signature"


def born_again(hub: PlainHub) -> None:
    states, healths = len(hub.of("state")), len(hub.of("health"))
    say(hub, claims("rebirth"))
    hub.wait_for(lambda h: len(h.of("state")) > states and len(h.of("health")) > healths, 10)


def handed_over(hub: PlainHub, state: Path) -> None:
    ask(state, "control.take", {"reason": "at the gate"})
    hub.wait_for(lambda h: h.of("state")[-1]["data"]["commander"] == "local", 10)
    mode = say(hub, claims("mode.set", mode="emergency"))
    assert end_of(hub, mode)["code"] == "not_commander"
    ask(state, "control.return")
    hub.wait_for(lambda h: h.of("state")[-1]["data"]["commander"] == "hub", 10)


def test_without_a_key_nobody_commands_and_health_says_so(
    broker: Broker, unit_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "state" / "keyring.json").unlink()
    with PlainHub(broker.port) as hub, running_unit(unit_file, tmp_path / "log"):
        hub.wait_for(lambda h: h.of("health"), 20)
        faults = {fault["code"] for fault in hub.of("health")[-1]["data"]["faults"]}
        assert "keyring_missing" in faults
        command = say(hub, claims())
        assert end_of(hub, command)["code"] == "unknown_key"
