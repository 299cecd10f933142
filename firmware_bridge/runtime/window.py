"""Requests on their way: in order, a few at once, sent again until they are answered (go back N).

The board executes a request only if it is the next one, and answers a repetition from memory. So a
request is done once or, when this side gives up, once or not at all: then nobody knows.
"""

from collections import deque
from dataclasses import dataclass

from firmware_bridge.runtime.frames import Frame, encode
from firmware_bridge.runtime.reports import Ack
from firmware_bridge.runtime.vocabulary import WINDOW, Result

RESEND_S = 0.08  # at 115,200 baud an answer takes 3 to 25 ms, with a report before it
HURRY_S = 0.02  # after the board said that one is missing; not for each that came behind it
GIVE_UP_S = 2.0  # some twenty times: with 1 % of all bytes damaged one in 10^11 needs more
KEPT_ROUND_TRIPS = 1000


@dataclass(slots=True)
class _OnItsWay:
    sequence: int
    tag: object
    line: bytes
    first_sent_s: float
    sent_s: float
    times: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of the request that was sent with this tag."""

    tag: object
    result: int
    data: bytes


class Window:
    """One session's requests. Used by one thread."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, bytes, object]] = deque()
        self._on_its_way: deque[_OnItsWay] = deque()
        self._next = 1
        self._moved_s = 0.0
        self.resent = 0
        self.answered = 0
        self.strays = 0  # answers to nothing that is on its way: to a repetition, mostly
        self.round_trips_s: deque[float] = deque(maxlen=KEPT_ROUND_TRIPS)

    def put(self, kind: int, payload: bytes, tag: object) -> None:
        """Behind those that wait already."""
        self._waiting.append((kind, payload, tag))

    def due(self, now_s: float) -> bytes:
        """What is to be sent now."""
        lines = []
        oldest = self._on_its_way[0] if self._on_its_way else None
        if oldest is not None and now_s - oldest.sent_s >= RESEND_S:
            lines.append(self._again(now_s))
        while self._waiting and len(self._on_its_way) < WINDOW:
            if not self._on_its_way:
                self._moved_s = now_s
            kind, payload, tag = self._waiting.popleft()
            line = encode(Frame(kind, self._next, payload))
            self._on_its_way.append(_OnItsWay(self._next, tag, line, now_s, now_s))
            self._next = (self._next + 1) & 0xFFFF
            lines.append(line)
        return b"".join(lines)

    def next_s(self) -> float | None:
        """When something is due again; None while nothing is on its way."""
        return self._on_its_way[0].sent_s + RESEND_S if self._on_its_way else None

    def is_stuck(self, now_s: float) -> bool:
        """Nothing has been answered for so long that nothing will be."""
        return bool(self._on_its_way) and now_s - self._moved_s > GIVE_UP_S

    def note(self, sequence: int, ack: Ack, now_s: float) -> tuple[Answer | None, bytes]:
        """The answer, if it is one to the oldest request; and what is to be sent at once.

        The board answers in order: one to a later request means that an earlier one was lost on its
        way there or back, and repeating them brings them all.
        """
        oldest = self._on_its_way[0] if self._on_its_way else None
        ahead = 0xFFFF if oldest is None else (sequence - oldest.sequence) & 0xFFFF
        if oldest is None or ahead >= len(self._on_its_way):
            self.strays += 1
            return None, b""
        if ahead or ack.result == Result.OUT_OF_ORDER:
            hurry = now_s - oldest.sent_s >= HURRY_S
            return None, self._again(now_s) if hurry else b""
        self._on_its_way.popleft()
        self._moved_s = now_s
        self.answered += 1
        if oldest.times == 1:  # of others nobody knows which one was answered (Karn, 1987)
            self.round_trips_s.append(now_s - oldest.first_sent_s)
        return Answer(oldest.tag, ack.result, ack.data), b""

    def give_up(self) -> list[object]:
        """The tags of all that was never answered; what of it was done nobody knows."""
        tags = [each.tag for each in self._on_its_way] + [tag for _, _, tag in self._waiting]
        self._on_its_way.clear()
        self._waiting.clear()
        return tags

    def _again(self, now_s: float) -> bytes:
        for each in self._on_its_way:
            each.sent_s = now_s
            each.times += 1
        self.resent += len(self._on_its_way)
        return b"".join(each.line for each in self._on_its_way)
