"""The reference hub's judgement: is this message valid, is it new, what is missing.

Pure: bytes come in, verdicts go out. A unit's messages are told apart by (unit, sequence); the id
tells a retry from a unit that lost its disk and counts anew.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from telemetry.contract.envelope import BadMessageError, Received, read_up
from telemetry.contract.events import DetectionEvent
from telemetry.contract.topics import Leaf, split_up
from telemetry.contract.unit import Health, Position, State, Status
from telemetry.hub.sequences import SequenceSet

REMEMBERED_IDS = 20_000  # per unit; enough to know a retry from a new numbering
MAX_UNITS = 10_000  # further ones are refused: anyone may invent unit names on an open broker

Verdict = Literal["accepted", "duplicate", "late_will", "invalid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message, judged."""

    topic: str
    payload: bytes
    verdict: Verdict
    reason: str = ""  # why it is not accepted; of an invalid one `cause: what exactly`
    unit: str | None = None
    leaf: Leaf | None = None
    received: Received | None = None

    @property
    def cause(self) -> str:
        """Why it is invalid, for counting: holds nothing that the sender wrote."""
        return self.reason.partition(":")[0] if self.verdict == "invalid" else ""

    @property
    def to_acknowledge(self) -> bool:
        """The hub has it, now or from before; an invalid message stays with the unit."""
        return (
            self.verdict in ("accepted", "duplicate")
            and self.received is not None
            and self.received.envelope.sequence is not None
        )


@dataclass(slots=True)
class _Unit:
    """What the hub knows of one unit."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    sequences: SequenceSet = field(default_factory=SequenceSet)
    ids: OrderedDict[int, str] = field(default_factory=OrderedDict)
    renumbered: int = 0
    historical: int = 0
    status: Status | None = None
    boot_id: str | None = None
    state: State | None = None
    position: Position | None = None
    newest: tuple[float, int] = (0.0, 0)  # time and sequence of `position`
    health: Health | None = None
    episodes: dict[str, DetectionEvent] = field(default_factory=dict)
    labels: Counter[str] = field(default_factory=Counter)
    acked: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitView:
    """One unit, as the hub shows it."""

    unit: str
    status: Literal["online", "stopping", "offline", "unknown"]
    accepted: int
    duplicates: int
    invalid: int
    missing: int  # sequences between the first and the last that have not arrived
    gaps: tuple[tuple[int, int], ...]  # the first few of them, inclusive
    last_sequence: int | None
    renumbered: int  # times it lost its numbering
    historical: int
    types: dict[str, int]  # accepted messages by CloudEvents type
    acked: dict[str, int]  # acknowledgements that went out, by the type of the message
    episodes: dict[str, int]  # detection episodes begun, by label
    state: State | None
    position: Position | None
    health: Health | None
    open_episodes: int


class HubLedger:
    """All units of one topic root, or only one of them."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._units: dict[str, _Unit] = {}
        self.strangers = 0  # messages on topics, or from units, that cannot be

    def receive(self, topic: str, payload: bytes) -> Arrival:
        """Judge one message. Never raises for what it contains."""
        place = split_up(self._root, topic)
        if place is None or (place[0] not in self._units and len(self._units) >= MAX_UNITS):
            self.strangers += 1
            reason = "too many units" if place else "wrong topic: no unit may publish here"
            return Arrival(topic=topic, payload=payload, verdict="invalid", reason=reason)
        name, leaf = place
        unit = self._units.setdefault(name, _Unit())
        verdict, reason, received = _judge(unit, name, leaf, payload)
        unit.verdicts[verdict] += 1
        if verdict == "accepted" and received is not None:
            _remember(unit, received)
        return Arrival(
            topic=topic,
            payload=payload,
            verdict=verdict,
            reason=reason,
            unit=name,
            leaf=leaf,
            received=received,
        )

    def acknowledged(self, unit: str, types: Iterable[str]) -> None:
        """An ack for messages of these types went out."""
        if unit in self._units:
            self._units[unit].acked.update(types)

    def views(self) -> tuple[UnitView, ...]:
        return tuple(_view(name, unit) for name, unit in sorted(self._units.items()))


