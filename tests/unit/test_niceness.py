"""A thread that gives way does so alone."""

import os
import threading

from edge.running.niceness import BY, give_way


def test_only_the_thread_that_gives_way_becomes_nicer() -> None:
    found: list[int] = []

    def work() -> None:
        give_way()
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(5)

    assert found == [min(19, before + BY)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
