"""Longer messages over CAN: frames in, payloads out (ISO 15765-2, with normal addressing).

Only what a tester needs: it sends single frames and flow control, and receives anything.
"""

from collections import Counter
from dataclasses import dataclass

from drivers.base import BadDataError

MOST_SENDERS = 16  # ISO 15765-4 allows 8 control units
CONSECUTIVE_WITHIN_S = 1.5  # N_Cr is 1 s (table 16), and an adapter's own delay
PADDING = 0xCC  # fewest stuff bits
# Clear to send, no pause asked for, no second flow control (8.5.5.1).
CONTINUE_TO_SEND = bytes((0x30, 0x00, 0x00, *(PADDING,) * 5))


def single_frame(payload: bytes) -> bytes:
    """A request of at most 7 bytes as the 8 bytes of one frame."""
    if not 1 <= len(payload) <= 7:
        raise ValueError(f"{len(payload)} bytes do not go into a single frame")
    return (bytes((len(payload),)) + payload).ljust(8, bytes((PADDING,)))


@dataclass(slots=True)
class _Partial:
    total: int
    data: bytearray
    next_index: int
    heard_s: float


class Reassembly:
    """Puts frames together, for each sender by itself."""

    def __init__(self) -> None:
        self._partial: dict[int, _Partial] = {}
        self.drops: Counter[str] = Counter()

    def feed(self, sender: int, frame: bytes, now_s: float) -> tuple[bytes | None, bool]:
        """The payload that is whole now, else None; and whether flow control must go out.

        Raises BadDataError for a frame that belongs nowhere; it is counted, too.
        """
        match frame[0] >> 4 if frame else 15:
            case 0:
                return self._single(sender, frame), False
            case 1:
                self._first(sender, frame, now_s)
                return None, True
            case 2:
                return self._consecutive(sender, frame, now_s), False
            case 3:
                return None, False  # flow control of another tester
        raise self._bad("isotp_unknown", f"no frame of ISO 15765-2: {frame.hex()}")

    def expire(self, now_s: float) -> None:
        """Forget what was begun and not gone on with."""
        for sender, partial in list(self._partial.items()):
            if now_s - partial.heard_s > CONSECUTIVE_WITHIN_S:
                del self._partial[sender]
                self.drops["isotp_unfinished"] += 1

    def _single(self, sender: int, frame: bytes) -> bytes:
        length = frame[0] & 0x0F
        if not 1 <= length <= len(frame) - 1:
            raise self._bad("isotp_length", f"a single frame of {length} bytes: {frame.hex()}")
        self._interrupted(sender)
        return frame[1 : 1 + length]

    def _first(self, sender: int, frame: bytes, now_s: float) -> None:
        total = int.from_bytes(frame[:2], "big") & 0x0FFF
        if len(frame) != 8 or total <= 7:
            raise self._bad("isotp_length", f"a first frame of {total} bytes: {frame.hex()}")
        self._interrupted(sender)
        if len(self._partial) >= MOST_SENDERS:
            raise self._bad("isotp_senders", f"more than {MOST_SENDERS} senders at a time")
        self._partial[sender] = _Partial(total, bytearray(frame[2:]), 1, now_s)

    def _consecutive(self, sender: int, frame: bytes, now_s: float) -> bytes | None:
        partial = self._partial.get(sender)
        if partial is None:
            raise self._bad("isotp_stray", f"a consecutive frame of nothing: {frame.hex()}")
        if frame[0] & 0x0F != partial.next_index:
            del self._partial[sender]
            raise self._bad("isotp_order", f"frame {frame[0] & 0x0F}, not {partial.next_index}")
        partial.data += frame[1:]
        partial.next_index = (partial.next_index + 1) % 16
        partial.heard_s = now_s
        if len(partial.data) < partial.total:
            return None
        del self._partial[sender]
        return bytes(partial.data[: partial.total])

    def _interrupted(self, sender: int) -> None:
        if self._partial.pop(sender, None) is not None:
            self.drops["isotp_unfinished"] += 1

    def _bad(self, cause: str, text: str) -> BadDataError:
        self.drops[cause] += 1
        return BadDataError(text)
