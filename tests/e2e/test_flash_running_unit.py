"""`patrol-edge flash` beside a running unit: kept, taken back, refused, and in its journal."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.demo.loopback_broker import LoopbackBroker, find_mosquitto
from tests.bundle_maker import trust_of
from tests.e2e.plain_hub import PlainHub
from tests.e2e.unit_process import simulated_receiver, write_unit_file
from tests.flashing_stand import made
from tests.launched_unit import launched, slots_of

CLI = (sys.executable, "-P", "-m", "edge.cli.start")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LoopbackBroker]:
    mosquitto = find_mosquitto()
    if mosquitto is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    with LoopbackBroker(tmp_path, mosquitto) as broker:
        yield broker


def bundle(folder: Path, serial: int, content: bytes) -> Path:
    now = datetime.now(UTC)
    path = folder / f"north-{serial}.peb"
    data = made(
        {"unit.yaml": content}, "config", serial, name="north",
        made_for={"units": ("car-07",)}, issued_at=now, not_before=now - timedelta(hours=1),
        not_after=now + timedelta(hours=1),
    )  # fmt: skip
    path.write_bytes(data)
    return path


def flashed(unit_file: Path, path: Path, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code, and the lines for programs."""
    done = subprocess.run(
        [*CLI, "flash", str(path), "--json", "--config", str(unit_file), *words],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_technician_flashes_a_running_unit(broker: LoopbackBroker, tmp_path: Path) -> None:
    with PlainHub(broker.port) as hub, simulated_receiver(tmp_path, "--speed", "0.05") as port:
        path = write_unit_file(
            tmp_path, broker.url, perception={"enabled": False}, flash={"trial_s": 15},
            position={"patrol_every_s": 1, "parked_every_s": 1},
            gnss={"main": {"kind": "serial", "port": str(port), "baud": 9600}},
        )  # fmt: skip
        (tmp_path / "state").mkdir()
        trust = tmp_path / "state" / "trust.json"
        trust.write_text(trust_of("anna", "bert").model_dump_json(exclude_none=True))
        trust.chmod(0o600)
        with launched(path, tmp_path) as unit:
            hub.wait_for(lambda h: len(h.of("position")) >= 3, 40)
            code, lines = flashed(path, bundle(tmp_path, 3, b"health:\n  every_s: 3\n"))
            assert (code, lines[-1]["end"]) == (0, "committed"), (lines, unit.log_text())
            assert slots_of(tmp_path).lane("config").serial == 3
            serials = json.loads((tmp_path / "state" / "serials.json").read_bytes())
            assert serials["lanes"] == {"config": 3}

            deaf = b"gnss:\n  main:\n    kind: serial\n    port: /dev/none\n    baud: 9600\n"
            before = slots_of(tmp_path).lanes
            code, lines = flashed(path, bundle(tmp_path, 4, deaf))
            assert (code, lines[-1]["code"]) == (1, "unhealthy"), lines[-1]
            assert slots_of(tmp_path).lanes == before

            deaf = b"hub:\n  url: mqtt://127.0.0.1:1\n"
            code, lines = flashed(path, bundle(tmp_path, 4, deaf))
            assert (code, lines[-1]["end"]) == (1, "rolled_back"), lines[-1]
            assert "hub" in lines[-1]["text"]

            code, lines = flashed(path, bundle(tmp_path, 3, b"{}\n"))
            assert (code, lines[-1]["code"]) == (1, "replayed")
            hub.wait_for(lambda h: len(h.of("position")) >= 3, 40)
        assert unit.codes == []
    text = b"".join(each.read_bytes() for each in (tmp_path / "state/journal").glob("*.jsonl"))
    flashes = [json.loads(line) for line in text.splitlines() if b'"what":"flash"' in line]
    own = [each["step"] for each in flashes if "record" in each]  # the others tell of the trials
    assert own == ["staged", "switched", "staged", "refused", "staged", "switched", "refused"]
