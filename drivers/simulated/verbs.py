"""What can be done to a simulated device while it runs: one line of text each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


class WrongOrderError(ValueError):
    """Not understood; the text says what is."""


@dataclass(frozen=True, slots=True)
class Verb:
    usage: str
    does: str
    act: Callable[[Sequence[str], float], str | None]
    """Gets the words behind it and the time; returns what to answer besides ok."""


def obey(verbs: Mapping[str, Verb], text: str, now_s: float) -> str:
    """Do it. Returns `ok`, `ok` and what was asked for, or `error` and what is wrong."""
    name, *words = text.split() or [""]
    if name == "help":
        return "ok " + "; ".join(f"{verb.usage}: {verb.does}" for verb in verbs.values())
    verb = verbs.get(name)
    if verb is None:
        return f"error there is no {name!r}; there is: help, {', '.join(verbs)}"
    try:
        told = verb.act(words, now_s)
    except (ValueError, IndexError, KeyError) as error:
        why = f"{error}; " if isinstance(error, WrongOrderError) else ""
        return f"error {why}write: {verb.usage}"
    return "ok" if told is None else f"ok {told}"


def switched(words: Sequence[str]) -> bool:
    """`on` or `off`, and nothing else."""
    return {"on": True, "off": False}[words[0]]
