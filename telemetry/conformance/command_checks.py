"""What a unit answers to commands: good, bad, late, repeated, forged."""

from collections.abc import Callable
from itertools import pairwise

from telemetry.conformance.finding import Check, Finding, check, failed, judged, not_run, passed
from telemetry.conformance.transcript import Note, Seen, Transcript
from telemetry.contract.replies import FINAL

UNSUPPORTED_WITHIN_S = 0.2
ACTS_WITHIN_S = 5.0
NO_KEY = "needs a key that the unit knows: --key FILE --kid ID"
# A reply may be left out where there is nothing to tell: a quick command is done at once.
AFTER: dict[str, frozenset[str]] = {
    "": frozenset({"received", "accepted", "rejected", "expired"}),
    "received": frozenset({"accepted", "rejected", "expired", "cancelled", "failed"}),
    "accepted": frozenset({"running", "succeeded", "failed", "expired", "cancelled"}),
    "running": frozenset({"running", "succeeded", "failed", "cancelled", "expired"}),
}


def _sent(t: Transcript, case: str) -> list[Note]:
    """Where the driver sent a command of this case; `detail` holds its id."""
    return [note for note in t.noted("command") if note.detail.get("case") == case]


def _first_time(t: Transcript, command: str) -> list[Seen]:
    """The replies without those that answer a repetition."""
    return [m for m in t.replies(command) if m.data.get("repeat") is not True]


def _final(t: Transcript, command: str) -> Seen | None:
    return next((m for m in _first_time(t, command) if m.word("status") in FINAL), None)


def _commands(t: Transcript) -> dict[str, list[Seen]]:
    """All replies of the transcript, by command, in the order of their sequence."""
    found: dict[str, list[Seen]] = {}
    for m in t.of("patrol.reply.v1"):
        if m.data.get("repeat") is not True:
            found.setdefault(m.word("command"), []).append(m)
    return found


@check("HC-080")
def answered(t: Transcript) -> Finding:
    bad, took_s = [], []
    for note in _sent(t, "good"):
        final = _final(t, str(note.detail.get("id")))
        if final is None:
            bad.append(f"{note.detail.get('name')} was not answered")
        elif final.word("status") != "succeeded":
            bad.append(f"{note.detail.get('name')}: {_told(final)}")
        else:
            took_s.append(final.at_s - note.at_s)
    what = f"commands answered, the slowest after {max(took_s, default=0):.2f} s"
    return judged(bad, len(took_s), what, NO_KEY)


def _told(m: Seen) -> str:
    return f"{m.word('status')} {m.word('code')} {m.word('text')}".strip()


@check("HC-081")
def in_order(t: Transcript) -> Finding:
    bad = []
    for command, replies in _commands(t).items():
        before = ""
        for m in replies:
            status = m.word("status")
            if status not in AFTER.get(before, ()):
                bad.append(f"command {command}: {status} after {before or 'nothing'}")
            before = status
    return judged(bad, len(_commands(t)), "commands answered in order", "no reply was seen")


@check("HC-082")
def named(t: Transcript) -> Finding:
    names = {str(n.detail.get("id")): n.detail.get("name") for n in t.noted("command")}
    found = [m for m in t.of("patrol.reply.v1") if m.word("command") in names]
    bad = [
        f"{m} answers {m.word('name')!r}, which was {names[m.word('command')]!r}"
        for m in found
        if m.word("name") != names[m.word("command")]
    ]
    return judged(bad, len(found), "replies that name their command", NO_KEY)


@check("HC-083")
def unsupported(t: Transcript) -> Finding:
    """The fastest of several counts: the way through the broker is not the unit's."""
    sent = _sent(t, "unsupported")
    if not sent:
        return not_run(NO_KEY)
    took_s = []
    for note in sent:
        final = _final(t, str(note.detail.get("id")))
        if final is None or final.word("code") != "unsupported":
            told = "nothing" if final is None else _told(final)
            return failed(f"{note.detail.get('name')}: {told}, not `rejected unsupported`")
        way_s = note.detail.get("way_s")
        took_s.append(final.at_s - note.at_s - (way_s if isinstance(way_s, float) else 0.0))
    text = f"refused after {1000 * max(0.0, min(took_s)):.0f} ms"
    return failed(text) if min(took_s) > UNSUPPORTED_WITHIN_S else passed(text)


def _refusal(case: str, codes: tuple[str, ...], lacking: str) -> Callable[[Transcript], Finding]:
    """A check that all commands of this case were rejected with one of these codes."""

    def judge(t: Transcript) -> Finding:
        sent = _sent(t, case)
        bad = []
        for note in sent:
            final = _final(t, str(note.detail.get("id")))
            if final is None:
                bad.append(f"a command that is {case.replace('_', ' ')} was not answered")
            elif final.word("status") not in ("rejected", "expired"):
                bad.append(f"a command that is {case.replace('_', ' ')}: {_told(final)}")
            elif final.word("code") not in codes:
                bad.append(f"refused as {final.word('code')}, not {codes[0]}")
        return judged(bad, len(sent), f"refused with {codes[0]}", lacking)

    return judge


