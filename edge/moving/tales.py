"""What befell the unit's body, told by a worker of its own: nobody waits for the disk."""

import threading
from collections import deque
from typing import Any

from edge.running.worker import Beat
from edge.seeing.witness import Witness
from telemetry.contract.events import BodyEvent
from telemetry.contract.wire_types import short, text

MOST_WAITING = 256
WAIT_S = 0.5
# What the unit did by itself, beside the commands, which are on record anyway.
JOURNALED = frozenset({"fence_breached", "battery_low", "returning", "holding", "dead_man"})


class Tales:
    """Any thread adds; the worker tells, in order."""

    def __init__(self, witness: Witness) -> None:
        self.overflow = 0  # told too fast for the disk
        self._witness = witness
        self._waiting: deque[tuple[float, dict[str, Any]]] = deque()
        self._changed = threading.Condition()

    def add(self, mono_s: float, what: str, carrier: str, words: str = "", **more: Any) -> None:
        """`more`: mission, item, items. Returns at once."""
        facts = {"what": what, "component": short(carrier), "text": text(words), **more}
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                self.overflow += 1
                return
            self._waiting.append((mono_s, facts))
            self._changed.notify()

    def work(self, beat: Beat, stop: threading.Event) -> None:
        while not stop.is_set():
            beat()
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting), WAIT_S)
            self.tell()
        self.tell()

    def tell(self) -> None:
        """All that waits."""
        while self._waiting:
            mono_s, facts = self._waiting[0]
            pose = self._witness.pose_at(mono_s)[0]
            self._witness.tell(BodyEvent(**facts, pose=pose), mono_s)
            if facts["what"] in JOURNALED:
                what, words = facts["what"], facts["text"] or None
                self._witness.note(what, carrier=facts["component"], text=words)
            self._waiting.popleft()
