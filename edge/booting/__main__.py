"""What the service starts: `python -P -m edge.booting --config FILE`. It becomes the runtime.

It looks after the slots and the count of starts, and then executes `patrol-edge run` in its own
place: same process, same environment, same notification socket. Whatever goes wrong in here, the
installed runtime is started.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

DEFAULT_CONFIG = Path("/etc/patrol-edge/unit.yaml")
STEP_S = 1.0


def main(argv: Sequence[str] | None = None) -> int:
    """Does not return where all goes well. Returns 1 where nothing can be executed at all."""
    args = _arguments(argv)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
    runtime = ["run", "--config", str(args.config)]
    command, plain = _plain(runtime), _plain(runtime)
    try:
        command = _launched(args.config, runtime)
    except Exception as error:  # noqa: BLE001 - our own bugs must not keep a unit from starting
        sys.stderr.write(f"launcher: {type(error).__name__}: {error}; the runtime starts anyway\n")
    os.environ["PATROL_EDGE_LAUNCHED"] = "1"  # as edge/running/sdnotify.py knows it
    sys.stderr.flush()
    for each in (command, plain):
        try:
            os.execv(each[0], each)  # noqa: S606 - no shell is wanted
        except OSError as error:
            sys.stderr.write(f"launcher: {each[0]} cannot be executed: {error}\n")
    return 1


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m edge.booting", description=__doc__)
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="the unit file")
    return parser.parse_args(argv)


def _plain(arguments: list[str]) -> list[str]:
    lean = ["-B"] if sys.dont_write_bytecode else []
    safe = "-I" if sys.flags.isolated else "-P"
    return [sys.executable, *lean, safe, "-m", "edge.cli.start", *arguments]


def _launched(unit_file: Path, arguments: list[str]) -> list[str]:
    """What to execute, after all care and any pause."""
    from edge.booting.state_folder import state_and_trust
    from edge.running.sdnotify import SystemdNotifier
    from edge.running.state_lock import is_in_use

    state_dir, trust = state_and_trust(unit_file)
    if is_in_use(state_dir):  # another one runs here: what it keeps count of is not ours
        return _plain(arguments)
    state_dir.mkdir(mode=0o710, parents=True, exist_ok=True)
    os.umask(0o077)
    notifier = SystemdNotifier()
    command, pause_s = prepared(state_dir, trust, arguments, notifier.alive)
    ends_s = time.monotonic() + pause_s
    while (left_s := ends_s - time.monotonic()) > 0:  # a stop signal ends us right here
        notifier.alive()
        time.sleep(min(STEP_S, left_s))
    return command


def prepared(
    state_dir: Path, trust: Path, arguments: list[str], alive: Callable[[], None]
) -> tuple[list[str], float]:
    """What to execute next, and after how many seconds. The start is counted; slots are verified.

    `trust`: the list of keys. `alive` is called now and then meanwhile. Raises OSError.
    """
    from config.slots import slots_folder
    from drivers.clock import computer_boot_id, since_boot_s
    from edge.booting.launching import Now, prepare
    from edge.booting.runtime import command

    now = Now(boot=computer_boot_id(), since_boot_s=since_boot_s(), utc=datetime.now(UTC))
    decision = prepare(state_dir, trust, now, alive)
    safe = ["--safe"] if decision.safe else []
    argv = command(slots_folder(state_dir), decision.runtime, [*arguments, *safe])
    return argv, decision.pause_s


if __name__ == "__main__":
    sys.exit(main())
