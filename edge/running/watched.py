"""A driver whose end is noticed by whoever else has to do with the device."""

from collections.abc import Callable
from typing import Generic, TypeVar

from drivers.base import Driver

S = TypeVar("S")


def nothing_against_it() -> None:
    """Read on."""


class Watched(Generic[S]):
    """The same driver; `closed` is called when it was closed."""

    def __init__(
        self,
        driver: Driver[S],
        closed: Callable[[], None],
        before_read: Callable[[], None] = nothing_against_it,
    ) -> None:
        """`before_read` raises a DriverError where it must not be read any more."""
        self._driver = driver
        self._closed = closed
        self._before_read = before_read

    def read(self) -> S | None:
        self._before_read()
        return self._driver.read()

    def close(self) -> None:
        self._driver.close()
        self._closed()

    def counters(self) -> dict[str, int]:
        return self._driver.counters()
