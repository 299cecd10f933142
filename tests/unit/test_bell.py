"""A bell that many ring and one hears: no ring is lost, none is left over."""

import select
import threading

from telemetry.bell import PollBell


def test_no_ring_is_lost_however_the_threads_meet() -> None:
    bell, poll, made, seen = PollBell(), select.poll(), [0, 0, 0], 0
    poll.register(bell.fileno(), select.POLLIN)

    def ring(number: int) -> None:
        for _ in range(20_000):
            made[number] += 1
            bell.set()

    threads = [threading.Thread(target=ring, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    while seen < 60_000:
        assert poll.poll(5000), f"slept although {sum(made) - seen} were made since"
        bell.clear()
        seen = sum(made)
    for thread in threads:
        thread.join()
    if poll.poll(0):
        bell.clear()
    assert poll.poll(0) == []


def test_ringing_twice_wakes_once() -> None:
    bell, poll = PollBell(), select.poll()
    poll.register(bell.fileno(), select.POLLIN)
    bell.set()
    bell.set()
    assert poll.poll(0)
    bell.clear()
    assert poll.poll(0) == []
    bell.set()
    assert poll.poll(0)
