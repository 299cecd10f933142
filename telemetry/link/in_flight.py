"""Rows between the disk and the hub: on the wire, with the broker, refused, or due again."""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from config.language import tell
from telemetry.outbox.facts import Outgoing
from telemetry.outbox.rows import PRIORITIES

RESEND_LONGEST_S = 120.0
REFUSED_LONGEST_S = 60.0
PARK_AFTER = 8  # refusals by the broker; then the row makes room for others
# No PUBACK for so long: the link is dead, whatever TCP believes. A slow one answers the rows of a
# window one by one, and each answer counts; but it answers them in order (MQTT 5, section 4.6).
SILENCE_S = 10.0
FORGOTTEN_S = 60.0
STALLED_S = 3 * SILENCE_S  # for so long: hanging up does not help either


@dataclass(slots=True, eq=False)
class Sent:
    """One row that was sent at least once, or is about to be."""

    outgoing: Outgoing
    historical: bool
    attempts: int = 0
    first: bool = False  # of those that are due it goes before all others
    refusals: int = 0
    refused_with: str = ""  # the last refusal's reason code
    poison: bool = False  # the broker refuses it, and takes others meanwhile
    accepted_before: int = 0  # what the broker had accepted when it first refused this one
    token: int | None = None  # while it is on the wire
    sent_s: float = 0.0
    taken_s: float | None = None  # when the broker first took it
    due: int = 0  # number of its valid entry in the schedule; older entries are void

    @property
    def sequence(self) -> int:
        return self.outgoing.row.sequence