# Rule, what is wrong with the command, the codes that fit, what the kit needs to send it.
REFUSALS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("HC-084", "expired", ("expired",), NO_KEY),
    ("HC-085", "retained", ("retained",), NO_KEY),
    ("HC-086", "wrong_unit", ("wrong_unit",), NO_KEY),
    ("HC-087", "invalid_arguments", ("invalid_arguments",), NO_KEY),
    ("HC-088", "bad_signature", ("bad_signature",), NO_KEY),
    ("HC-089", "unknown_key", ("unknown_key",), "no forged command was sent"),
    ("HC-090", "too_old", ("too_old",), NO_KEY),
    ("HC-091", "not_yet_valid", ("not_yet_valid",), NO_KEY),
    ("HC-092", "unsigned", ("unsigned",), "needs a unit that obeys signed commands only"),
)
for _rule, _case, _codes, _lacking in REFUSALS:
    _judge: Check = _refusal(_case, _codes, _lacking)
    check(_rule)(_judge)


@check("HC-093")
def garbage(t: Transcript) -> Finding:
    notes = t.noted("bad_commands")
    if not notes:
        return not_run("no garbage was sent")
    begun_s, until_s = notes[-1].at_s, notes[-1].at_s + ACTS_WITHIN_S
    after = [m for m in t.stored if begun_s < m.at_s <= until_s]
    if not after and t.ends_s < until_s:
        return not_run("the transcript ends too early")
    bad = [] if after else ["the unit is silent since"]
    return judged(bad, len(after), "messages soon after garbage on its command topic")


@check("HC-095")
def repeated(t: Transcript) -> Finding:
    bad, looked_at = [], 0
    for note in _sent(t, "repeat"):
        command = str(note.detail.get("id"))
        before = {m.id for m in t.replies(command) if m.at_s < note.at_s}
        first = _final(t, command)
        again = [m for m in t.replies(command) if m.at_s >= note.at_s and m.id not in before]
        looked_at += 1
        finals = [m for m in again if m.word("status") in FINAL]
        if not finals:
            bad.append("a repeated command was not answered")
        elif any(m.data.get("repeat") is not True for m in finals):
            bad.append("a repeated command was done again: its reply does not say `repeat`")
        elif first is not None and first.word("status") != finals[0].word("status"):
            bad.append(f"first {_told(first)}, repeated {_told(finals[0])}")
    return judged(bad, looked_at, "repeated commands answered from memory", NO_KEY)


def _states(t: Transcript, from_s: float, to_s: float) -> list[Seen]:
    """New states (no repeats) that came in this time."""
    return [m for m in t.of("patrol.state.v1") if from_s < m.at_s <= to_s]


@check("HC-096")
def rebirth(t: Transcript) -> Finding:
    bad, looked_at = [], 0
    for note in _sent(t, "rebirth"):
        looked_at += 1
        until_s = note.at_s + ACTS_WITHIN_S
        if not _states(t, note.at_s, until_s):
            bad.append("no new state after `rebirth`")
        elif not any(note.at_s < m.at_s <= until_s for m in t.of("patrol.health.v1")):
            bad.append("no new health after `rebirth`")
    return judged(bad, looked_at, "rebirths with state and health", NO_KEY)


@check("HC-097")
def acts_once(t: Transcript) -> Finding:
    """A `rebirth` that is repeated brings no second birth: no state that says the same again. One
    that says something new is of something that changed meanwhile."""
    bad, looked_at = [], 0
    said_before = {id(b): a.data for a, b in pairwise(t.of("patrol.state.v1"))}
    for note in _sent(t, "repeat"):
        if note.detail.get("name") == "rebirth":
            looked_at += 1
            came = _states(t, note.at_s, note.at_s + ACTS_WITHIN_S)
            if any(m.data == said_before.get(id(m)) for m in came):
                bad.append("a repeated `rebirth` was done a second time")
    return judged(bad, looked_at, "repeated commands done once", NO_KEY)


@check("HC-098")
def progress(t: Transcript) -> Finding:
    bad, looked_at = [], 0
    for command, replies in _commands(t).items():
        told = [m.data["progress"] for m in replies if isinstance(m.data.get("progress"), int)]
        looked_at += bool(told)
        if told != sorted(told):
            bad.append(f"command {command}: progress falls, {told[:8]}")
    return judged(bad, looked_at, "commands with progress", "no command told its progress")


@check("HC-099")
def capabilities(t: Transcript) -> Finding:
    states = [m for m in t.enveloped if m.leaf == "state"]
    if not states or not _commands(t):
        return not_run("needs a state, and replies")
    listed = states[-1].data.get("capabilities")
    can = {each for each in listed if isinstance(each, str)} if isinstance(listed, list) else set()
    bad = []
    for replies in _commands(t).values():
        name = replies[-1].word("name")
        code = replies[-1].word("code")
        if code == "unsupported" and name in can:
            bad.append(f"{name} is a capability, and refused as unsupported")
        if any(m.word("status") == "accepted" for m in replies) and name not in can:
            bad.append(f"{name} was accepted, and is no capability")
    return judged(bad, len(_commands(t)), "commands as the capabilities say")


@check("HC-100")
def nothing_for_forgeries(t: Transcript) -> Finding:
    """A forged `rebirth` brings no birth."""
    forged = [n for case in ("unknown_key", "bad_signature", "unsigned") for n in _sent(t, case)]
    bad = [
        f"a command that is {n.detail.get('case')} was obeyed"
        for n in forged
        if any(
            m.word("status") in ("accepted", "running", "succeeded")
            for m in t.replies(str(n.detail.get("id")))
        )
    ]
    return judged(bad, len(forged), "forged commands not obeyed", "no forged command was sent")
