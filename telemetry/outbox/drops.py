"""What was dropped, by cause: since the start, and ever."""

from collections import Counter
from collections.abc import Mapping

PREFIX = "drops."


class DropTally:
    """Counted at once, and in the file with the next commit. The counters are replaced, never
    changed in place, since other threads read them meanwhile."""

    def __init__(self) -> None:
        self.since_start: Counter[str] = Counter()
        self.ever: Counter[str] = Counter()
        self._written: Counter[str] = Counter()  # as they stand in the file
        self._first = True  # no file was opened yet

    def count(self, causes: Mapping[str, int]) -> None:
        self.since_start = self.since_start + Counter(causes)
        self.ever = self.ever + Counter(causes)

    def opened(self, counters: Mapping[str, int]) -> None:
        """A file was opened that holds these; the first one tells of earlier runs."""
        self._written = _drops_in(counters)
        if self._first:
            self._first = False
            self.ever = self.ever + self._written

    def unwritten(self) -> dict[str, int]:
        """The file's counters that should be set anew."""
        return {
            f"{PREFIX}{cause}": count
            for cause, count in self.ever.items()
            if self._written[cause] != count
        }

    def written(self, counters: Mapping[str, int]) -> None:
        """These are in the file now."""
        self._written |= _drops_in(counters)


def _drops_in(counters: Mapping[str, int]) -> Counter[str]:
    return Counter({n.removeprefix(PREFIX): v for n, v in counters.items() if n.startswith(PREFIX)})
