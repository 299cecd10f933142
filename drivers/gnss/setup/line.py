"""A conversation with a receiver: sentences and UBX frames, out of whatever else it sends."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from drivers.clock import Clock
from drivers.gnss.nmea_framing import SentenceFramer
from drivers.gnss.setup.settings import Traffic
from drivers.recognising import ubx_checksum
from drivers.stream import SerialStream

T = TypeVar("T")

UBX_SYNC = b"\xb5\x62"
UBX_MOST_BYTES = 4096
LISTEN_S = 0.05


class Piece(NamedTuple):
    """One whole message: a sentence's body, or a UBX frame as it came."""

    sentence: str = ""
    ubx: bytes = b""


class Splitter:
    """Bytes as they come, in whole messages; what is neither is dropped."""

    def __init__(self) -> None:
        self._framer = SentenceFramer()
        self._pending = b""

    def feed(self, data: bytes) -> list[Piece]:
        found: list[Piece] = []
        buffer = self._pending + data
        while (at := buffer.find(UBX_SYNC)) >= 0:
            found += self._sentences(buffer[:at])
            size = _ubx_size(buffer[at:])
            if size == 0 or len(buffer) - at < size:
                break  # the rest has not come yet
            frame = buffer[at : at + size]
            if size > 0 and ubx_checksum(frame[2:-2]) == frame[-2:]:
                found.append(Piece(ubx=frame))
                buffer = buffer[at + size :]
            else:
                buffer = buffer[at + 2 :]
        else:
            keep = 1 if buffer.endswith(UBX_SYNC[:1]) else 0
            found += self._sentences(buffer[: len(buffer) - keep])
            self._pending = buffer[len(buffer) - keep :]
            return found
        self._pending = buffer[at:]
        return found

    def _sentences(self, data: bytes) -> list[Piece]:
        return [Piece(sentence=line.body) for line in self._framer.feed(data, 0.0)]


def _ubx_size(head: bytes) -> int:
    """Of the frame that begins here; 0 while that is not known, -1 where it cannot be one."""
    if len(head) < 6:
        return 0
    size = 8 + int.from_bytes(head[4:6], "little")
    return size if size <= UBX_MOST_BYTES else -1


class Line:
    """A serial line with a receiver at its end, used by one thread."""

    def __init__(self, stream: SerialStream, clock: Clock) -> None:
        self.stream = stream
        self._clock = clock
        self._splitter = Splitter()
        self._waiting: deque[Piece] = deque()

    def send(self, data: bytes) -> None:
        """Raises DeviceLostError."""
        self.stream.send(data)

    def set_baud(self, baud: int) -> None:
        """Go on at another speed. Raises DeviceLostError."""
        self.stream.set_baud(baud)
        self.forget()

    def forget(self) -> None:
        """What came so far answers nothing that is asked from now on."""
        self._splitter = Splitter()
        self._waiting.clear()

    def wait_for(self, answer: Callable[[Piece], T | None], within_s: float) -> T | None:
        """The first message that `answer` takes; None after so long. Raises DeviceLostError."""
        ends_s = self._clock.mono_s() + within_s
        while True:
            while self._waiting:
                found = answer(self._waiting.popleft())
                if found is not None:
                    return found
            left_s = ends_s - self._clock.mono_s()
            if left_s <= 0:
                return None
            self._waiting.extend(self._splitter.feed(self.stream.read(min(left_s, LISTEN_S))))

    def ask(self, data: bytes, answer: Callable[[Piece], T | None], within_s: float) -> T | None:
        """Send, and wait for the answer."""
        self._waiting.clear()
        self.send(data)
        return self.wait_for(answer, within_s)

    def heard(self, within_s: float) -> bool:
        """Whether anything that is whole comes."""
        return self.wait_for(lambda _piece: True, within_s) is True

    def listen(self, seconds: float) -> Traffic:
        """What comes by itself, for so long."""
        begun_s, sizes, times = self._clock.mono_s(), dict[str, int](), set[str]()

        def note(piece: Piece) -> None:
            address, _, rest = piece.sentence.partition(",")
            kind = address[2:]
            if not kind or address.startswith("P"):
                return
            sizes[kind] = sizes.get(kind, 0) + len(piece.sentence) + 6  # $, *, checksum, line end
            if kind in ("GGA", "RMC", "GNS"):
                times.add(rest.partition(",")[0])

        self.wait_for(note, seconds)
        took_s = self._clock.mono_s() - begun_s
        epochs = max(len(times), 1)
        return Traffic(
            seconds=took_s,
            epochs_hz=len(times) / took_s,
            bytes_per_epoch={kind: size / epochs for kind, size in sizes.items()},
        )
