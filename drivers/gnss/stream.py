"""A receiver behind any stream of bytes, as a driver."""

import time
from collections import deque
from collections.abc import Callable

from drivers.clock import Clock
from drivers.gnss.assembler import SILENCE_S
from drivers.gnss.receiver import NmeaReceiver, TimedEpoch
from drivers.gnss.strangers import LOOKED_AT_BYTES, Stranger, seen_in
from drivers.samples import GnssEpoch
from drivers.stream import ByteStream

READ_WAIT_S = 0.4  # of the half second that a driver may wait
# A UART wakes its reader for every few bytes, a thousand times a second at 115200 baud. So, after
# some bytes, let more gather: for most of the time that a burst is known to take, else for so long.
GATHER_S = 0.02
GATHER_MOST_S = 0.1
BURST_SHARE = 0.98  # a little less each time, until it is too little: so the burst's end is found


class StreamGnss:
    """Reads epochs from a stream; a silence in the stream completes one."""

    def __init__(
        self,
        stream: ByteStream,
        clock: Clock,
        max_speed_mps: float,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._pause = pause
        self._receiver = NmeaReceiver(max_speed_mps=max_speed_mps, live=True)
        self._ready: deque[GnssEpoch] = deque()
        self._recent = b""
        self._began_s: float | None = None  # when the burst under way began
        self._burst_s = 0.0  # how long the last one took

    @property
    def sentences(self) -> int:
        """How many sentences with a right checksum came so far."""
        return self._receiver.sentences

    @property
    def noise_bytes(self) -> int:
        """How many bytes came so far that belong to no sentence."""
        return self._receiver.noise_bytes

    def hear(self, heard: Callable[[str], None]) -> None:
        """From now on call this with each sentence as it comes."""
        self._receiver.heard = heard

    def stranger(self) -> Stranger | None:
        """Who speaks instead of a receiver; None where that cannot be told, or one does."""
        return None if self._receiver.sentences else seen_in(self._recent)

    def forget(self) -> None:
        """What came so far was at another speed: it says nothing of who speaks."""
        self._recent = b""

    def read(self) -> GnssEpoch | None:
        """The next epoch, or None after at most half a second.

        Raises DeviceLostError when the stream ends.
        """
        end_s = self._clock.mono_s() + READ_WAIT_S
        while not self._ready:
            left_s = end_s - self._clock.mono_s()
            if left_s <= 0:
                return None
            self._listen(min(left_s, SILENCE_S) if self._receiver.is_open else left_s)
        return self._ready.popleft()

    def _listen(self, wait_s: float) -> None:
        data = self._stream.read(wait_s)
        now_s = self._clock.mono_s()
        if not data:
            self._hand_over(self._receiver.silence(now_s))
            return
        if not self._receiver.sentences:
            self._recent = (self._recent + data)[-LOOKED_AT_BYTES:]
        if self._began_s is None:
            self._began_s = now_s
        done = self._receiver.feed(data, now_s)
        if done:
            self._burst_s = now_s - self._began_s
            self._hand_over(done)
            return
        expected_s = BURST_SHARE * self._burst_s - (now_s - self._began_s)
        self._pause(min(max(expected_s, GATHER_S), GATHER_MOST_S))

    def _hand_over(self, done: list[TimedEpoch]) -> None:
        self._began_s = None
        self._ready.extend(timed.epoch for timed in done)

    def close(self) -> None:
        self._stream.close()

    def counters(self) -> dict[str, int]:
        return self._receiver.counters()
