"""What became of pictures, counted by camera and by cause."""

import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class CameraTally:
    """What became of one camera's frames. Several threads count, and any may read."""

    looked_at: int = 0
    dropped: Counter[str] = field(default_factory=Counter)  # not looked at, by cause
    flawed: Counter[str] = field(default_factory=Counter)  # looked at, but of little use, by cause
    detections: int = 0
    tracks: int = 0  # followed at this moment
    refused: dict[str, int] = field(default_factory=dict)  # by the tracker, by cause
    last_look_mono_s: float | None = None
    last_picture_mono_s: float | None = None  # one that could be looked at, whether it was or not
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def drop(self, cause: str) -> None:
        with self._lock:
            self.dropped[cause] += 1

    def flaw(self, cause: str) -> None:
        with self._lock:
            self.flawed[cause] += 1

    def losses(self) -> dict[str, int]:
        """All that was dropped or flawed, by cause."""
        with self._lock:
            return {**self.dropped, **self.flawed}
