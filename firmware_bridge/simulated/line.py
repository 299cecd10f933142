"""One direction of a serial line: its speed, and what it does to bytes on their way."""

import random
from collections import deque
from dataclasses import dataclass

BITS_PER_BYTE = 10  # 8N1: a start bit, eight, a stop bit


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What happens to each byte, by chance."""

    flipped: float = 0.0  # share of bytes of which one bit comes out wrong, 0..1
    dropped: float = 0.0  # share of bytes that never arrive


QUIET = Noise()


class Line:
    """Bytes go in at one end and come out at the other, each when its last bit would have."""

    def __init__(self, baud: int | None = None, noise: Noise = QUIET, seed: int = 1) -> None:
        """Without `baud` there is no wait."""
        self._byte_s = 0.0 if baud is None else BITS_PER_BYTE / baud
        self.noise = noise
        self._dice = random.Random(seed)  # noqa: S311  # a simulation, not a secret
        self._sent: deque[tuple[float, bytes]] = deque()  # when its first bit leaves
        self._free_s = 0.0
        self.hurt = 0  # bytes that were flipped or dropped

    def put(self, data: bytes, now_s: float) -> None:
        """Behind what is on its way already."""
        if data:
            begin_s = max(now_s, self._free_s)
            self._sent.append((begin_s, data))
            self._free_s = begin_s + len(data) * self._byte_s

    def take(self, now_s: float) -> bytes:
        """What has arrived by now."""
        arrived = []
        while self._sent:
            begin_s, data = self._sent[0]
            count = len(data)
            if self._byte_s > 0:
                count = min(count, max(0, int((now_s - begin_s) / self._byte_s + 1e-6)))
            arrived.append(data[:count])
            if count < len(data):
                self._sent[0] = (begin_s + count * self._byte_s, data[count:])
                break
            self._sent.popleft()
        return self._through_noise(b"".join(arrived))

    def next_s(self) -> float | None:
        """When the next byte arrives; None if none is on its way."""
        return self._sent[0][0] + self._byte_s if self._sent else None

    def clear(self) -> None:
        """What is on its way is lost: the plug was pulled, or the power failed."""
        self._sent.clear()
        self._free_s = 0.0

    def _through_noise(self, data: bytes) -> bytes:
        noise = self.noise
        if not data or noise.flipped + noise.dropped <= 0:
            return data
        out = bytearray()
        for byte in data:
            chance = self._dice.random()
            if chance < noise.dropped:
                self.hurt += 1
            elif chance < noise.dropped + noise.flipped:
                self.hurt += 1
                out.append(byte ^ (1 << self._dice.randrange(8)))
            else:
                out.append(byte)
        return bytes(out)
