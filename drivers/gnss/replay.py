"""A recorded NMEA log, played as if it came from a receiver."""

import errno
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Self

from config.devices import ReplayGnssConfig
from config.language import tell
from drivers.base import DeviceLostError, DeviceUnavailableError, EndOfRecordingError
from drivers.clock import Clock
from drivers.gnss.calendar import DAY_MS
from drivers.gnss.receiver import NmeaReceiver, TimedEpoch
from drivers.samples import GnssEpoch

CHUNK_BYTES = 65_536
READ_WAIT_S = 0.4  # of the half second that a driver may wait
UNTIMED_GAP_S = 1.0  # between epochs that tell no time: what receivers do by default
MAX_GAP_S = 60.0  # a longer gap in the recording is not waited out


class ReplayGnss:
    """Plays a log at the pace of the receiver's own clock, or as fast as it can be read."""

    def __init__(
        self,
        log: BinaryIO,
        config: ReplayGnssConfig,
        clock: Clock,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._log = log
        self._config = config
        self._clock = clock
        self._pause = pause
        self._past: Counter[str] = Counter()  # what was counted in earlier rounds
        self._heard: Callable[[str], None] | None = None
        self._receiver = self._new_receiver()
        self._epochs = self._play()
        self._next: TimedEpoch | None = None
        self._last: TimedEpoch | None = None
        self._due_s = clock.mono_s()

    @classmethod
    def open(cls, config: ReplayGnssConfig, clock: Clock) -> Self:
        """Raises DeviceUnavailableError, with the cure."""
        return cls(_open(config.path), config, clock)

    def read(self) -> GnssEpoch | None:
        """The next epoch when its time has come, else None after at most half a second.

        Raises EndOfRecordingError at the end, DeviceLostError if the file can no longer be read.
        """
        if self._next is None and not self._fetch():
            return None
        wait_s = self._due_s - self._clock.mono_s()
        if wait_s > 0:
            self._pause(min(wait_s, READ_WAIT_S))
        if wait_s > READ_WAIT_S or self._next is None:
            return None
        self._last, self._next = self._next, None
        return replace(self._last.epoch, mono_s=self._clock.mono_s())

    def hear(self, heard: Callable[[str], None]) -> None:
        """From now on call this with each sentence as it is read."""
        self._heard = self._receiver.heard = heard

    def close(self) -> None:
        self._log.close()

    def counters(self) -> dict[str, int]:
        return dict(self._past + Counter(self._receiver.counters()))

    def _fetch(self) -> bool:
        """Whether the next epoch has been found; not yet, where there is much else in between."""
        try:
            self._next = next(self._epochs)
        except StopIteration:
            raise EndOfRecordingError(
                tell("{path} has been played to its end", path=self._config.path)
            ) from None
        except OSError as error:
            raise DeviceLostError(f"{self._config.path}: {error.strerror}") from error
        if self._next is None:
            return False
        if self._config.timing == "recorded" and self._last is not None:
            self._due_s += _gap_s(self._last, self._next)
        return True

    def _play(self) -> Iterator[TimedEpoch | None]:
        """The epochs, round after round; None after each stretch without any."""
        while True:
            while data := self._log.read(CHUNK_BYTES):
                done = self._receiver.feed(data, 0.0)
                yield from done
                if not done:
                    yield None
            yield from self._receiver.finish()
            if not self._config.loop or not self.counters().get("epochs"):
                return
            self._past += Counter(self._receiver.counters())
            self._receiver = self._new_receiver()
            self._log.seek(0)

    def _new_receiver(self) -> NmeaReceiver:
        receiver = NmeaReceiver(max_speed_mps=self._config.max_speed_mps, live=False)
        receiver.heard = self._heard
        return receiver


def _gap_s(last: TimedEpoch, following: TimedEpoch) -> float:
    if last.day_ms is None or following.day_ms is None:
        return UNTIMED_GAP_S
    gap_ms = (following.day_ms - last.day_ms) % DAY_MS
    # Past half a day the clock went back: a recording spliced, or played once more.
    return UNTIMED_GAP_S if gap_ms > DAY_MS / 2 else min(gap_ms / 1000, MAX_GAP_S)


def _open(path: Path) -> BinaryIO:
    try:
        return _opened(path)
    except (OSError, ValueError) as error:  # ValueError for a NUL in the name
        cause = error.strerror if isinstance(error, OSError) else "no name of a file"
        raise DeviceUnavailableError(
            tell(
                "cannot open the recording {path}: {cause}; give a file in gnss.*.path",
                path=path,
                cause=cause,
            )
        ) from error


def _opened(path: Path) -> BinaryIO:
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would hold up whoever opens it
        raise OSError(errno.EINVAL, "not a regular file")
    return path.open("rb")
