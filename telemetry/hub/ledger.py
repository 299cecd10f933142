"""The reference hub's judgement: is this message valid, is it new, what is missing.

Pure: bytes come in, verdicts go out. A unit's messages are told apart by (unit, sequence); the id
tells a retry from a unit that lost its disk and counts anew, and finds what is told once more.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from telemetry.contract.alerts import AlertEvent
from telemetry.contract.envelope import BadMessageError, Envelope, Received, read_up
from telemetry.contract.events import DetectionEvent, SosEvent
from telemetry.contract.tasks import NEXT_STATES, DutyEvent, TaskEvent
from telemetry.contract.topics import Leaf, split_up
from telemetry.contract.unit import Health, Position, State, Status
from telemetry.contract.up_message import Duty, UpMessage
from telemetry.hub.pictures import PictureMemory, Properties, why_no_picture
from telemetry.hub.sequences import SequenceSet

REMEMBERED_IDS = 20_000  # per unit; enough to know a retry from a new numbering
MAX_UNITS = 10_000  # further ones are refused: anyone may invent unit names on an open broker

MAX_TASKS = 200  # and open calls for help, per unit

# `retained`: it lay at the broker, from before the hub listened; shown, and neither counted as
# arrived nor acknowledged. What the unit still has, it sends again to a new hub.
Verdict = Literal["accepted", "duplicate", "retained", "late_will", "invalid"]


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
class UnitLedger:
    """What the hub knows of one unit. Changed by this package only."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    sequences: SequenceSet = field(default_factory=SequenceSet)
    ids: OrderedDict[int, str] = field(default_factory=OrderedDict)
    known: OrderedDict[str, None] = field(default_factory=OrderedDict)  # ids, under any number
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
    tasks: OrderedDict[str, TaskEvent] = field(default_factory=OrderedDict)
    calls: OrderedDict[str, SosEvent] = field(default_factory=OrderedDict)
    alerts: OrderedDict[str, AlertEvent] = field(default_factory=OrderedDict)
    duty: Duty | None = None
    duty_at: tuple[float, int] = (0.0, 0)
    acked: Counter[str] = field(default_factory=Counter)
    pictures: PictureMemory = field(default_factory=PictureMemory)


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
    duty: Duty | None
    tasks: dict[str, TaskEvent]  # the newest event of each that is not over
    calls: dict[str, SosEvent]  # for help, that are not ended
    alerts: dict[str, AlertEvent]  # of rules, that are not ended


