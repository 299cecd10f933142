"""Births, wills, boots; the snapshot of the state; the list of faults."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from telemetry.conformance.finding import Finding, check, judged, not_run
from telemetry.conformance.transcript import Note, Seen, Transcript

NEEDS_A_CUT = "needs --disturb: the unit's connection must be broken"
NOT_CUT = (
    "the broker did not cut the unit off; where it takes client ids from certificates or users, "
    "the kit must have those of the unit"
)
WILL_WITHIN_S = 20.0
BACK_WITHIN_S = 30.0
AT_ONCE_S = 5.0
HEALTH_EVERY_S = 60.0
CLOSE = timedelta(seconds=2)
STATE_HAS = ("unit_kind", "capabilities", "mode", "duty", "commander")


def _births(t: Transcript) -> list[Seen]:
    """`online`, as it came, in order; of retained ones the first only."""
    found: list[Seen] = []
    for m in t.statuses:
        if m.word("state") == "online" and m.id not in {each.id for each in found}:
            found.append(m)
    return found


def _lacking(t: Transcript) -> str:
    """Why there is no cut to look at."""
    refused = [str(note.detail.get("text")) for note in t.noted("cut_refused")]
    if refused:
        return f"the broker does not give the kit the unit's name: {refused[-1]}"
    return NOT_CUT if t.noted("unit_cut") else NEEDS_A_CUT


def _cuts(t: Transcript) -> list[Note]:
    """Those that had an effect: a unit that goes on without a status was not cut off."""
    return [
        note
        for note in t.noted("unit_cut")
        if _will(t, note) is not None
        or any(
            m.at_s > note.at_s and m.word("state") == "online" and not m.retained
            for m in t.statuses
        )
        or not any(m.at_s > note.at_s and not m.retained for m in t.stored)
    ]


def _will(t: Transcript, cut: Note) -> Seen | None:
    """What the broker said when the connection broke: perhaps before it let the kit in."""
    begun_s = max((n.at_s for n in t.noted("cutting") if n.at_s < cut.at_s), default=cut.at_s)
    return next(
        (
            m
            for m in t.statuses
            if m.word("state") == "offline"
            and begun_s <= m.at_s <= cut.at_s + WILL_WITHIN_S
            and not m.retained
        ),
        None,
    )


def _after_cuts(t: Transcript) -> Iterator[tuple[Note, list[Seen]]]:
    """Each cut, and what came from the unit on its next connection, repeats and all.

    A broker passes on what it had from the unit before it publishes the will.
    """
    for note in _cuts(t):
        will = _will(t, note)
        from_s = note.at_s if will is None else will.at_s
        yield note, [m for m in t.enveloped if m.at_s > from_s and not m.retained and m is not will]


@check("HC-040")
def online_first(t: Transcript) -> Finding:
    came = [rest[0] for _, rest in _after_cuts(t) if rest]
    bad = [f"the first message of a connection is {m}" for m in came if m.leaf != "status"]
    return judged(bad, len(came), "connections begun with status online", _lacking(t))


@check("HC-041")
def state_before_the_rest(t: Transcript) -> Finding:
    came = [next((m for m in rest if not _urgent(m)), None) for _, rest in _after_cuts(t)]
    found = [m for m in came if m is not None]
    bad = [f"the first message after online is {m}" for m in found if m.leaf != "state"]
    return judged(bad, len(found), "connections with the state before the rest", _lacking(t))


def _urgent(m: Seen) -> bool:
    """It may pass the state."""
    return m.leaf == "status" or m.json.get("priority") in (0, 1)


@check("HC-042")
def sessions_count_up(t: Transcript) -> Finding:
    last: dict[str, int] = {}
    bad, looked_at = [], 0
    for m in _births(t):
        boot, session = m.text("bootid"), m.data.get("session")
        if not isinstance(session, int):
            continue
        looked_at += boot in last
        if boot in last and session <= last[boot]:
            bad.append(f"session {session} follows {last[boot]} within one boot")
        last[boot] = session
    return judged(bad, looked_at, "new sessions with a higher number", _lacking(t))


@check("HC-043")
def will(t: Transcript) -> Finding:
    bad, looked_at = [], 0
    for note in _cuts(t):
        found = _will(t, note)
        looked_at += 1
        if found is None:
            bad.append("the broker published no will when the connection broke")
            continue
        before = [m for m in _births(t) if m.at_s < found.at_s]
        if before and _session(found) != _session(before[-1]):
            bad.append(f"the will is of session {_session(found)}, not {_session(before[-1])}")
    return judged(bad, looked_at, "wills with boot and session of their connection", _lacking(t))


def _session(m: Seen) -> tuple[str, object]:
    return m.text("bootid"), m.data.get("session")


@check("HC-044")
def back_soon(t: Transcript) -> Finding:
    bad, took_s = [], []
    for note, rest in _after_cuts(t):
        if rest:
            took_s.append(rest[0].at_s - note.at_s)
        if not rest and t.ends_s > note.at_s + BACK_WITHIN_S:
            bad.append(f"not back {BACK_WITHIN_S:.0f} s after its connection broke")
        bad += [f"back only after {s:.0f} s" for s in took_s if s > BACK_WITHIN_S]
    what = f"connections back, the slowest after {max(took_s, default=0):.1f} s"
    return judged(bad, len(took_s), what, _lacking(t))


@check("HC-045")
def hears_again(t: Transcript) -> Finding:
    """The broker has forgotten its subscriptions by then: a new hub session must be heard."""
    bad, looked_at = [], 0
    for note, rest in _after_cuts(t):
        session_s = next(
            (
                s.at_s
                for s in t.said
                if rest and s.leaf == "hub/state" and s.at_s > max(note.at_s, rest[0].at_s)
            ),
            None,
        )
        if session_s is None:
            continue
        if any(session_s < m.at_s <= session_s + AT_ONCE_S and m.leaf == "state" for m in rest):
            looked_at += 1
        elif t.ends_s > session_s + AT_ONCE_S:
            bad.append("it no longer hears the hub after its connection broke")
    return judged(bad, looked_at, "connections after which it hears the hub", _lacking(t))


@check("HC-046")
def boot_ids(t: Transcript) -> Finding:
    boots = {m.text("bootid") for m in _births(t)}
    live = [m for m in t.stored if not m.historical and t.first_of[m.sequence or 0] is m]
    if not boots or not live:
        return not_run("no status online was heard")
    bad = [f"{m}: its bootid is of no status" for m in live if m.text("bootid") not in boots]
    return judged(bad, len(live), "live messages with the bootid of a status")


@check("HC-047")
def stopping(t: Transcript) -> Finding:
    stops = [m for m in t.statuses if m.word("state") == "stopping"]
    bad = [
        "a will followed a clean stop"
        for stop in stops
        for m in t.statuses
        if m.at_s > stop.at_s and m.word("state") == "offline" and _session(m) == _session(stop)
    ]
    return judged(bad, len(stops), "clean stops without a will", "the unit was not stopped")


@check("HC-048")
def historical(t: Transcript) -> Finding:
    bad, looked_at = [], 0
    births = [(m.at_s, m.time) for m in _births(t) if not m.retained and m.time]
    for m in t.first_of.values():
        born = next((time for at_s, time in reversed(births) if at_s <= m.at_s), None)
        if born is None or m.time is None or abs(m.time - born) < CLOSE or m.leaf == "position":
            continue  # a position is dated by its fix, a little before
        looked_at += 1
        if m.time < born and not m.historical:
            bad.append(f"{m} is older than the connection, and not called historical")
    return judged(bad, looked_at, "messages called historical rightly", _lacking(t))


# --- state and health ---


def _stop_s(t: Transcript) -> float:
    """When the unit said that it stops."""
    stops = [m.at_s for m in t.statuses if m.word("state") == "stopping" and not m.retained]
    return stops[-1] if stops else float("inf")


def _stopped(t: Transcript, at_s: float) -> bool:
    """Nothing can be expected of it then."""
    return any(
        m.word("state") != "online"
        for m in [m for m in t.statuses if m.at_s <= at_s + AT_ONCE_S][-1:]
    )


@check("HC-050")
def state_at_session(t: Transcript) -> Finding:
    bad, looked_at = [], 0
    news = [s for s in t.said if s.leaf == "hub/state" and s.json.get("state") == "online"]
    for said in news[1:]:  # the first may be no news to the unit
        states = [m for m in t.stored if m.leaf == "state"]
        if any(said.at_s <= m.at_s <= said.at_s + AT_ONCE_S for m in states):
            looked_at += 1
        elif t.listening_until(said.at_s) > said.at_s + AT_ONCE_S and not _stopped(t, said.at_s):
            bad.append(f"no state within {AT_ONCE_S:.0f} s of a new hub session")
    lacking = "the hub began no new session"
    return judged(bad, looked_at, "hub sessions answered with the state", lacking)


@check("HC-051")
def state_is_whole(t: Transcript) -> Finding:
    states = [m for m in t.enveloped if m.leaf == "state"]
    bad = [f"{m} has no {key}" for m in states for key in STATE_HAS if key not in m.data]
    return judged(bad, len(states), "states that are whole", "no state was heard")


@check("HC-052")
def full_fault_list(t: Transcript) -> Finding:
    """A fault stays the same fault, with the same beginning, while it is listed; of one boot."""
    since: dict[tuple[str, str], str] = {}
    boot, bad = "", []
    reports = t.of("patrol.health.v1")
    for m in reports:
        if m.text("bootid") != boot:
            since, boot = {}, m.text("bootid")
        listed: dict[tuple[str, str], str] = {}
        faults = m.data.get("faults")
        for fault in faults if isinstance(faults, list) else []:
            if not isinstance(fault, dict):
                continue
            key = (str(fault.get("code")), str(fault.get("component")))
            if key in listed:
                bad.append(f"{m} lists {key[0]} of {key[1]} twice")
            listed[key] = str(fault.get("since"))
            if since.get(key, listed[key]) != listed[key]:
                bad.append(f"{m}: {key[0]} of {key[1]} has begun anew")
        since = listed
    return judged(bad, len(reports), "health reports with their faults", "no health was heard")


@check("HC-053")
def health_often(t: Transcript) -> Finding:
    came = [m.at_s for m in t.stored if m.leaf == "health"]
    ends_s = min(t.listening_until(came[-1]), _stop_s(t)) if came else 0.0
    gaps = [b - a for a, b in pairwise([*came, max([*came[-1:], ends_s])])
            if t.listening_until(a) >= b]  # fmt: skip
    longest_s = max(gaps, default=0.0)
    if not came or (longest_s <= HEALTH_EVERY_S and t.ends_s < HEALTH_EVERY_S):
        return not_run(f"needs to be watched for {HEALTH_EVERY_S:.0f} s")
    bad = [f"no health for {longest_s:.0f} s"] if longest_s > HEALTH_EVERY_S else []
    return judged(bad, len(came), "health reports, never long apart")
