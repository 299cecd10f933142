"""Numbers without gaps, sent again until a hub has them, and never after that."""

import json
from bisect import bisect_right
from collections.abc import Iterable

from telemetry.conformance.finding import Finding, check, failed, judged, not_run, passed
from telemetry.conformance.transcript import Seen, Transcript

RESENT_WITHIN_S = 60.0
AT_ONCE_S = 5.0
UNDER_WAY_S = 2.0  # a repeat may have left the unit before the ack came to it
NO_SESSION = "needs a new session of the hub after an acknowledgement"


# --- numbering ---


@check("HC-020")
def numbered(t: Transcript) -> Finding:
    bad = [f"{m} has no sequence" for m in t.enveloped if m.leaf != "status" and m.sequence is None]
    bad += [f"{m} has a sequence" for m in t.statuses if "sequence" in m.json]
    return judged(bad, len(t.enveloped), "messages, all but status numbered", "nothing was heard")


@check("HC-021")
def no_gaps(t: Transcript) -> Finding:
    """From the first message that the unit made after it was first heard, until shortly before
    the end: what is older may have been acknowledged before."""
    begun = min((m.sent for m in t.stored if m.sent), default=None)
    fresh = [n for n, m in t.first_of.items() if begun and m.time and m.time > begun]
    settled = [n for n, m in t.first_of.items() if m.at_s <= t.ends_s - AT_ONCE_S]
    if not fresh or not settled or max(settled) <= min(fresh):
        return not_run("too few messages to see a gap among")
    wanted = range(min(fresh), max(settled) + 1)
    missing = [n for n in wanted if n not in t.first_of]
    given_up = sum(_given_up(m) for m in t.of("patrol.health.v1")[-1:])
    if missing and len(missing) > given_up:
        return failed(f"{len(missing)} of {len(wanted)} never came: {missing[:5]}")
    return passed(f"{len(wanted)} numbers, {len(missing)} missing (told in health: {given_up})")


def _given_up(health: Seen) -> int:
    drops = health.data.get("drops")
    pairs = drops.items() if isinstance(drops, dict) else ()
    return sum(n for key, n in pairs if key.startswith("outbox.") and isinstance(n, int))


def _by_number(t: Transcript) -> Iterable[tuple[Seen, Seen]]:
    """Each later copy of a number, with its first."""
    for m in t.stored:
        first = t.first_of[int(m.sequence or 0)]
        if m is not first:
            yield first, m


@check("HC-022")
def same_id(t: Transcript) -> Finding:
    pairs = [(a, b) for a, b in _by_number(t) if a.text("time") == b.text("time")]
    bad = [f"#{a.sequence} came again with another id" for a, b in pairs if a.id != b.id]
    return judged(bad, len(pairs), "repeats with the same id", "nothing came twice")


@check("HC-023")
def one_message_per_number(t: Transcript) -> Finding:
    bad = [
        f"#{a.sequence} is of two messages, {a.type} and {b.type}"
        for a, b in _by_number(t)
        if a.text("time") != b.text("time") or a.type != b.type
    ]
    return judged(bad, len(t.first_of), "numbers, each of one message", "nothing was heard")


@check("HC-024")
def unchanged(t: Transcript) -> Finding:
    pairs = [(a, b) for a, b in _by_number(t) if a.id == b.id]
    bad = [f"#{a.sequence} came again, changed" for a, b in pairs if _body(a) != _body(b)]
    return judged(bad, len(pairs), "repeats unchanged", "nothing came twice")


def _body(m: Seen) -> str:
    fixed = {k: v for k, v in m.json.items() if k not in ("historical", "senttime")}
    return json.dumps(fixed, sort_keys=True)


# --- acknowledgements ---


def _sessions(t: Transcript) -> list[float]:
    """When a hub said that it is there."""
    return [s.at_s for s in t.said if s.leaf == "hub/state" and s.json.get("state") == "online"]


def _copies(t: Transcript, number: int, after_s: float) -> list[Seen]:
    return [m for m in t.copies.get(number, ()) if m.at_s > after_s]


def _next_after(moments: list[float], at_s: float, otherwise_s: float) -> float:
    """The first of these, which are in order, that is later."""
    position = bisect_right(moments, at_s)
    return moments[position] if position < len(moments) else otherwise_s


@check("HC-030")
def sent_again(t: Transcript) -> Finding:
    """By itself: copies that follow a new session of the hub do not count."""
    bad, again = [], 0
    sessions = _sessions(t)
    for number, first in t.first_of.items():
        ends_s = min(
            t.acked.get(number, t.ends_s),
            _next_after(sessions, first.at_s, t.ends_s),
            t.listening_until(first.at_s),
        )
        if any(m.at_s < ends_s for m in _copies(t, number, first.at_s)):
            again += 1
        elif ends_s - first.at_s > RESENT_WITHIN_S:
            bad.append(f"{first} was not sent again within {RESENT_WITHIN_S:.0f} s")
    lacking = f"nothing was left unacknowledged for {RESENT_WITHIN_S:.0f} s: needs a longer timeout"
    return judged(bad, again, "unacknowledged messages sent again", lacking)


