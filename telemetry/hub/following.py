"""A command that takes long, followed to its end: over breaks of the hub's own connection.

The same command again is answered from the unit's memory, so it can be asked until it is heard.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drivers.clock import Clock
from telemetry.contract.envelope import BadMessageError, read_up
from telemetry.contract.replies import Reply
from telemetry.contract.topics import Topics
from telemetry.contract.unit import State
from telemetry.hub.asking import CONNECT_S, Question
from telemetry.hub.client import Client, ErrandError
from telemetry.link.transport import Arrived, LinkOptions, Transport

AGAIN_S = 2.0  # between two connections
ASK_AGAIN_S = 60.0  # without a final reply: the last one may have been lost on its way to us
STATE_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The hub's way to its units; each errand has a connection of its own."""

    open: Callable[[], Transport]
    link: LinkOptions
    root: str
    clock: Clock


def follow(
    line: Line,
    claims: dict[str, Any],
    payload: bytes,
    show: Callable[[Reply], None],
    *,
    expiry_s: int,
    within_s: float,
    pause: Callable[[float], None] = time.sleep,
) -> Reply | None:
    """The final reply, or None if there is none in time. Raises ErrandError if the broker cannot
    be reached at the beginning."""
    clock = line.clock
    ends_s, heard, sent = clock.mono_s() + within_s, _Heard(show), False
    while (left_s := ends_s - clock.mono_s()) > 0:
        question = Question(line.open(), line.link, line.root, clock, claims, heard)
        try:
            final = question.ask(payload, expiry_s, min(left_s, ASK_AGAIN_S))
        except ErrandError:
            if not sent:
                raise
            pause(AGAIN_S)
            continue
        sent = True
        if final is not None:
            return final
    return None


class _Heard:
    """Shows what is new: a repeat says again what was said."""

    def __init__(self, show: Callable[[Reply], None]) -> None:
        self._show = show
        self._last: dict[str, Any] = {}

    def __call__(self, reply: Reply) -> None:
        said = reply.model_dump(exclude={"repeat", "journal"})
        if said != self._last:
            self._last = said
            self._show(reply)


def state_of(
    line: Line, unit: str, suits: Callable[[State], bool] = lambda _state: True
) -> State | None:
    """The unit's state as it lies at the broker, or, while that does not suit, as it comes within
    five seconds: the newest. None if there is none. Raises ErrandError."""
    found: list[State] = []

    def hear(message: Arrived) -> None:
        try:
            data = read_up(message.payload).data
        except BadMessageError:
            return
        if isinstance(data, State):
            found.append(data)

    topics = (Topics(line.root, unit).up("state"),)
    client = Client(line.open(), line.link, line.clock, hear, topics)
    try:
        client.connect(CONNECT_S)
        client.until(lambda: bool(found) and suits(found[-1]), STATE_WITHIN_S)
    finally:
        client.leave()
    return found[-1] if found else None
