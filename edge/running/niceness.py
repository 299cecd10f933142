"""Which thread gives way to which, where two want the same core."""

import os
import threading
from contextlib import suppress

BY = 10


def give_way() -> None:
    """Let this thread wait for those that did not give way. Linux counts niceness by thread
    (setpriority(2), "C library/kernel differences"); elsewhere nothing happens.

    For what works beside the model: without it the model is pushed off its core now and then,
    and 66 runs a second become 53 (INT8, two cores, measured).
    """
    thread = threading.get_native_id()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + BY)
