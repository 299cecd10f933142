"""How outputs that are only on or off flash: pure functions of the time since they were told to.

At most three flashes a second: faster ones can provoke seizures (W3C, WCAG 2.2, criterion 2.3.1).
"""

from typing import Final

# Seconds on and off, in turns, over and over.
PATTERNS: Final[dict[str, tuple[float, ...]]] = {
    "strobe": (0.08, 0.32),  # 2.5 a second
    "flash": (0.5, 0.5),
    "patrol": (0.15, 0.15, 0.15, 1.05),  # two short ones, then a pause
    "pulse": (1.0, 0.5),
    "wail": (2.0, 0.5),
    "yelp": (0.35, 0.15),
}
STEADY: Final = "steady"


def is_on(pattern: str, since_s: float) -> bool:
    """Whether such an output is on now. A pattern that is not known is steady: a light that was
    asked for shall shine."""
    steps = PATTERNS.get(pattern)
    if steps is None:
        return True
    left_s = since_s % sum(steps)
    for number, length_s in enumerate(steps):
        if left_s < length_s:
            return number % 2 == 0
        left_s -= length_s
    return False


def next_change_s(pattern: str, since_s: float) -> float | None:
    """Seconds until it goes on or off by itself; None where it does not."""
    steps = PATTERNS.get(pattern)
    if steps is None:
        return None
    left_s = since_s % sum(steps)
    for length_s in steps:
        if left_s < length_s:
            return length_s - left_s
        left_s -= length_s
    return 0.0