class HubLedger:
    """All units of one topic root, or only one of them."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.units: dict[str, UnitLedger] = {}
        self.strangers = 0  # messages on topics, or from units, that cannot be

    def receive(
        self,
        topic: str,
        payload: bytes,
        *,
        retained: bool = False,
        properties: Properties = (),
    ) -> Arrival:
        """Judge one message. Never raises for what it contains. `retained`: it lay there;
        `properties`: of its user, MQTT 5, by which a picture is known."""
        place = split_up(self.root, topic)
        if place is None or (place[0] not in self.units and len(self.units) >= MAX_UNITS):
            self.strangers += 1
            reason = "too many units" if place else "wrong topic: no unit may publish here"
            return Arrival(topic=topic, payload=payload, verdict="invalid", reason=reason)
        name, leaf = place
        unit = self.units.setdefault(name, UnitLedger())
        if leaf == "snapshot":
            received = None
            verdict, reason = _judge_picture(unit, topic, payload, properties, retained=retained)
        else:
            verdict, reason, received = _judge(unit, name, leaf, payload, retained=retained)
        unit.verdicts[verdict] += 1
        if verdict == "accepted" and received is not None:
            unit.types[received.envelope.type] += 1
            unit.historical += received.envelope.historical
        if verdict in ("accepted", "retained") and received is not None:
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
        if unit in self.units:
            self.units[unit].acked.update(types)

    def whole_up_to(self, unit: str) -> int | None:
        """The sequence up to which the hub has everything, from the unit's first message on.

        None where it does not know what came before: an ack up to there would give it away.
        """
        known = self.units.get(unit)
        return None if known is None else known.sequences.whole_up_to

    def views(self) -> tuple[UnitView, ...]:
        return tuple(_view(name, unit) for name, unit in sorted(self.units.items()))


def _judge(
    unit: UnitLedger, name: str, leaf: Leaf, payload: bytes, *, retained: bool
) -> tuple[Verdict, str, Received | None]:
    try:
        received = read_up(payload)
    except BadMessageError as error:
        return "invalid", f"{error.cause}: {error}", None
    return *_judge_read(unit, name, leaf, received, retained=retained), received


def _judge_picture(
    unit: UnitLedger, topic: str, payload: bytes, properties: Properties, *, retained: bool
) -> tuple[Verdict, str]:
    if retained:
        return "retained", "it lay at the broker"
    if reason := why_no_picture(topic, payload, properties):
        return "invalid", reason
    if not unit.pictures.add(topic, payload):
        return "duplicate", "this picture of the episode came before"
    return "accepted", ""


def _judge_read(
    unit: UnitLedger, name: str, leaf: Leaf, received: Received, *, retained: bool
) -> tuple[Verdict, str]:
    envelope, data = received.envelope, received.data
    if envelope.unit != name:
        return "invalid", f"wrong unit: source says {envelope.unit}, topic says {name}"
    if data is not None and leaf != data.LEAF:
        return "invalid", f"wrong topic: {envelope.type} does not belong on {leaf}"
    if isinstance(data, Status):
        return "late_will" if _is_late_will(unit, envelope.bootid, data) else "accepted", ""
    if envelope.sequence is None:
        return "invalid", "no sequence"
    sequence = int(envelope.sequence)
    if retained and sequence not in unit.sequences:
        return "retained", "it lay at the broker"
    return _number(unit, sequence, envelope.id)


def _is_late_will(unit: UnitLedger, boot_id: str, status: Status) -> bool:
    """A will counts only for the session that was born last."""
    if status.state != "offline" or unit.status is None:
        return False
    return (boot_id, status.session) != (unit.boot_id, unit.status.session)


def _number(unit: UnitLedger, sequence: int, message_id: str) -> tuple[Verdict, str]:
    known = unit.ids.get(sequence)
    if known is not None and known != message_id:
        # The same number for another message: the unit lost its disk and began anew.
        unit.renumbered += 1
        unit.sequences = SequenceSet()
        unit.ids.clear()
    if not unit.sequences.add(sequence):
        return "duplicate", f"sequence {sequence} is here already"
    told_before = message_id in unit.known
    unit.ids[sequence] = message_id
    unit.known[message_id] = None
    for remembered in (unit.ids, unit.known):
        if len(remembered) > REMEMBERED_IDS:
            remembered.popitem(last=False)
    # A unit that crashed between its two files tells an event once more, under the next number.
    return ("duplicate", f"id {message_id} is here already") if told_before else ("accepted", "")


def _remember(unit: UnitLedger, received: Received) -> None:
    envelope, data = received.envelope, received.data
    match data:
        case Status():
            unit.status, unit.boot_id = data, envelope.bootid
        case State():
            unit.state = data
            if _moment(envelope) >= unit.duty_at:
                unit.duty, unit.duty_at = data.duty, _moment(envelope)
        case Health():
            unit.health = data
        case Position():
            # The backlog comes after what is live: the newest is the one with the latest time.
            if unit.position is None or _moment(envelope) >= unit.newest:
                unit.position, unit.newest = data, _moment(envelope)
        case DutyEvent():
            if _moment(envelope) >= unit.duty_at:
                unit.duty, unit.duty_at = data.duty, _moment(envelope)
        case _:
            _follow(unit, data)


def _moment(envelope: Envelope) -> tuple[float, int]:
    return envelope.time.timestamp(), int(envelope.sequence or 0)


def _follow(unit: UnitLedger, data: UpMessage | None) -> None:
    """Whatever goes on for a while: detections, alerts, tasks, calls for help."""
    match data:
        case DetectionEvent():
            _follow_detection(unit, data)
        case TaskEvent():
            _follow_task(unit, data)
        case SosEvent():
            _follow_call(unit, data)
        case AlertEvent():
            _follow_alert(unit, data)


def _follow_detection(unit: UnitLedger, event: DetectionEvent) -> None:
    if event.phase == "new":
        unit.labels[event.label] += 1
    if event.phase == "end":
        unit.episodes.pop(event.episode, None)
    elif len(unit.episodes) < REMEMBERED_IDS:
        unit.episodes[event.episode] = event


def _follow_task(unit: UnitLedger, event: TaskEvent) -> None:
    unit.tasks.pop(event.task, None)
    if NEXT_STATES[event.state]:
        unit.tasks[event.task] = event
    while len(unit.tasks) > MAX_TASKS:
        unit.tasks.popitem(last=False)


def _follow_call(unit: UnitLedger, event: SosEvent) -> None:
    unit.calls.pop(event.episode, None)
    if event.phase != "end":
        unit.calls[event.episode] = event
    while len(unit.calls) > MAX_TASKS:
        unit.calls.popitem(last=False)


def _follow_alert(unit: UnitLedger, event: AlertEvent) -> None:
    unit.alerts.pop(event.episode, None)
    if event.phase != "end":
        unit.alerts[event.episode] = event
    while len(unit.alerts) > MAX_TASKS:
        unit.alerts.popitem(last=False)


def _view(name: str, unit: UnitLedger) -> UnitView:
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
        duty=unit.duty,
        tasks=dict(unit.tasks),
        calls=dict(unit.calls),
        alerts=dict(unit.alerts),
    )
