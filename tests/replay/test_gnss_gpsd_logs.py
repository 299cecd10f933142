"""Recordings of real receivers, held against what gpsd made of them; and others, read whole."""

import importlib.util
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from drivers.gnss.receiver import NmeaReceiver
from edge.cli.main import main
from tests.shared_data import shared


def comparison(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("compare_gpsd", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_gpsd_and_we_see_the_same_fixes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison of `make bench`, but with the command inside this process: starting it 270
    times is all that takes long."""
    data = shared("data/nmea")
    compare = comparison(data / "compare_gpsd.py")

    def run_here(
        binary: str, log: str, limit_s: float, every: bool = False
    ) -> tuple[list[Any], list[str], float]:
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(io.StringIO()):
            code = main(["gnss", "replay", log, "--json", *(["--all"] if every else [])])
        objects = [compare.checked(json.loads(line)) for line in out.getvalue().splitlines()]
        failed = code != 0 and any(compare.sentences(log))
        return objects, [f"exit {code}"] if failed else [], 0.0

    monkeypatch.setattr(compare, "run_command", run_here)
    logs = [data / "gpsd" / name for name in sorted(compare.read_list(data / "COMPARABLE.txt"))]
    results = [compare.compare_log("", str(log), True, 30, True, True) for log in logs]

    assert len(results) > 60
    assert [result["name"] for result in results if result["problems"]] == []
    assert [result["name"] for result in results if result["false"] or result["repeats"]] == []
    assert [result["name"] for result in results if result["noise"][2]] == []
    expected = sum(result["expected"] for result in results)
    assert sum(result["found"] for result in results) >= 0.99 * expected
    assert sum(result["noise"][0] for result in results) >= 0.95 * expected
    for name in ("date", "alt", "speed", "course", "kind"):
        agreed, of = map(sum, zip(*(r["agreement"][name] for r in results), strict=True))
        assert agreed >= 0.99 * of, name


def test_any_recording_is_read_alive_or_not_in_whatever_pieces() -> None:
    logs = sorted(shared("data/nmea").rglob("*.log"))
    assert len(logs) > 90
    fixes = 0
    for log in logs:
        data = log.read_bytes()
        whole = NmeaReceiver(max_speed_mps=80.0, live=False)
        epochs = [timed.epoch for timed in whole.feed(data, 0.0) + whole.finish()]
        pieces = NmeaReceiver(max_speed_mps=80.0, live=False)
        again = []
        for at in range(0, len(data), 97):
            again += pieces.feed(data[at : at + 97], 0.0)
        assert [timed.epoch for timed in again + pieces.finish()] == epochs, log.name
        live = NmeaReceiver(max_speed_mps=80.0, live=True)
        at_once = [timed.epoch for timed in live.feed(data, 0.0) + live.silence(1.0)]
        assert sum(epoch.has_fix for epoch in at_once) == sum(epoch.has_fix for epoch in epochs)
        fixes += sum(epoch.has_fix for epoch in epochs)
    assert fixes > 1200
