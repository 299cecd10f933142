"""What a check found, and which check judges which rule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from config.wording import one_line
from telemetry.conformance.transcript import Transcript

Verdict = Literal["PASS", "FAIL", "NOT RUN"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict, and what was seen; of NOT RUN what was lacking."""

    verdict: Verdict
    text: str


LONGEST = 300  # letters of what was seen

Check = Callable[[Transcript], Finding]
CHECKS: dict[str, Check] = {}


def check(rule: str) -> Callable[[Check], Check]:
    """Register the function as the judge of this rule."""

    def register(judge: Check) -> Check:
        if CHECKS.setdefault(rule, judge) is not judge:
            raise ValueError(f"two checks for {rule}")
        return judge

    return register


def passed(text: str) -> Finding:
    return Finding("PASS", one_line(text, LONGEST))


def failed(text: str) -> Finding:
    """The text may repeat what a unit said: nothing of it shall move a terminal's cursor."""
    return Finding("FAIL", one_line(text, LONGEST))


def not_run(text: str) -> Finding:
    return Finding("NOT RUN", one_line(text, LONGEST))


def judged(bad: Sequence[str], looked_at: int, what: str, lacking: str = "") -> Finding:
    """FAIL with the first of what is bad, PASS with how much was looked at, else NOT RUN."""
    if bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        return failed(f"{bad[0]}{more}")
    if looked_at:
        return passed(f"{looked_at} {what}")
    return not_run(lacking or f"no {what} seen")
