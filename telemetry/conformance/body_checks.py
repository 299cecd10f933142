"""The unit's body: what it shines and says, its modules, and the missions of what carries it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from telemetry.conformance.finding import Finding, check, judged
from telemetry.conformance.transcript import Seen, Transcript, moment_of
from telemetry.contract.acting import HOLD_LONGEST_S

DARK = ("light", "beacon", "siren", "speaker", "record_lamp")  # in stealth; a relay may be unseen
AT_ONCE_S = 1.0  # until all of a unit is dark
BRIEF_S = 30.0  # a siren or a loudspeaker
MARGIN_S = 1.0
NO_WISH = "no actuator was switched on: needs `hub send`, or the crew, meanwhile"


def _states(t: Transcript) -> list[Seen]:
    """In the order of their sequence, each once."""
    return [m for _, m in sorted(t.first_of.items()) if m.type == "patrol.state.v1"]


def _actuators(m: Seen) -> Iterator[dict[str, Any]]:
    listed = m.data.get("actuators")
    yield from (
        (each for each in listed if isinstance(each, dict)) if isinstance(listed, list) else ()
    )


def _ahead_s(m: Seen, actuator: dict[str, Any]) -> float | None:
    until, now = moment_of(str(actuator.get("until"))), m.time
    return None if until is None or now is None else (until - now).total_seconds()


@check("HC-157")
def dark_in_stealth(t: Transcript) -> Finding:
    """From a second after the state first said so; an emergency may be allowed to break it."""
    bad, looked_at = [], 0
    begun: datetime | None = None
    for m in _states(t):
        if m.data.get("stealth") is not True:
            begun = None
            continue
        begun = begun or m.time
        looked_at += 1
        if begun is None or m.time is None or (m.time - begun).total_seconds() < AT_ONCE_S:
            continue
        bad += [
            f"{m}: {each.get('name')} is on in stealth"
            for each in _actuators(m)
            if each.get("on") is True and each.get("kind") in DARK and each.get("by") != "emergency"
        ]
    return judged(bad, looked_at, "states in stealth, all dark", "it was never in stealth")


@check("HC-161")
def wishes_end(t: Transcript) -> Finding:
    bad, looked_at = [], 0
    for m in _states(t):
        for each in _actuators(m):
            if each.get("by") != "operator":
                continue
            looked_at += 1
            longest_s = BRIEF_S if each.get("kind") in ("siren", "speaker") else HOLD_LONGEST_S
            ahead_s = _ahead_s(m, each)
            if ahead_s is None:
                bad.append(f"{m}: {each.get('name')} is an operator's, without an end")
            elif ahead_s > longest_s + MARGIN_S:
                bad.append(f"{m}: {each.get('name')} is to stay on for {ahead_s:.0f} s")
    return judged(bad, looked_at, "wishes of operators that end", NO_WISH)


@check("HC-162")
def in_turns(t: Transcript) -> Finding:
    """Within one boot: one that was killed may tell its last word again."""
    newest: dict[tuple[str, str, str], str] = {}
    bad, looked_at = [], 0
    for _, m in sorted(t.first_of.items()):
        if m.type != "patrol.event.module.v1":
            continue
        looked_at += 1
        part, what = (m.text("bootid"), m.word("kind"), m.word("module")), m.word("what")
        if newest.get(part) == what:
            bad.append(f"{m}: {m.word('module')} is {what} twice in a row")
        newest[part] = what
    return judged(bad, looked_at, "modules lost and back in turns", "no module was lost")


@check("HC-163")
def missions_have_names(t: Transcript) -> Finding:
    bad, looked_at = [], 0
    for m in t.of("patrol.event.body.v1"):
        if not m.word("what").startswith("mission_"):
            continue
        looked_at += 1
        item, items = m.data.get("item"), m.data.get("items")
        if not m.word("mission"):
            bad.append(f"{m}: {m.word('what')} of no mission")
        elif isinstance(item, int) and isinstance(items, int) and item > items:
            bad.append(f"{m}: is at item {item} of {items}")
    return judged(bad, looked_at, "steps of missions by their ids", "no mission was under way")
