"""A technician flashes a board of a unit that runs: it lends the board, and has it back."""

import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.unit_process import running_unit
from tests.parts.test_firmware_command import Workshop
from tests.parts.test_simulated_board import simulated

CLI = (sys.executable, "-m", "edge.cli.main")
WITHIN_S = 40.0


def wait_for(log: Path, words: str, count: int = 1) -> None:
    ends_s = time.monotonic() + WITHIN_S
    while log.read_text().count(words) < count:
        assert time.monotonic() < ends_s, f"{words!r} was not told {count} times: {log.read_text()}"
        time.sleep(0.1)


def firmware(shop: Workshop, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [*CLI, "firmware", *words, "--config", str(shop.config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S)


def test_a_running_unit_lends_its_board_and_has_it_back(tmp_path: Path) -> None:
    with simulated(tmp_path) as (port, control):
        shop = Workshop(tmp_path, port, control)
        shop.config.write_text(shop.config.read_text() + "hub: {url: 'mqtt://127.0.0.1:1'}\n")
        package, log = shop.package("1.1.0", 5), tmp_path / "unit.log"
        with running_unit(shop.config, log):
            wait_for(log, "device_speaks")
            done = firmware(shop, "flash", package)
            assert "from 1.0.0 to 1.1.0, confirmed" in done.stdout, done.stderr
            wait_for(log, "device_back")
            assert '"code": "board_lent"' in log.read_text()
            assert '"code": "board_missing"' not in log.read_text()
            called = subprocess.run(
                [*CLI, "sos", "--config", str(shop.config)],
                capture_output=True, text=True, check=False, timeout=WITHIN_S,
            )  # fmt: skip
            assert called.returncode == 0, called.stderr
            refused = firmware(shop, "flash", package)
            assert refused.returncode == 1
            assert "the unit is active: it calls for help" in refused.stderr
            assert "--when-idle" in refused.stderr
