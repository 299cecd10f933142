"""The envelope, the data in it, and how the messages lie on their topics."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from telemetry.conformance.finding import Finding, check, failed, judged, not_run
from telemetry.conformance.transcript import Seen, Transcript
from telemetry.contract.envelope import (
    CONTENT_TYPE,
    MAX_MESSAGE_BYTES,
    BadMessageError,
    Envelope,
    read_down,
    read_up,
    schema_id,
)
from telemetry.contract.registry import BY_TYPE
from telemetry.contract.tasks import OTHER_KINDS_PRIORITY, PRIORITY_OF_KIND, TaskEvent
from telemetry.contract.topics import RETAINED_LEAVES, UP_LEAVES
from telemetry.hub.pictures import why_no_picture

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
PRIORITIES = {
    "patrol.event.sos.v1": 0,
    "patrol.event.task.v1": 0,
    "patrol.event.detection.v1": 1,
    "patrol.event.alert.v1": 1,
    "patrol.event.count.v1": 2,
    "patrol.event.search_progress.v1": 2,
    "patrol.event.tamper.v1": 1,
    "patrol.event.geofence.v1": 1,
    "patrol.event.duty.v1": 1,
    "patrol.reply.v1": 1,
    "patrol.state.v1": 2,
    "patrol.position.v1": 3,
    "patrol.health.v1": 4,
}
OF_KIND = {str(kind): number for kind, number in PRIORITY_OF_KIND.items()}
# Whoever a person is, and what he is like: none of it may leave a unit, under whatever name.
IDENTITY = re.compile(
    r"(^|_)(face|person_id|identity|id_card|id_number|passport|ethnicity|race|gender|sex|age_years|"
    r"emotion|mood|gait|biometric|embedding|person_name|plate|licence_plate|license_plate)(_|$)"
)


def each(what: str, wrong: Callable[[Seen], str]) -> Callable[[Transcript], Finding]:
    """A check of every message with an envelope: `wrong` says what is wrong with one, or ''."""

    def judge(t: Transcript) -> Finding:
        bad = [f"{message}: {text}" for message in t.enveloped if (text := wrong(message))]
        return judged(bad, len(t.enveloped), what, "nothing was heard from the unit")

    return judge


@check("HC-001")
def envelope(t: Transcript) -> Finding:
    def wrong(message: Seen) -> str:
        try:
            read_down(Envelope, message.payload)
        except BadMessageError as error:
            return str(error)
        return ""

    return each("messages with a whole envelope", wrong)(t)


@check("HC-002")
def data(t: Transcript) -> Finding:
    def wrong(message: Seen) -> str:
        try:
            read_up(message.payload)
        except BadMessageError as error:
            return str(error)
        return ""

    return each("messages with data as their schema says", wrong)(t)


@check("HC-003")
def source(t: Transcript) -> Finding:
    wanted = f"/units/{t.unit}"

    def wrong(message: Seen) -> str:
        found = message.text("source")
        return "" if found == wanted else f"source {found!r} is not {wanted}"

    return each("messages name their unit", wrong)(t)


@check("HC-004")
def leaf(t: Transcript) -> Finding:
    def wrong(message: Seen) -> str:
        model = BY_TYPE.get(message.type)
        if model is None or message.leaf == model.LEAF:
            return ""
        return f"{message.type} belongs on {model.LEAF}"

    return each("messages on the topic of their type", wrong)(t)


@check("HC-005")
def content_type(t: Transcript) -> Finding:
    if t.enveloped and all(message.content_type is None for message in t.enveloped):
        if any(note.detail.get("protocol") == "5" for note in t.noted("connected")):
            return failed("no message carries a content type, over MQTT 5")
        return not_run("needs MQTT 5, and a record that keeps its properties")

    def wrong(message: Seen) -> str:
        found = message.content_type
        return "" if found == CONTENT_TYPE else f"content type {found!r}"

    return each(f"messages as {CONTENT_TYPE}", wrong)(t)


@check("HC-006")
def dataschema(t: Transcript) -> Finding:
    def wrong(message: Seen) -> str:
        found = message.text("dataschema")
        return "" if found == schema_id(message.type) else f"dataschema {found!r}"

    return each("messages name their schema", wrong)(t)


@check("HC-007")
def ids(t: Transcript) -> Finding:
    owner: dict[str, str] = {}
    bad = []
    for message in t.enveloped:
        name = message.text("sequence") or f"{message.leaf} {message.text('time')}"
        if not _UUID7.fullmatch(message.id):
            bad.append(f"{message}: id {message.id[:40]!r} is no UUIDv7")
        elif owner.setdefault(message.id, name) != name:
            bad.append(f"{message}: its id is also that of {owner[message.id]}")
    return judged(bad, len(owner), "ids, each of one message", "nothing was heard from the unit")


@check("HC-008")
def times(t: Transcript) -> Finding:
    def wrong(message: Seen) -> str:
        for key in ("time", "senttime"):
            if not _TIME.fullmatch(message.text(key)):
                return f"{key} {message.text(key)[:40]!r} is not RFC 3339 in UTC with ms"
        return ""

    return each("messages with time and senttime", wrong)(t)


@check("HC-009")
def size(t: Transcript) -> Finding:
    def wrong(message: Seen) -> str:
        found = len(message.payload)
        return f"{found} bytes" if found > MAX_MESSAGE_BYTES else ""

    return each(f"messages of at most {MAX_MESSAGE_BYTES // 1024} KiB", wrong)(t)


@check("HC-010")
def no_nulls(t: Transcript) -> Finding:
    def wrong(message: Seen) -> str:
        return next(
            (f"{path} is null" for path, value in _leaves(message.json) if value is None), ""
        )

    return each("messages that leave out what is not known", wrong)(t)


def _leaves(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All values that hold no others, with where they stand."""
    if isinstance(part, dict | list) and part:
        pairs = part.items() if isinstance(part, dict) else enumerate(part)
        for key, value in pairs:
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, part


