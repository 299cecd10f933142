"""The workers of a part of the unit, each in its thread, without the rest of the unit."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from edge.running.worker import WorkOf


@contextmanager
def working(works: Mapping[str, WorkOf]) -> Iterator[None]:
    """They work meanwhile, and all of them end when they are told to."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=work, args=(lambda: None, stop), name=name)
        for name, work in works.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
        assert not [thread.name for thread in threads if thread.is_alive()]