def _judge(
    unit: _Unit, name: str, leaf: Leaf, payload: bytes
) -> tuple[Verdict, str, Received | None]:
    if leaf == "snapshot":
        return "accepted", "", None  # JPEG bytes, no envelope
    try:
        received = read_up(payload)
    except BadMessageError as error:
        return "invalid", f"{error.cause}: {error}", None
    return *_judge_read(unit, name, leaf, received), received


def _judge_read(unit: _Unit, name: str, leaf: Leaf, received: Received) -> tuple[Verdict, str]:
    envelope, data = received.envelope, received.data
    if envelope.unit != name:
        return "invalid", f"wrong unit: source says {envelope.unit}, topic says {name}"
    if data is not None and leaf != data.LEAF:
        return "invalid", f"wrong topic: {envelope.type} does not belong on {leaf}"
    if isinstance(data, Status):
        return "late_will" if _is_late_will(unit, envelope.bootid, data) else "accepted", ""
    if envelope.sequence is None:
        return "invalid", "no sequence"
    return _number(unit, int(envelope.sequence), envelope.id)


def _is_late_will(unit: _Unit, boot_id: str, status: Status) -> bool:
    """A will counts only for the session that was born last."""
    if status.state != "offline" or unit.status is None:
        return False
    return (boot_id, status.session) != (unit.boot_id, unit.status.session)


def _number(unit: _Unit, sequence: int, message_id: str) -> tuple[Verdict, str]:
    known = unit.ids.get(sequence)
    if known is not None and known != message_id:
        # The same number for another message: the unit lost its disk and began anew.
        unit.renumbered += 1
        unit.sequences = SequenceSet()
        unit.ids.clear()
    if not unit.sequences.add(sequence):
        return "duplicate", f"sequence {sequence} is here already"
    unit.ids[sequence] = message_id
    if len(unit.ids) > REMEMBERED_IDS:
        unit.ids.popitem(last=False)
    return "accepted", ""


def _remember(unit: _Unit, received: Received) -> None:
    envelope, data = received.envelope, received.data
    unit.types[envelope.type] += 1
    unit.historical += envelope.historical
    match data:
        case Status():
            unit.status, unit.boot_id = data, envelope.bootid
        case State():
            unit.state = data
        case Health():
            unit.health = data
        case Position():
            # The backlog comes after what is live: the newest is the one with the latest time.
            moment = envelope.time.timestamp()
            if unit.position is None or (moment, int(envelope.sequence or 0)) >= unit.newest:
                unit.position, unit.newest = data, (moment, int(envelope.sequence or 0))
        case DetectionEvent():
            _follow(unit, data)


def _follow(unit: _Unit, event: DetectionEvent) -> None:
    if event.phase == "new":
        unit.labels[event.label] += 1
    if event.phase == "end":
        unit.episodes.pop(event.episode, None)
    elif len(unit.episodes) < REMEMBERED_IDS:
        unit.episodes[event.episode] = event


def _view(name: str, unit: _Unit) -> UnitView:
    return UnitView(
        unit=name,
        status=unit.status.state if unit.status else "unknown",
        accepted=unit.verdicts["accepted"],
        duplicates=unit.verdicts["duplicate"],
        invalid=unit.verdicts["invalid"],
        missing=unit.sequences.missing,
        gaps=tuple(unit.sequences.gaps(5)),
        last_sequence=unit.sequences.last,
        renumbered=unit.renumbered,
        historical=unit.historical,
        types=dict(unit.types),
        acked=dict(unit.acked),
        episodes=dict(unit.labels),
        state=unit.state,
        position=unit.position,
        health=unit.health,
        open_episodes=len(unit.episodes),
    )
