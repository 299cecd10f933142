"""Signed MAVLink 2 (mavlink.io/en/guide/message_signing.html): thirteen bytes after each frame.

pymavlink has this too, but there a forged frame of the future, though refused, makes all true ones
look old (2.4.50, `check_signature` keeps the time before it looks at the signature).
"""

import hashlib
import hmac
from datetime import UTC, datetime

from drivers.clock import Clock

EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
TICKS_PER_S = 100_000  # 10 microseconds each
SIGNATURE_BYTES = 13  # link id, six bytes of time, six of the SHA-256
LATE_TICKS = 60 * TICKS_PER_S  # a stream that is new may be a minute behind
KEY_BYTES = 32

Stream = tuple[int, int, int]  # link id, system, component


class Signing:
    """One key, for what is sent and what is heard."""

    def __init__(self, key: bytes, clock: Clock, link_id: int = 0) -> None:
        self._key = key
        self._clock = clock
        self._link_id = link_id
        self._latest = 0  # tick of what was last sent or heard
        self._heard: dict[Stream, int] = {}

    def signed(self, frame: bytes) -> bytes:
        """The frame, whose flags already say that it is signed, with its signature."""
        self._latest = max(self._now(), self._latest + 1)
        body = frame + bytes([self._link_id]) + self._latest.to_bytes(6, "little")
        return body + self._digest(body)

    def accepts(self, frame: bytes, system: int, component: int) -> bool:
        """Whether a signed frame is of somebody with our key, and no repetition."""
        body, signature = frame[:-6], frame[-6:]
        if not hmac.compare_digest(self._digest(body), signature):
            return False
        stream = (body[-7], system, component)
        tick = int.from_bytes(body[-6:], "little")
        before = self._heard.get(stream)
        too_old = tick <= before if before is not None else tick + LATE_TICKS < self._latest
        if too_old:
            return False
        self._heard[stream] = tick
        self._latest = max(self._latest, tick)  # ours is wrong if theirs is ahead: they are one
        return True

    def _digest(self, body: bytes) -> bytes:
        return hashlib.sha256(self._key + body).digest()[:6]

    def _now(self) -> int:
        return max(0, int((self._clock.utc() - EPOCH).total_seconds() * TICKS_PER_S))


def key_from(text: str) -> bytes:
    """The key as 64 hexadecimal digits, or the SHA-256 of a passphrase, as ground stations do it.

    Raises ValueError for an empty file.
    """
    words = text.strip()
    if not words:
        raise ValueError("the file is empty")
    if len(words) == 2 * KEY_BYTES:
        try:
            return bytes.fromhex(words)
        except ValueError:
            pass  # a passphrase that happens to be as long
    return hashlib.sha256(words.encode()).digest()
