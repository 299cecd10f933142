"""What lies in the queue's file, and what one commit changes in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from telemetry.contract.topics import Leaf

PRIORITIES = 5
POSITIONS, DIAGNOSTICS = 3, 4  # the only priorities that are ever given up for room
OTHER_UNIT = "other_unit"  # cause of parking: the unit had another name when this was stored
ROW_BYTES = 80  # what a row takes beside its body: numbers, kind, id, the table's own


@dataclass(frozen=True, slots=True)
class NewRow:
    """A message on its way to the disk."""

    priority: int
    kind: Leaf
    id: str
    put_ms: int  # for its age: the Unix milliseconds at which its run began, and those since
    body: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """A message that is on the disk."""

    sequence: int
    priority: int
    kind: Leaf
    id: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Parking:
    """A message that is laid aside, since it is refused again and again."""

    sequence: int
    cause: str  # one line, for a person
    refusals: int
    parked_ms: int  # as put_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one commit does. Sequences that are not there (any more) are passed over."""

    put: Sequence[NewRow] = ()
    gone: Mapping[int, Sequence[int]] = field(default_factory=dict)  # sequences by priority
    parked: Sequence[Parking] = ()
    unparked: Sequence[int] = ()
    counters: Mapping[str, int] = field(default_factory=dict)  # set to these values

    def __bool__(self) -> bool:
        return bool(self.put or any(self.gone.values()) or self.parked or self.unparked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a commit has done."""

    stored: Sequence[Row] = ()
    deleted: Mapping[int, int] = field(default_factory=dict)  # how many, by priority
    parked: Mapping[int, int] = field(default_factory=dict)
    unparked: Mapping[int, int] = field(default_factory=dict)


RawRow = tuple[int, str, str, int, bytes]  # as in the tables
RawParked = tuple[int, int, str, str, int, bytes, str, int, int]


def by_priority(pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """Sequences grouped by their priority, from (sequence, priority)."""
    found: dict[int, list[int]] = {}
    for sequence, priority in pairs:
        found.setdefault(priority, []).append(sequence)
    return found
