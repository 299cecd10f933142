"""What was seen on the wire, in order: the only thing that checks look at.

Everything is read tolerantly here: a unit under test may send anything.
"""

import json
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from heapq import heappop, heappush
from typing import Any

from telemetry.contract.topics import UP_LEAVES
from telemetry.hub.record import Entry

MAX_CLOCK_GAP_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One message from the unit."""

    at_s: float  # since the beginning of the transcript
    topic: str
    leaf: str  # the topic after `{root}/{unit}/`, of a picture only `snapshot`
    payload: bytes
    retained: bool  # it lay at the broker: old
    qos: int
    content_type: str | None
    user_properties: tuple[tuple[str, str], ...]
    json: dict[str, Any]  # empty where it is no JSON object

    def text(self, key: str) -> str:
        value = self.json.get(key)
        return value if isinstance(value, str) else ""

    @property
    def id(self) -> str:
        return self.text("id")

    @property
    def type(self) -> str:
        return self.text("type")

    @property
    def sequence(self) -> int | None:
        text = self.text("sequence")
        # Longer ones are refused by the schema; int() takes its time over thousands of digits.
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None

    @property
    def data(self) -> dict[str, Any]:
        value = self.json.get("data")
        return value if isinstance(value, dict) else {}

    def word(self, key: str) -> str:
        """A text of its data; '' where there is none, or something else."""
        value = self.data.get(key)
        return value if isinstance(value, str) else ""

    @property
    def historical(self) -> bool:
        return self.json.get("historical") is True

    @property
    def time(self) -> datetime | None:
        return moment_of(self.text("time"))

    @property
    def sent(self) -> datetime | None:
        return moment_of(self.text("senttime"))

    def __str__(self) -> str:
        number = self.text("sequence")
        return f"{self.leaf}{f' #{number}' if number else ''} at {self.at_s:.1f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message to the unit: ours, or another hub's."""

    at_s: float
    leaf: str  # ack, command, or hub/state
    payload: bytes
    retained: bool
    json: dict[str, Any]
    ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What the driver did, or what happened to it."""

    at_s: float
    what: str
    detail: dict[str, Any]


class Transcript:
    """Entries of one unit, told apart."""

    def __init__(self, entries: Iterable[Entry], root: str, unit: str) -> None:
        self.root, self.unit = root, unit
        self.seen: list[Seen] = []
        self.said: list[Said] = []
        self.notes: list[Note] = []
        self.ends_s = 0.0
        self._ours: set[tuple[str, bytes]] = set()  # the broker gives back what we said
        self._breaks: list[float] = []  # when the hub ceased to listen
        self._clock = _OneClock()
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """The next entry. What was asked before is asked anew after it."""
        for name in ("enveloped", "stored", "first_of", "copies", "statuses", "acked"):
            self.__dict__.pop(name, None)
        if entry.direction == "note" and entry.topic in ("started", "lost", "ended"):
            self._breaks.append(self.ends_s)
        self.ends_s = self._clock.at_s(entry)
        self._sort_in(self.ends_s, entry)

    def _sort_in(self, at_s: float, entry: Entry) -> None:
        own = f"{self.root}/{self.unit}/"
        content = _object(entry.payload)
        if entry.direction == "note":
            self.notes.append(Note(at_s=at_s, what=entry.topic, detail=content))
            return
        leaf = entry.topic.removeprefix(own) if entry.topic.startswith(own) else ""
        if entry.topic == f"{self.root}/hub/state":
            leaf = "hub/state"
        if leaf in ("ack", "command", "hub/state"):
            ours = entry.direction == "out"
            if ours:
                self._ours.add((leaf, entry.payload))
            if ours or (leaf, entry.payload) not in self._ours:
                self.said.append(
                    Said(
                        at_s=at_s,
                        leaf=leaf,
                        payload=entry.payload,
                        retained=entry.retained,
                        json=content,
                        ours=ours,
                    )
                )
        elif leaf and entry.direction == "in":
            self.seen.append(_seen(at_s, leaf, entry, content))

    # --- as checks ask for it ---

    @cached_property
    def enveloped(self) -> list[Seen]:
        """All that should have an envelope."""
        known = set(UP_LEAVES) - {"snapshot"}
        return [each for each in self.seen if each.leaf in known]

    @cached_property
    def stored(self) -> list[Seen]:
        """Messages that came from the unit now, with an id and a sequence, repeats included."""
        return [
            each
            for each in self.enveloped
            if not each.retained and each.id and each.sequence is not None
        ]

    @cached_property
    def first_of(self) -> dict[int, Seen]:
        """By sequence: how it came first."""
        found: dict[int, Seen] = {}
        for each in self.stored:
            found.setdefault(int(each.sequence or 0), each)
        return found

    def of(self, message_type: str) -> list[Seen]:
        """Without repeats, in the order of their sequence."""
        found = [each for _, each in sorted(self.first_of.items())]
        return [each for each in found if each.type == message_type]

    @cached_property
    def statuses(self) -> list[Seen]:
        return [each for each in self.seen if each.leaf == "status"]

    def noted(self, what: str) -> list[Note]:
        return [note for note in self.notes if note.what == what]

    @cached_property
    def copies(self) -> dict[int, list[Seen]]:
        """By sequence: each time it came."""
        found: dict[int, list[Seen]] = {}
        for each in self.stored:
            found.setdefault(int(each.sequence or 0), []).append(each)
        return found

    @cached_property
    def acked(self) -> dict[int, float]:
        """By sequence: when a hub first said that it has it (never by a retained ack)."""
        by_id = {each.id: int(each.sequence or 0) for each in self.stored}
        acks = [said for said in self.said if said.leaf == "ack" and not said.retained]
        arrivals = iter(self.first_of.items())
        arrival = next(arrivals, None)
        waiting: list[int] = []  # a heap of what has come and was not acknowledged up to here
        found: dict[int, float] = {}
        for said in acks:
            while arrival is not None and arrival[1].at_s <= said.at_s:
                heappush(waiting, arrival[0])
                arrival = next(arrivals, None)
            for each in _texts(said.json.get("ids")):
                if each in by_id:
                    found.setdefault(by_id[each], said.at_s)
            up_to = said.json.get("up_to")
            # Only what was sent by then: a unit believes nothing else.
            while type(up_to) is int and waiting and waiting[0] <= up_to:
                found.setdefault(heappop(waiting), said.at_s)
        return found

    def listening_until(self, at_s: float) -> float:
        """How long the hub went on listening, at least, that listened then."""
        position = bisect_left(self._breaks, at_s)
        return self._breaks[position] if position < len(self._breaks) else self.ends_s

    @property
    def foreign_hub(self) -> bool:
        """Another hub acknowledged or commanded meanwhile."""
        return any(not said.ours and said.leaf in ("ack", "command") for said in self.said)

    def replies(self, command: str) -> list[Seen]:
        """To this command, in the order they came, repeats by the wire left out."""
        seen: set[str] = set()
        found = []
        for each in self.stored:
            if each.leaf == "reply" and each.word("command") == command and each.id not in seen:
                seen.add(each.id)
                found.append(each)
        return found


def _seen(at_s: float, leaf: str, entry: Entry, content: dict[str, Any]) -> Seen:
    return Seen(
        at_s=at_s,
        topic=entry.topic,
        leaf="snapshot" if leaf.startswith("snapshot/") else leaf,
        payload=entry.payload,
        retained=entry.retained,
        qos=entry.qos,
        content_type=entry.content_type,
        user_properties=entry.user_properties,
        json=content,
    )


class _OneClock:
    """Seconds since the first entry, each a little after the one before, so that times tell the
    order. A process that starts anew has another monotonic clock."""

    def __init__(self) -> None:
        self._offset_s = 0.0
        self._now_s = 0.0
        self._before: Entry | None = None

    def at_s(self, entry: Entry) -> float:
        if self._before is None:
            self._offset_s = -entry.mono_s
        elif entry.topic == "started" and entry.direction == "note":
            gap_s = (entry.at - self._before.at).total_seconds()
            self._offset_s = self._now_s + min(max(gap_s, 0.0), MAX_CLOCK_GAP_S) - entry.mono_s
        self._before = entry
        self._now_s = max(self._now_s + 1e-6, entry.mono_s + self._offset_s)
        return self._now_s


def _object(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def moment_of(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