def _quiet_after(t: Transcript, acked: dict[int, float], what: str, lacking: str) -> Finding:
    """None of these came again; only those count that a new session would have brought again."""
    last_s = max(_sessions(t), default=-1.0)
    tempted = {n: s for n, s in acked.items() if s < last_s}
    bad = [
        f"{m} came again, {m.at_s - tempted[int(m.sequence or 0)]:.1f} s after its ack"
        for m in t.stored
        if (m.sequence or 0) in tempted and m.at_s > tempted[int(m.sequence or 0)] + UNDER_WAY_S
    ]
    return judged(bad, len(tempted), what, lacking)


def _by(t: Transcript, key: str) -> dict[int, float]:
    """What was acknowledged only by acks that hold this key."""
    at = {s.at_s for s in t.said if s.leaf == "ack" and key in s.json}
    return {n: s for n, s in t.acked.items() if s in at}


@check("HC-031")
def acked_by_id(t: Transcript) -> Finding:
    return _quiet_after(
        t, _by(t, "ids"), "messages acknowledged by id never came again", NO_SESSION
    )


@check("HC-032")
def acked_up_to(t: Transcript) -> Finding:
    what = "messages acknowledged by sequence never came again"
    return _quiet_after(t, _by(t, "up_to"), what, NO_SESSION)


@check("HC-033")
def late_ack(t: Transcript) -> Finding:
    late = {
        n: s
        for n, s in t.acked.items()
        if any(m.at_s < s for m in _copies(t, n, t.first_of[n].at_s))
    }
    what = "messages acknowledged after a repeat never came again"
    return _quiet_after(t, late, what, "nothing was acknowledged after it had come twice")


@check("HC-034")
def bad_acks(t: Transcript) -> Finding:
    notes = t.noted("bad_acks")
    if not notes:
        return not_run("no wrong acknowledgement was sent")
    return _came_again(t, notes[0].at_s, "after acknowledgements that say nothing valid")


@check("HC-035")
def retained_ack(t: Transcript) -> Finding:
    notes = t.noted("retained_ack")
    if not notes:
        return not_run("no retained acknowledgement was sent")
    return _came_again(t, notes[0].at_s, "after a retained acknowledgement", notes[0].detail)


def _came_again(
    t: Transcript, at_s: float, when: str, only: dict[str, object] | None = None
) -> Finding:
    """What was not acknowledged at this time came again with the next session."""
    session_s = next((s for s in _sessions(t) if s > at_s), None)
    if session_s is None:
        return not_run("needs a new session of the hub afterwards")
    chosen = only.get("sequences") if only else None
    pending = [
        n
        for n, m in t.first_of.items()
        if m.at_s < at_s
        and t.acked.get(n, t.ends_s) > session_s
        and (not isinstance(chosen, list) or n in chosen)
    ]
    bad = [
        f"#{n} never came again {when}"
        for n in pending
        if not _copies(t, n, at_s) and t.acked.get(n, t.ends_s) > session_s + AT_ONCE_S
    ]
    return judged(bad, len(pending), f"messages still sent {when}", "nothing was unacknowledged")


@check("HC-036")
def new_session(t: Transcript) -> Finding:
    bad, again = [], 0
    for at_s in _sessions(t)[1:]:
        for n, m in t.first_of.items():
            acked_s = t.acked.get(n)
            if m.at_s > at_s - UNDER_WAY_S or (acked_s is not None and acked_s < at_s):
                continue
            copies = _copies(t, n, at_s)
            if copies and copies[0].at_s <= at_s + AT_ONCE_S:
                again += 1
            elif min(acked_s or t.ends_s, t.listening_until(at_s)) > at_s + AT_ONCE_S:
                bad.append(f"#{n} was not sent again within {AT_ONCE_S:.0f} s of a new hub session")
    lacking = "nothing was unacknowledged when the hub began a new session"
    return judged(bad, again, "messages sent again at a new hub session", lacking)


@check("HC-037")
def unknown_field_in_ack(t: Transcript) -> Finding:
    extended = {
        s.at_s for s in t.said if s.leaf == "ack" and s.json.keys() - {"ids", "up_to"} and s.ours
    }
    acked = {n: s for n, s in t.acked.items() if s in extended}
    what = "messages acknowledged by an ack with an unknown field never came again"
    return _quiet_after(t, acked, what, "no acknowledgement with an unknown field was sent")
