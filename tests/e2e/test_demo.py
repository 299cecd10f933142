"""`make demo`, as a newcomer and as somebody impatient."""

import signal
import time
from pathlib import Path

import pytest

from edge.demo.loopback_broker import find_mosquitto
from tests.demo_process import demo, told_by


@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"])
def test_real_detections_reach_the_hub(tmp_path: Path, broker: str) -> None:
    if broker == "mosquitto" and find_mosquitto() is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    said = told_by(tmp_path, "--scene", "car", "--seconds", "10", "--broker", broker)
    assert "Real detections and positions reached the hub." in said
    assert broker in said
    assert list((tmp_path / "out").glob("*.jpg")), "annotated pictures"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_stopped_at_any_time_and_leaves_nothing_behind(
    tmp_path: Path, how: signal.Signals
) -> None:
    with demo(tmp_path, "--seconds", "60", "--broker", "amqtt") as process:
        time.sleep(6)
        process.send_signal(how)
        said, _ = process.communicate(timeout=60)
        running = "".join(commands())

    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("patrol-demo-*"))
    assert str(tmp_path) not in running, "its receiver and its broker have ended"


def commands() -> list[str]:
    """The command lines of all processes (proc(5))."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((folder / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return found
