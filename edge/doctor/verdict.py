"""What the lines come to, in one word and in one sentence."""

from collections import Counter
from collections.abc import Mapping, Sequence

from config.language import localized, tell
from edge.doctor.line import Line, State

MARKS: Mapping[State, str] = {
    "ok": tell("OK"),
    "warning": tell("WARN"),
    "fault": tell("FAULT"),
    "none": "-",
}
VERDICTS: Mapping[State, str] = {
    "ok": tell("fit for work"),
    "warning": tell("fit for work; something should be seen to"),
    "fault": tell("not fit for work"),
    "none": tell("nothing was looked at"),
}


def worst(lines: Sequence[Line]) -> State:
    states = {line.state for line in lines}
    order: tuple[State, ...] = ("fault", "warning", "ok")
    return next((each for each in order if each in states), "none")


def summed(lines: Sequence[Line]) -> str:
    """How many of each, in the language of this computer."""
    counts = Counter(line.state for line in lines)
    told: str = tell("{count} OK", count=counts["ok"])
    if counts["warning"]:
        told = tell("{told}, {more}", told=told, more=_warnings(counts["warning"]))
    if counts["fault"]:
        told = tell("{told}, {more}", told=told, more=_faults(counts["fault"]))
    return localized(told)


def _warnings(count: int) -> str:
    return tell("1 warning") if count == 1 else tell("{count} warnings", count=count)


def _faults(count: int) -> str:
    return tell("1 fault") if count == 1 else tell("{count} faults", count=count)
