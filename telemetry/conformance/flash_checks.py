"""What is flashed: each trial ends once, as the hub is told, and the state says what is in use."""

from typing import Any

from telemetry.conformance.finding import Finding, check, judged
from telemetry.conformance.transcript import Seen, Transcript
from telemetry.contract.replies import FINAL

FLASH, STATE, REPLY = "patrol.event.flash.v1", "patrol.state.v1", "patrol.reply.v1"
ENDS = ("committed", "rolled_back")
NO_FLASH = "nothing was flashed: needs `hub flash`, or a technician, meanwhile"


def _in_order(t: Transcript, *types: str) -> list[Seen]:
    """By their sequence, each message once: what is told again after a crash has the same id."""
    found: dict[str, Seen] = {}
    for _, m in sorted(t.first_of.items()):
        if m.type in types:
            found.setdefault(m.id, m)
    return list(found.values())


@check("HC-169")
def one_last_reply(t: Transcript) -> Finding:
    last: dict[str, set[str]] = {}
    for m in _in_order(t, REPLY):
        first = m.word("status") in FINAL and m.data.get("repeat") is not True
        if first and m.word("name") == "config.apply":
            last.setdefault(m.word("command"), set()).add(m.id)
    bad = [f"config.apply {name} has {len(ids)} ends" for name, ids in last.items() if len(ids) > 1]
    return judged(bad, len(last), "orders to flash that ended once", NO_FLASH)


@check("HC-170")
def told_as_answered(t: Transcript) -> Finding:
    """The event and the reply to the order agree; no order ends twice."""
    ends: dict[str, list[str]] = {}
    for m in _in_order(t, FLASH):
        if m.word("what") in ENDS and m.word("order"):
            ends.setdefault(m.word("order"), []).append(m.word("what"))
    bad = [f"order {order} ended as {', '.join(what)}" for order, what in ends.items() if what[1:]]
    for m in _in_order(t, REPLY):
        told = ends.get(m.word("command"))
        if told and m.word("status") in ("succeeded", "failed"):
            wanted = "committed" if m.word("status") == "succeeded" else "rolled_back"
            if told[0] != wanted:
                bad.append(f"{m} says {m.word('status')}, and the event {told[0]}")
    return judged(bad, len(ends), "orders whose flash was told as answered", NO_FLASH)


@check("HC-171")
def state_has_what_is_in_use(t: Transcript) -> Finding:
    """From the first state after an event on, until the next event of that lane."""
    bad, looked_at = [], 0
    newest: dict[str, Seen] = {}
    for m in _in_order(t, FLASH, STATE):
        if m.type == FLASH:
            if m.word("lane") and m.word("what") in ("on_trial", *ENDS):
                newest[m.word("lane")] = m
            continue
        for lane, event in newest.items():
            looked_at += 1
            bad += _wrong(m, lane, event)
        newest.clear()
    return judged(bad, looked_at, "states with what the events said", NO_FLASH)


def _wrong(state: Seen, lane: str, event: Seen) -> list[str]:
    flashed = state.data.get("flashed")
    listed: Any = flashed.get("lanes") if isinstance(flashed, dict) else None
    lanes = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    used = next((each.get("bundle") for each in lanes if each.get("lane") == lane), None)
    if (used == event.word("bundle")) == (event.word("what") != "rolled_back"):
        return []
    return [f"{state}: {lane} has {used} after {event.word('bundle')} was {event.word('what')}"]
