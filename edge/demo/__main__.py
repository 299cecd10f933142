"""`python -m edge.demo`."""

import sys

from edge.running.supervisor import block_stop_signals

if __name__ == "__main__":
    # Before numpy comes with the rest: its threads inherit the mask, or would take the signal.
    block_stop_signals()
    from edge.demo.demo import main

    sys.exit(main())
