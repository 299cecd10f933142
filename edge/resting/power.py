"""What is done last before the unit sleeps: suspend, power off, or a command of the owner's."""

import subprocess
from collections.abc import Callable, Sequence

from config.sleep import SleepConfig

WITHIN_S = 30.0
RUN: dict[str, tuple[str, ...]] = {
    "suspend": ("systemctl", "suspend"),
    "poweroff": ("systemctl", "poweroff"),
}

Run = Callable[[Sequence[str]], str]


def command_of(config: SleepConfig) -> tuple[str, ...]:
    """Program and arguments; empty where nothing is to be run."""
    return config.command if config.action == "command" else RUN.get(config.action, ())


def run(command: Sequence[str]) -> str:
    """Run it, without a shell. Returns what went wrong, in its own words; empty: nothing."""
    try:
        done = subprocess.run(  # noqa: S603 - the owner's file says what; no shell
            command, capture_output=True, timeout=WITHIN_S, text=True, errors="replace", check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}")[-300:]
