"""Which cameras may be shown unredacted, until when. In memory only: a restart locks all."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass

from drivers.clock import Clock
from telemetry.pictures.picture import Picture

Note = Callable[[str, "Unlock"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlock:
    """One camera, unlocked by one person for one reason."""

    camera: str
    by: str
    why: str
    command: str  # its id
    until_mono_s: float


class Unlocks:
    """Any thread. Time is the monotonic clock's: no clock that is set prolongs anything."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, Unlock] = {}

    def open(self, unlocks: Collection[Unlock]) -> None:
        with self._lock:
            self._open |= {unlock.camera: unlock for unlock in unlocks}

    def close(self, cameras: Collection[str]) -> list[Unlock]:
        """Lock these; all, if none is named. Returns what was open."""
        with self._lock:
            wanted = cameras or tuple(self._open)
            return [self._open.pop(camera) for camera in wanted if camera in self._open]

    def expired(self) -> list[Unlock]:
        """Take out what has ended by itself; each is returned once."""
        now_s = self._clock.mono_s()
        with self._lock:
            over = [each for each in self._open.values() if each.until_mono_s <= now_s]
            for each in over:
                del self._open[each.camera]
            return over

    def now(self) -> tuple[Unlock, ...]:
        """What is open at this moment, by camera."""
        now_s = self._clock.mono_s()
        with self._lock:
            found = [each for each in self._open.values() if each.until_mono_s > now_s]
        return tuple(sorted(found, key=lambda each: each.camera))

    def is_open(self, camera: str) -> bool:
        return any(each.camera == camera for each in self.now())

    def may_leave(self, picture: Picture) -> bool:
        """The last word, asked when the picture is about to go."""
        return picture.redacted or self.is_open(picture.properties.camera)
