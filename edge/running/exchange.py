"""A worker's task whose configuration is exchanged while everything else goes on."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from edge.running.either import Either
from edge.running.worker import Beat

C = TypeVar("C")


class Exchangeable(Generic[C]):
    """The work ends and begins again with the new one. Any thread exchanges."""

    def __init__(self, config: C, run: Callable[[C, Beat, threading.Event], None]) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._config, self._halt = config, threading.Event()

    def exchange(self, config: C) -> None:
        with self._lock:
            self._config = config
            self._halt.set()

    def work(self, beat: Beat, stop: threading.Event) -> None:
        while not stop.is_set():
            with self._lock:
                config, halt = self._config, threading.Event()
                self._halt = halt
            self._run(config, beat, Either(stop, halt))
            if not halt.is_set():
                return  # it has ended by itself
