"""Which of several receivers speaks for the unit: by rank, age and quality, without flapping."""

from collections.abc import Sequence
from dataclasses import dataclass, field

SILENT_S = 3.0  # without a fix for so long: any other one is better
STEADY_S = 10.0  # so long another must have been preferable before it takes over
WORTH_OF_RANK = 3.0  # a higher rank makes up for an error so many times as large
MUCH_BETTER = 4.0  # a lower rank takes over where the other's error is so many times as large


@dataclass(slots=True)
class _Candidate:
    rank: int
    mono_s: float = float("-inf")  # of its newest fix
    error_m: float = float("inf")
    doubtful: bool = False
    preferable_since_s: float | None = None


@dataclass(frozen=True, slots=True)
class Handed:
    """The last time that another receiver took over."""

    mono_s: float
    to: str
    before: str
    reason: str


@dataclass(slots=True)
class Handover:
    """Told of each fix; says whether it is that of the receiver in charge. Its owner locks it."""

    names: Sequence[str]  # in order of trust
    current: str | None = None
    last: Handed | None = None
    count: int = 0
    _known: dict[str, _Candidate] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._known = {name: _Candidate(rank) for rank, name in enumerate(self.names)}

    def note(self, name: str, mono_s: float, error_m: float, *, doubtful: bool = False) -> bool:
        """A fix of this receiver. True if it is the one that speaks for the unit now."""
        me = self._known[name]
        me.mono_s, me.error_m, me.doubtful = mono_s, error_m, doubtful
        if self.current is None:
            self.current = name
        if name == self.current:
            me.preferable_since_s = None
            return True
        return self._may_take_over(name, me, self._known[self.current])

    def _may_take_over(self, name: str, me: _Candidate, other: _Candidate) -> bool:
        if me.mono_s - other.mono_s >= SILENT_S:
            return self._take_over(name, f"{self.current} has had no fix for {SILENT_S:g} s")
        reason = _preferable(me, other)
        if not reason:
            me.preferable_since_s = None
            return False
        if self.last is None and me.rank < other.rank:
            self.current = name  # at the start: the other one was first by chance
            return True
        if me.preferable_since_s is None:
            me.preferable_since_s = me.mono_s
        if me.mono_s - me.preferable_since_s < STEADY_S:
            return False
        return self._take_over(name, reason)

    def _take_over(self, name: str, reason: str) -> bool:
        me = self._known[name]
        self.last = Handed(me.mono_s, name, self.current or "", reason)
        self.current = name
        self.count += 1
        for each in self._known.values():
            each.preferable_since_s = None
        return True


def _preferable(me: _Candidate, other: _Candidate) -> str:
    """Why the one in charge should give way; empty if it should not."""
    if me.doubtful != other.doubtful:
        return "" if me.doubtful else "what the other one says is doubtful"
    if me.rank < other.rank and me.error_m <= WORTH_OF_RANK * other.error_m:
        return "it is the preferred one, and well again"
    if me.error_m * MUCH_BETTER < other.error_m:
        return f"it is far more accurate ({me.error_m:.1f} m, the other {other.error_m:.1f} m)"
    return ""
