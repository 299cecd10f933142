"""Newest wins, keys take turns, and what was replaced is counted."""

import threading
import time

from edge.running.mailbox import Mailbox


def test_the_newest_item_replaces_an_untaken_one_and_is_counted() -> None:
    box: Mailbox[int] = Mailbox()
    for item in (1, 2, 3):
        box.put("front", item)

    assert box.take(0) == ("front", 3)
    assert box.take(0) is None
    assert box.replaced() == {"front": 2}


def test_a_busy_key_does_not_starve_another() -> None:
    box: Mailbox[int] = Mailbox()
    box.put("busy", 1)
    box.put("quiet", 10)
    box.put("busy", 2)

    assert box.take(0) == ("busy", 2)
    box.put("busy", 3)
    assert box.take(0) == ("quiet", 10)
    assert box.take(0) == ("busy", 3)


def test_take_wakes_up_when_something_comes() -> None:
    box: Mailbox[str] = Mailbox()
    threading.Timer(0.05, box.put, ("a", "x")).start()
    began = time.monotonic()

    assert box.take(5.0) == ("a", "x")
    assert time.monotonic() - began < 2.0
