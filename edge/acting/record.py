"""What is remembered over a restart: uses that still count, and what the crew has latched."""

from dataclasses import dataclass

from edge.acting.ration import Use


@dataclass(frozen=True, slots=True, kw_only=True)
class ActingBook:
    uses: tuple[Use, ...] = ()
    stopped_by: str | None = None  # the crew has stopped everything, until it resumes
    stealth_by: str | None = None  # the crew has put the unit into stealth
