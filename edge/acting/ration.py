"""How often a siren or a loudspeaker was used, and how often it may be: three times in ten minutes.

Counted by the monotonic clock, so that no clock that is set makes room. Of an earlier boot of the
computer nobody knows how long it is ago: its uses count as if they had been just now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MOST_USES = 3
WITHIN_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One time that it went on."""

    fitting: str
    boot: str  # of the computer
    mono_s: float


def still_counting(uses: Iterable[Use], boot: str, now_s: float) -> dict[str, list[float]]:
    """When each actuator was used, as far as that still counts, on this boot's monotonic clock."""
    found: dict[str, list[float]] = {}
    for use in uses:
        known = use.boot == boot and use.mono_s <= now_s
        began_s = use.mono_s if known and boot else now_s
        if now_s - began_s < WITHIN_S:
            found.setdefault(use.fitting, []).append(began_s)
    return found


class Ration:
    """Of one unit."""

    def __init__(self, used: Mapping[str, list[float]] | None = None) -> None:
        self._used = {name: sorted(times) for name, times in (used or {}).items()}

    def note(self, fitting: str, now_s: float) -> None:
        self._used.setdefault(fitting, []).append(now_s)

    def free_in_s(self, fitting: str, now_s: float) -> float:
        """0 if it may be used now."""
        counting = [at for at in self._used.get(fitting, ()) if now_s - at < WITHIN_S]
        self._used[fitting] = counting
        if len(counting) < MOST_USES:
            return 0.0
        return counting[-MOST_USES] + WITHIN_S - now_s

    def uses(self, boot: str, now_s: float) -> tuple[Use, ...]:
        """What must be remembered."""
        return tuple(
            Use(fitting=name, boot=boot, mono_s=at)
            for name, times in sorted(self._used.items())
            for at in times
            if now_s - at < WITHIN_S
        )
