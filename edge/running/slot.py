"""A place for one thing between two threads."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """Holds one item. Whoever puts a newer one gets the old one back, if nobody took it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None

    def put(self, item: T) -> T | None:
        """Returns the item that was replaced."""
        with self._changed:
            replaced, self._item = self._item, item
            self._changed.notify()
            return replaced

    def take(self, timeout_s: float) -> T | None:
        """The item, or None after `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None, timeout_s)
            item, self._item = self._item, None
            return item

    def peek(self) -> T | None:
        """What lies in it at this moment."""
        return self._item
