"""`make demo`, as a newcomer and as somebody impatient."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.demo.loopback_broker import find_mosquitto
from tests.clips import street_clip


def demo(folder: Path, *options: str) -> "subprocess.Popen[str]":
    street_clip()  # skips where the demo is not set up
    return subprocess.Popen(
        [sys.executable, "-m", "edge.demo", "--out", str(folder / "out"), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
        start_new_session=True,
    )


@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"])
def test_real_detections_reach_the_hub(tmp_path: Path, broker: str) -> None:
    if broker == "mosquitto" and find_mosquitto() is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    process = demo(tmp_path, "--scene", "car", "--seconds", "10", "--broker", broker)
    said, _ = process.communicate(timeout=90)

    assert process.returncode == 0, said
    assert "Real detections and positions reached the hub." in said
    assert broker in said
    assert list((tmp_path / "out").glob("*.jpg")), "annotated pictures"
    assert not list(tmp_path.glob("patrol-demo-*")), "nothing is left behind"


def test_a_robot_dog_shines_and_is_dark_in_stealth(tmp_path: Path) -> None:
    process = demo(tmp_path, "--scene", "dog", "--broker", "amqtt")
    said, _ = process.communicate(timeout=90)

    assert process.returncode == 0, said
    assert "✗" not in said
    for told in ("searchlight on", "stealth: dark and silent at once", "siren refused in stealth"):
        assert f"✓  {told}" in said
    assert not list(tmp_path.glob("patrol-demo-*")), "nothing is left behind"


def test_a_drone_is_followed_from_a_recording_and_brought_back_into_its_fence(
    tmp_path: Path,
) -> None:
    pytest.importorskip("pymavlink")
    process = demo(tmp_path, "--scene", "drone", "--broker", "amqtt")
    said, _ = process.communicate(timeout=90)

    assert process.returncode == 0, said
    assert "✗" not in said
    for told in ("mission followed to its end", "the unit orders it home, and it obeys"):
        assert f"✓  {told}" in said
    assert not list(tmp_path.glob("patrol-demo-*")), "nothing is left behind"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_stopped_at_any_time_and_leaves_nothing_behind(
    tmp_path: Path, how: signal.Signals
) -> None:
    process = demo(tmp_path, "--seconds", "60", "--broker", "amqtt")
    time.sleep(6)
    process.send_signal(how)
    said, _ = process.communicate(timeout=30)

    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("patrol-demo-*"))
    assert str(tmp_path) not in "".join(commands()), "its receiver and its broker have ended"


def commands() -> list[str]:
    """The command lines of all processes (proc(5))."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((folder / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return found
