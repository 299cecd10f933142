"""Whether what was flashed has proved itself: pure, by what is needed and what is seen.

Needed is each component that was well before, or was not there before; that the model runs, where
it did or where a model or a runtime was flashed; and the hub, where it was there before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from config.language import tell
from config.slots import Trial

PERCEPTION = "perception"
Verdict = Literal["commit", "roll_back"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What has to be well."""

    components: frozenset[str]
    perception: bool
    hub: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is well at this moment."""

    components: frozenset[str]
    perception: bool
    hub: bool
    broken: tuple[str, ...] = ()  # what is wrong whatever was needed, in words
    why: tuple[tuple[str, str], ...] = ()  # of components that are not: what they say


def need_of(trial: Trial, configured: Iterable[str], *, perception: bool) -> Need:
    """`configured`: the components there are now; `perception`: whether a model is to run.

    Where no unit ran before, nobody knows what was well: then only what always must be is needed.
    """
    before = trial.there_before

    def needed(name: str) -> bool:
        return name in trial.well_before or (before is not None and name not in before)

    by_kind = trial.lane in ("model", "runtime")
    return Need(
        components=frozenset(filter(needed, configured)) - {PERCEPTION},
        perception=perception and (by_kind or needed(PERCEPTION)),
        hub=trial.hub_was_there,
    )


def lacking(need: Need, seen: Seen) -> tuple[str, ...]:
    """What is not well, in words; nothing: it has proved itself, for this moment."""
    why = dict(seen.why)
    words = [*seen.broken]
    for name in sorted(need.components - seen.components):
        told = why.get(name)
        words.append(_because(name, told) if told else tell("{name} gives nothing", name=name))
    if need.perception and not seen.perception:
        words.append(_because(tell("the model does not run"), why.get(PERCEPTION)))
    if need.hub and not seen.hub:
        words.append(_because(tell("the hub is not reached"), why.get("hub")))
    return tuple(words)


def _because(what: str, why: str | None) -> str:
    return tell("{what}: {why}", what=what, why=why) if why else what


def in_words(lacks: tuple[str, ...]) -> str:
    """All of it as one text, which can still be said in another language."""
    if len(lacks) < 2:
        return lacks[0] if lacks else ""
    half = len(lacks) // 2  # nested as little as can be: config.language.MOST_PACKED
    return tell("{one}; {another}", one=in_words(lacks[:half]), another=in_words(lacks[half:]))


class Judge:
    """One trial, over time."""

    def __init__(self, ends_mono_s: float, hold_s: float) -> None:
        self._ends_mono_s = ends_mono_s
        self._hold_s = hold_s
        self._well_mono_s: float | None = None
        self.lacks: tuple[str, ...] = ()  # at the newest look

    def look(self, lacks: tuple[str, ...], now_mono_s: float) -> Verdict | None:
        """None: not yet. At its end what is well may finish proving it."""
        self.lacks = lacks
        if lacks:
            self._well_mono_s = None
        elif self._well_mono_s is None:
            self._well_mono_s = now_mono_s
        if self._well_mono_s is not None:
            return "commit" if now_mono_s - self._well_mono_s >= self._hold_s else None
        return "roll_back" if now_mono_s >= self._ends_mono_s else None
