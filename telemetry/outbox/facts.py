"""What the outbox tells: about one message, and about itself."""

from dataclasses import dataclass, field

from telemetry.outbox.rows import PRIORITIES, Row


@dataclass(slots=True, eq=False)
class Receipt:
    """What became of a draft. `sequence` is None until the message is on the disk."""

    id: str
    sequence: int | None = None
    dropped: bool = False

    @property
    def stored(self) -> bool:
        return self.sequence is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A row on its way out."""

    row: Row
    live: bool  # it was stored while the present connection stood
    newest: bool  # of its kind; an older one must not replace the retained message


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxStats:
    """How the queue is doing."""

    depth: int  # on the disk and not acknowledged
    by_priority: tuple[int, ...]
    in_memory: int  # put, and not yet on the disk
    oldest_age_s: float | None  # at least, where a clock was set since an earlier run
    size_bytes: int
    limit_bytes: int
    last_sequence: int
    drops: dict[str, int]  # by cause, since start
    drops_ever: dict[str, int] = field(default_factory=dict)  # by cause, of earlier runs too
    dropped_s: float | None = None  # since the last drop; None if there was none since start
    tolerance_m: float = 0.0  # how far the stored track may be from the full one; 0 is not at all
    parked: int = 0  # refused again and again, or of another unit, and laid aside
    other_unit: int = 0  # of them, of another unit
    set_aside: int  # damaged files that lie beside the queue
    fault: str | None  # why the disk takes nothing now


@dataclass(frozen=True, slots=True)
class DiskFigures:
    """The disk's figures, as the worker last saw them."""

    depth: tuple[int, ...] = (0,) * PRIORITIES
    parked: int = 0
    other_unit: int = 0
    tolerance_m: float = 0.0
    size_bytes: int = 0
    last_sequence: int = 0
    oldest: tuple[int, int] | None = None  # sequence and put_ms
    set_aside: int = 0
    lowest_taken: int = PRIORITIES - 1  # rows of this priority and more urgent ones have room
    trimming: bool = False  # room is being made
