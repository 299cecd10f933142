"""Asks the kernel whether something steers the clock, and writes it where the runtime reads it.

    python -m drivers.clock_teller FILE

A service of its own (systemd/patrol-edge-clock.service), without network, devices or secrets: the
calls that ask are the calls that set, so the runtime has none of them.
"""

import sys
import time
from pathlib import Path

from drivers.clock import asked_clock_state

EVERY_S = 10.0


def tell(file: Path) -> bool:
    """Write the state of now, whole or not at all. False where the kernel may not be asked."""
    state = asked_clock_state()
    if state is None:
        return False
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{state} {time.monotonic():.3f}\n", encoding="ascii")
    fresh.replace(file)
    return True


def main(file: Path, every_s: float = EVERY_S) -> int:
    """Until it is ended. 1 where the kernel may not be asked."""
    while tell(file):
        time.sleep(every_s)
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
