"""Events of a simulated board: held until the host has them."""

from firmware_bridge.runtime.reports import BoardEvent
from firmware_bridge.runtime.vocabulary import MOST_EVENTS, URGENT_EVENTS, EventKind


class EventStore:
    """Keeps the oldest; the last places are for what is urgent."""

    def __init__(self) -> None:
        self.held: list[BoardEvent] = []
        self.last = 0  # the highest number that was given
        self.lost = 0

    def note(self, kind: EventKind, subject: int, value: int, at_ms: int, *, urgent: bool) -> int:
        """Its number, whether there is room for it or not."""
        self.last += 1
        room = MOST_EVENTS if urgent else MOST_EVENTS - URGENT_EVENTS
        if len(self.held) < room:
            self.held.append(
                BoardEvent(number=self.last, kind=kind, subject=subject, value=value, at_ms=at_ms)
            )
        else:
            self.lost = min(self.lost + 1, 0xFFFF)
        return self.last

    def first_from(self, number: int) -> BoardEvent | None:
        return next((event for event in self.held if event.number >= number), None)

    def clear(self, up_to: int) -> None:
        self.held = [event for event in self.held if event.number > up_to]

    @property
    def first(self) -> int:
        return self.held[0].number if self.held else 0
