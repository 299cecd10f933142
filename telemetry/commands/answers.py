"""From what became of a command to the replies that the hub reads, by way of the outbox."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from telemetry.commands.journal_check import Head
from telemetry.contract.envelope import Draft
from telemetry.contract.events import TamperEvent
from telemetry.contract.replies import JournalHead, Reply
from telemetry.contract.up_message import UpMessage
from telemetry.contract.uuid7 import follows_from
from telemetry.contract.wire_types import TimeQuality, text
from telemetry.outbox.facts import Receipt


class Put(Protocol):
    """As Outbox.put."""

    def __call__(self, draft: Draft, *, durable: bool, event_id: str | None = None) -> Receipt: ...


class Answers:
    """Writes replies. Any thread."""

    def __init__(self, put: Put, now: Callable[[], tuple[datetime, TimeQuality]]) -> None:
        self._put = put
        self._now = now
        self._lock = threading.Lock()
        self._untold: list[tuple[str, Receipt]] = []  # final replies on their way to the disk

    def step(self, command: str, name: str, status: str, **members: Any) -> None:
        """One reply on the way: on the disk with the next that must be."""
        self._send(_reply(command, name, {"status": status} | members), durable=False)

    def final(self, command: str, name: str, members: dict[str, Any]) -> None:
        """The last reply, on the disk when this returns, if the disk takes it in time.

        Told once more after a crash, it has the same id: a hub knows it by that, and has one.
        """
        reply = _reply(command, name, members)
        receipt = self._send(reply, durable=True, event_id=follows_from(command, "end"))
        with self._lock:
            self._untold.append((command, receipt))

    def told(self) -> list[str]:
        """Ids of the commands whose final reply has come to rest in the outbox since last time."""
        with self._lock:
            done = [command for command, receipt in self._untold if receipt.stored]
            self._untold = [
                each for each in self._untold if not (each[1].stored or each[1].dropped)
            ]
        return done

    def tamper(self, what: str, words: str, count: int) -> None:
        event = TamperEvent(what=what, component="commands", text=text(words), count=count)
        self._send(event, durable=False)

    def _send(self, message: UpMessage, *, durable: bool, event_id: str | None = None) -> Receipt:
        return self._put(Draft.of(message, *self._now()), durable=durable, event_id=event_id)


def _reply(command: str, name: str, members: dict[str, Any]) -> Reply:
    return Reply.model_validate({"command": command, "name": name} | members)


def members_of(
    status: str,
    code: str | None = None,
    words: str = "",
    result: dict[str, Any] | None = None,
    head: Head | None = None,
) -> dict[str, Any]:
    """What is kept of a reply, to be told again."""
    found: dict[str, Any] = {"status": status, "text": text(words)}
    if code is not None:
        found["code"] = code
    if result is not None:
        found["result"] = result
    if head is not None:
        found["journal"] = JournalHead(n=head.n, hash=head.hash).model_dump()
    return found
