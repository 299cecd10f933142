"""Two serial ports with a cable between: pseudo-terminals, and a thread that carries the bytes."""

import os
import select
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serial_cable() -> Iterator[tuple[str, str]]:
    """The paths of both ends."""
    ends = [os.openpty() for _ in range(2)]
    for _, slave in ends:
        tty.setraw(slave)
    (one, one_slave), (other, other_slave) = ends
    stop = threading.Event()

    def carry() -> None:
        while not stop.is_set():
            readable, _, _ = select.select([one, other], [], [], 0.05)
            for end in readable:
                os.write(other if end == one else one, os.read(end, 4096))

    thread = threading.Thread(target=carry)
    thread.start()
    try:
        yield os.ttyname(one_slave), os.ttyname(other_slave)
    finally:
        stop.set()
        thread.join()
        for master, slave in ends:
            os.close(master)
            os.close(slave)