class InFlight:
    """Bookkeeping only: times come in as monotonic seconds, nothing is sent here."""

    def __init__(self, ack: Literal["hub", "broker"], resend_after_s: float) -> None:
        self._ack = ack
        self._resend_after_s = resend_after_s
        self._rows: dict[int, Sent] = {}  # by sequence
        self._wire: dict[int, Sent] = {}  # by token, oldest first
        self._ids: dict[str, int] = {}
        self._schedule: list[tuple[float, int, int]] = []  # when, entry number, sequence
        self._ripe: list[tuple[int, int, int]] = []  # due: priority, sequence, entry number
        self._entries = 0
        self._accepted = 0  # rows that the broker took, since start
        self._hopeless: list[Sent] = []
        self._answered_s = float("-inf")
        self.refused_s: float | None = None  # when the broker last refused a row
        self.refusals: Counter[str] = Counter()  # by reason code, since start

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def on_wire(self) -> int:
        return len(self._wire)

    def count_refusal(self, cause: str, now_s: float) -> None:
        self.refusals = self.refusals + Counter([cause])  # replaced: others read it meanwhile
        self.refused_s = now_s

    def silence(self, now_s: float) -> str | None:
        """Why the connection is as good as dead; None while it is not."""
        wire = list(self._wire.values())
        if wire and now_s - max(wire[0].sent_s, self._answered_s) > SILENCE_S:
            return tell("nothing for {silent_s:.0f} s", silent_s=SILENCE_S)
        if wire and now_s - wire[0].sent_s > FORGOTTEN_S:
            return tell("others, and not one that was sent {ago_s:.0f} s ago", ago_s=FORGOTTEN_S)
        return None

    def stalled(self, now_s: float) -> bool:
        """Nobody looks after that silence any more. From any thread, as the next."""
        wire = list(self._wire.values())  # in one step: the publisher goes on meanwhile
        return bool(wire) and now_s - max(wire[0].sent_s, self._answered_s) > STALLED_S

    def unheard_since_s(self) -> float | None:
        """When the broker took the first of those that wait for a hub; None if none do."""
        taken_s = [sent.taken_s for sent in list(self._rows.values()) if sent.taken_s is not None]
        return min(taken_s, default=None)

    def add(self, outgoing: Outgoing) -> Sent:
        sent = Sent(outgoing, historical=not outgoing.live)
        self._rows[sent.sequence] = sent
        self._ids[outgoing.row.id] = sent.sequence
        return sent

    def sent(self, sent: Sent, token: int, now_s: float) -> None:
        sent.token, sent.sent_s, sent.first = token, now_s, False
        sent.attempts += 1
        self._wire[token] = sent

    def broker_answered(self, token: int, code: int, now_s: float) -> list[int]:
        """A PUBACK. Returns what may leave the disk."""
        sent = self._wire.pop(token, None)
        self._answered_s = now_s
        if sent is None or sent.sequence not in self._rows:
            return []  # a status message, or one that the hub acknowledged faster than the broker
        sent.token = None
        if code >= 0x80:
            self._refused(sent, code, now_s)
            return []
        self._accepted += 1
        if self._ack == "broker":
            return self._done([sent.sequence])
        if sent.taken_s is None:
            sent.taken_s = now_s
        patience_s = self._resend_after_s * 2.0 ** min(sent.attempts - 1, 8)
        longest_s = max(RESEND_LONGEST_S, self._resend_after_s)
        self._again(sent, now_s + min(patience_s, longest_s))
        return []

    def _refused(self, sent: Sent, code: int, now_s: float) -> None:
        sent.refused_with = f"0x{code:02x}"
        self.count_refusal(sent.refused_with, now_s)
        if not sent.refusals:
            sent.accepted_before = self._accepted
        sent.refusals += 1
        if sent.refusals >= PARK_AFTER:
            sent.poison = self._accepted > sent.accepted_before
            self._hopeless.append(sent)
        self._again(sent, now_s + min(2.0**sent.refusals, REFUSED_LONGEST_S))

    def hub_has(self, ids: Iterable[str], up_to: int | None) -> list[int]:
        """The hub's own acknowledgement. Returns what may leave the disk: only rows that were
        really sent, whatever the hub claims to have."""
        known = {self._ids[each] for each in ids if each in self._ids}
        if up_to is not None:
            known.update(number for number in self._rows if number <= up_to)
        return self._done(number for number in known if self._rows[number].attempts)

    def connection_ended(self, now_s: float) -> None:
        """What the broker did not acknowledge is due at once on the next connection."""
        for sent in self._wire.values():
            sent.token = None
            if sent.sequence in self._rows:
                sent.historical = True
                self._again(sent, now_s)
        self._wire.clear()

    def send_all_again(self, now_s: float) -> None:
        """A new hub is there: what was on its way to the old one is due now."""
        for sent in self._rows.values():
            if sent.token is None:
                self._again(sent, now_s)

    def send_first(self, sequences: Iterable[int | None]) -> None:
        """Of the rows that are due, these come before all others."""
        for number in sequences:
            sent = None if number is None else self._rows.get(number)
            if sent is not None and sent.token is None:
                sent.first = True
                self._again(sent, 0.0)

    def unsent(self, sent: Sent, now_s: float) -> None:
        """It could not be handed to the transport."""
        self._again(sent, now_s)

    def due(self, now_s: float, limit: int, lowest: int = PRIORITIES - 1) -> list[Sent]:
        """Rows to send again now, the most urgent first, none less urgent than `lowest`."""
        while self._schedule and self._schedule[0][0] <= now_s:
            _, entry, sequence = heapq.heappop(self._schedule)
            sent = self._rows.get(sequence)
            if sent is not None and sent.due == entry:
                urgency = -1 if sent.first else sent.outgoing.row.priority
                heapq.heappush(self._ripe, (urgency, sequence, entry))
        found: list[Sent] = []
        while self._ripe and len(found) < limit and self._ripe[0][0] <= lowest:
            _, sequence, entry = heapq.heappop(self._ripe)
            sent = self._rows.get(sequence)
            if sent is not None and sent.due == entry:
                found.append(sent)
        return found

    def next_due_s(self, lowest: int = PRIORITIES - 1) -> float | None:
        """When there is something to send again; it may be past."""
        if self._ripe and self._ripe[0][0] <= lowest:
            return float("-inf")
        return self._schedule[0][0] if self._schedule else None

    def park_hopeless(self) -> list[Sent]:
        """Let go of rows that the broker refused again and again, so that they block nobody."""
        hopeless, self._hopeless = self._hopeless, []
        hopeless = [sent for sent in hopeless if sent.sequence in self._rows]
        self.forget(sent.sequence for sent in hopeless)
        return hopeless

    def forget(self, sequences: Iterable[int]) -> None:
        for number in sequences:
            sent = self._rows.pop(number, None)
            if sent is not None:
                self._ids.pop(sent.outgoing.row.id, None)

    def _done(self, sequences: Iterable[int]) -> list[int]:
        done = list(sequences)
        self.forget(done)
        return done

    def _again(self, sent: Sent, when_s: float) -> None:
        self._entries += 1
        sent.due = self._entries
        heapq.heappush(self._schedule, (when_s, sent.due, sent.sequence))
