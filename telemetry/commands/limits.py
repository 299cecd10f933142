"""How often somebody may ask: a token bucket for each (RFC 2697's idea, one colour)."""

from collections import OrderedDict
from collections.abc import Hashable

from drivers.clock import Clock

MAX_BUCKETS = 2000  # the one that was used longest ago is forgotten first


class Limits:
    """A full bucket holds what one minute allows. One thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def allows(self, who: Hashable, per_minute: int) -> bool:
        """Take one token of this bucket, if there is one."""
        now_s = self._clock.mono_s()
        tokens, filled_s = self._buckets.pop(who, (float(per_minute), now_s))
        tokens = min(float(per_minute), tokens + (now_s - filled_s) * per_minute / 60)
        allowed = tokens >= 1
        self._buckets[who] = (tokens - 1 if allowed else tokens, now_s)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return allowed
