"""`patrol-edge hub --json` as a process: what it shows as it shows it, and its end."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.raw_mqtt import RawClient
from tests.unit_under_test import wait_for

Shown = list[dict[str, Any]]


def hub_process(*arguments: str | Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "edge.cli.main", "hub", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until_online(port: int, root: str = "patrol/v1") -> None:
    """Until the hub has subscribed, and said so; so that nothing published now is lost on it."""
    with RawClient(port, None, "looks-for-a-hub") as client:
        assert client.subscribe(f"{root}/hub/state") is not None

        def is_online() -> bool:
            return client.settle() and any(b'"online"' in each.payload for each in client.heard)

        assert wait_for(is_online, 30), "no hub came"


def shown_until(process: "subprocess.Popen[str]", enough: Callable[[Shown], bool]) -> Shown:
    """What it showed so far, once that is enough."""
    assert process.stdout is not None
    shown: Shown = []
    while not enough(shown):
        line = process.stdout.readline()
        assert line, f"the hub ended after {len(shown)} messages"
        shown.append(json.loads(line))
    return shown


def ended(process: "subprocess.Popen[str]") -> tuple[Shown, str]:
    """SIGTERM. What it showed after what was read before, and what it said on stderr."""
    assert process.stdout is not None
    assert process.stderr is not None
    process.send_signal(signal.SIGTERM)
    with process.stdout as out, process.stderr as err:  # both far below what a pipe holds
        rest, said = [json.loads(line) for line in out], err.read()
    process.wait(30)
    return rest, said
