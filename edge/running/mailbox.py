"""The hand-over between threads: newest wins, per key, and what was replaced is counted."""

import threading
from collections import Counter
from collections.abc import Callable, Collection
from typing import Generic, TypeVar

T = TypeVar("T")

Choose = Callable[[Collection[str]], str | None]


def longest_waiting(keys: Collection[str]) -> str | None:
    """The first of the keys, which stand in the order of turns."""
    return next(iter(keys), None)


class Mailbox(Generic[T]):
    """Holds the newest item of each key; an untaken older one is replaced and counted.

    Keys take turns, so that one busy camera does not starve the others. For samples, where only
    the newest matters; never for events: those go to the outbox.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._items: dict[str, T] = {}  # insertion order is the order of turns
        self._replaced: Counter[str] = Counter()
        self._woken = False

    def put(self, key: str, item: T) -> None:
        with self._changed:
            self._replaced[key] += key in self._items
            self._items[key] = item
            self._changed.notify()

    def take(self, timeout_s: float, choose: Choose = longest_waiting) -> tuple[str, T] | None:
        """The newest item of the key that waits longest, or None after `timeout_s`.

        `choose` decides otherwise: it is given the keys that wait, and names one of them, or none
        for now. It is asked again when something comes, after `look_again`, and at last.
        """
        key: str | None = None

        def due() -> bool:
            nonlocal key
            key = choose(self._items)
            return key is not None or self._woken

        with self._changed:
            self._changed.wait_for(due, timeout_s)
            self._woken = False
            return None if key is None else (key, self._items.pop(key))

    def wake(self) -> None:
        """Whoever waits, or will wait next, waits no longer, though nothing came."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def look_again(self) -> None:
        """What `choose` would say may have changed."""
        with self._changed:
            self._changed.notify()

    def note_replaced(self, key: str) -> None:
        """One that was taken gave way to a newer one all the same, before anything was done."""
        with self._changed:
            self._replaced[key] += 1

    def replaced(self) -> dict[str, int]:
        """Items that gave way to newer ones, by key."""
        with self._changed:
            return dict(self._replaced)

    def waiting(self, key: str) -> bool:
        with self._changed:
            return key in self._items
