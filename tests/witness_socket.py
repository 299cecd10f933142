"""Hears what simulated actuators do, from outside the unit: when each was on, by its own clock."""

import json
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self


class WitnessSocket:
    """Give its `path` as `told_to`. Whose connection ends is off: its line was let go."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._lock = threading.Lock()
        self._since_s: dict[str, float] = {}
        self._times: dict[str, list[tuple[float, float]]] = {}
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._listener.close()

    def times(self, name: str) -> list[tuple[float, float]]:
        """From when to when it was on; one that still is, until now."""
        with self._lock:
            since_s = self._since_s.get(name)
            now = [] if since_s is None else [(since_s, time.monotonic())]
            return [*self._times.get(name, []), *now]

    def is_on(self, name: str) -> bool:
        with self._lock:
            return name in self._since_s

    def longest_s(self, name: str) -> float:
        return max((end - begin for begin, end in self.times(name)), default=0.0)

    def off_after_s(self, name: str, began_s: float, within_s: float) -> float | None:
        """How long it took to go off from that moment; None if it did not."""
        while self.is_on(name):
            if time.monotonic() > began_s + within_s:
                return None
            time.sleep(0.005)
        return self.times(name)[-1][1] - began_s

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._hear, args=(peer,), daemon=True).start()

    def _hear(self, peer: socket.socket) -> None:
        with peer, peer.makefile() as lines:
            name = str(json.loads(next(lines))["name"])
            try:
                for line in lines:
                    told = json.loads(line)
                    self._note(name, on=told["level"] > 0 or told["playing"] is not None)
            except OSError:
                pass
            self._note(name, on=False)

    def _note(self, name: str, *, on: bool) -> None:
        now_s = time.monotonic()
        with self._lock:
            if on:
                self._since_s.setdefault(name, now_s)
            elif name in self._since_s:
                self._times.setdefault(name, []).append((self._since_s.pop(name), now_s))
