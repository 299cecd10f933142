"""R-ROBOT-1: whatever becomes of the host, the robot stands within a second."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.robots import Dog, simulated_dog
from tests.torture.trials import Stage, held, trial

STANDS_WITHIN_S = 1.0


@trial("R-ROBOT-1", "a robot stands within a second when its host is killed or hangs", short=True)
def standing(stage: Stage) -> str:
    count, times = stage.sized(4, 100), dict[str, list[float]]()
    dice = random.Random(1)
    with simulated_dog(stage.folder) as dog:
        for how in (signal.SIGKILL, signal.SIGSTOP):
            found = [_ended(dog, how, dice.uniform(0.0, 0.3)) for _ in range(count)]
            times[how.name] = found
            worst_s = max(found)
            held(worst_s <= STANDS_WITHIN_S, f"after {how.name} it walked for {worst_s:.2f} s")
        dog.tell("hold 60")  # the control: legs without a dead-man
        without_s = _ended(dog, signal.SIGSTOP, 0.0, patience_s=2.0)
        held(without_s > STANDS_WITHIN_S, "legs without a dead-man were not seen to walk on")
    told = ", ".join(
        f"{name} {len(found)} times: median {sorted(found)[len(found) // 2]:.2f}, at most "
        f"{max(found):.2f} s"
        for name, found in times.items()
    )
    return f"from 1 m/s to standing, {told}; without a dead-man it walks on"


def _ended(dog: Dog, how: signal.Signals, later_s: float, patience_s: float = 5.0) -> float:
    """Seconds from the signal to standing; `patience_s` where it never stands."""
    with _walking(dog) as host:
        time.sleep(later_s)
        ended_s = time.monotonic()
        host.send_signal(how)
        while dog.truth()["forward"] != 0.0:
            if time.monotonic() - ended_s > patience_s:
                return patience_s
            time.sleep(0.01)
        return dog.truth()["still"] - ended_s


@contextmanager
def _walking(dog: Dog) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "tests.torture.walker", str(dog.port)]
    with subprocess.Popen(command) as host:
        try:
            ends_s = time.monotonic() + 20
            while dog.truth()["forward"] < 0.95:
                held(time.monotonic() < ends_s, "the host does not get it to walk")
                time.sleep(0.02)
            yield host
        finally:
            with suppress(ProcessLookupError):
                host.kill()