@check("HC-011")
def privacy(t: Transcript) -> Finding:
    def wrong(message: Seen) -> str:
        keys = (word for path, _ in _leaves(message.data) for word in path.split("."))
        return next((f"has {word}" for word in keys if IDENTITY.search(word.lower())), "")

    return each("messages without who a person is", wrong)(t)


@check("HC-012")
def priorities(t: Transcript) -> Finding:
    def wrong(message: Seen) -> str:
        wanted, found = PRIORITIES.get(message.type), message.json.get("priority")
        if message.type == TaskEvent.TYPE:
            wanted = OF_KIND.get(message.word("kind"), OTHER_KINDS_PRIORITY)
        return "" if wanted in (None, found) else f"priority {found}; {message.type} has {wanted}"

    return each("messages with the priority of their type", wrong)(t)


@check("HC-013")
def topics(t: Transcript) -> Finding:
    bad = [f"publishes to {m.topic}" for m in t.seen if m.leaf not in UP_LEAVES]
    return judged(bad, len(t.seen), "messages on topics of the contract", "nothing was heard")


# --- retained, and how it is sent ---


def _looked_for_retained(t: Transcript) -> bool:
    """A subscription after the unit has spoken shows what lies at the broker."""
    return any(note.at_s > t.seen[0].at_s for note in t.noted("subscribed")) if t.seen else False


@check("HC-014")
def retained(t: Transcript) -> Finding:
    if not _looked_for_retained(t):
        return not_run("needs a second subscription, after the unit has spoken")
    last_s = t.noted("subscribed")[-1].at_s
    spoke = {m.leaf for m in t.seen if m.at_s < last_s} & RETAINED_LEAVES
    kept = {m.leaf for m in t.seen if m.retained and m.at_s >= last_s}
    bad = [f"no {leaf} lies at the broker, though one was sent" for leaf in sorted(spoke - kept)]
    return judged(bad, len(spoke), "kinds of message retained: " + ", ".join(sorted(spoke)))


@check("HC-015")
def not_retained(t: Transcript) -> Finding:
    bad = [f"{m} is retained" for m in t.seen if m.retained and m.leaf not in RETAINED_LEAVES]
    if bad or _looked_for_retained(t):
        return judged(bad, 1, "look at the broker: no event, position, reply or picture kept")
    return not_run("needs a second subscription, after the unit has spoken")


@check("HC-016")
def retained_is_newest(t: Transcript) -> Finding:
    bad, looked_at = [], 0
    for kind in sorted(RETAINED_LEAVES - {"status"}):
        came = [m for m in t.stored if m.leaf == kind]
        kept = [m for m in t.enveloped if m.retained and m.leaf == kind]
        if not kept or not came or kept[-1].sequence is None:
            continue
        looked_at += 1
        before = [m.sequence or 0 for m in came if m.at_s < kept[-1].at_s - 1.0]
        if before and (kept[-1].sequence or 0) < max(before):
            bad.append(f"{kind} #{kept[-1].sequence} is retained, though #{max(before)} came")
    return judged(bad, looked_at, "retained messages are the newest", "no retained state or health")


@check("HC-017")
def qos(t: Transcript) -> Finding:
    bad = [f"{m} came with QoS {m.qos}" for m in t.seen if m.qos != 1 and not m.retained]
    return judged(bad, len(t.seen), "messages with QoS 1", "nothing was heard from the unit")


@check("HC-018")
def pictures(t: Transcript) -> Finding:
    found = [m for m in t.seen if m.leaf == "snapshot"]
    bad = [f"{m}: {text}" for m in found if (text := _picture_wrong(m))]
    return judged(bad, len(found), "pictures", "no picture was sent")


def _picture_wrong(message: Seen) -> str:
    return why_no_picture(message.topic, message.payload, message.user_properties)


@check("HC-025")
def redaction(t: Transcript) -> Finding:
    told = [m for m in t.seen if m.leaf == "snapshot" and "redacted" in dict(m.user_properties)]
    of_events = {m.word("episode") for m in t.enveloped if m.leaf == "event"}
    bad = [
        f"{m} belongs to an event, and is not redacted"
        for m in told
        if dict(m.user_properties)["redacted"] != "true" and m.topic.rpartition("/")[2] in of_events
    ]
    return judged(bad, len(told), "pictures that say what is covered", "no picture said it")


@check("HC-019")
def version(t: Transcript) -> Finding:
    bad = [
        f"{m}: contract {m.word('contract')!r}"
        for m in t.statuses
        if not m.word("contract").startswith("1.")
    ]
    return judged(bad, len(t.statuses), "status messages of contract 1", "no status was heard")
