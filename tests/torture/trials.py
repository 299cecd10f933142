"""A trial: one promise, what tries to break it, and how it is told.

Each file `trial_*.py` beside this one holds functions marked with `@trial("R-KILL-1", ...)`. A
trial returns what it measured, as words; it raises `Broken` when the promise does not hold, and
`NotRun` where the machine lacks what it needs. Negative controls are part of the trial: what cannot
be seen to fail on the naive way proves nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Size = Literal["ci", "night"]
Verdict = Literal["PASS", "FAIL", "NOT RUN"]


class Broken(AssertionError):  # noqa: N818 - what it is called in the report
    """The promise does not hold; the text says what was seen instead."""


class NotRun(Exception):  # noqa: N818 - as it stands in the report
    """The machine lacks what the trial needs; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a trial gets: an empty folder of its own, and how large it shall be."""

    folder: Path
    size: Size

    def sized(self, ci: int, night: int) -> int:
        return ci if self.size == "ci" else night


Run = Callable[[Stage], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    id: str  # R-KILL-1 (reliability), S-ACL-1 (security, see docs/security.md), ...
    promise: str  # in one line
    run: Run
    short: bool  # it takes seconds in CI size: part of `make test`


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a trial went."""

    id: str
    verdict: Verdict
    text: str
    took_s: float

    def __str__(self) -> str:
        return f"{self.id:<11} {self.verdict:<7} {self.text}  [{self.took_s:.1f} s]"


TRIALS: dict[str, Trial] = {}


def trial(name: str, promise: str, *, short: bool = False) -> Callable[[Run], Run]:
    """Register the function as the trial of this id."""

    def register(run: Run) -> Run:
        assert name not in TRIALS or TRIALS[name].run is run, f"two trials are called {name}"
        TRIALS[name] = Trial(id=name, promise=promise, run=run, short=short)
        return run

    return register


def held(condition: object, text: str) -> None:
    """Raise Broken with the text unless the condition holds."""
    if not condition:
        raise Broken(text)


def attempt(candidate: Trial, stage: Stage) -> Told:
    """Run one trial. Whatever it raises becomes its verdict; an error of the harness is a FAIL."""
    begun_s = time.monotonic()
    verdict: Verdict = "PASS"
    try:
        text = candidate.run(stage)
    except NotRun as error:
        verdict, text = "NOT RUN", str(error)
    except Exception as error:
        verdict = "FAIL"
        text = str(error) if isinstance(error, Broken) else f"{type(error).__name__}: {error}"
    line = " ".join(text.split())
    return Told(id=candidate.id, verdict=verdict, text=line, took_s=time.monotonic() - begun_s)
