"""A broker's MQTT: let in, heard, allowed to say and hear what a unit must, and answered in time.

Under a client id of the doctor's own: with the unit's it would push a running unit off, and take
the orders that wait for it. Whether a topic may be written is asked with an empty message that is
not retained, which says nothing to anybody (docs/contract/rules.md).
"""

import statistics
from collections.abc import Iterator

from config.language import halves, said, tell
from edge.doctor.broker_talk import ANSWER_S, Talk, talked
from edge.doctor.case import Case
from edge.doctor.exhibit import Exhibit
from edge.doctor.line import Line, fault, none, ok, warning
from telemetry.contract.topics import UP_LEAVES, Topics
from telemetry.link.transport import LinkOptions, TransportConfigError

STEPS = ("login", "subscribe", "publish", "ack", "round trip", "hub")
SLOW_MS = 2000.0  # alerts are to be at the hub within seconds
LOGIN_CURE = tell(
    "check hub.username, hub.password_file or the certificate with the broker's people"
)
RIGHTS_CURE = tell(
    "give the unit's login these rights at the broker: systemd/mosquitto/patrol-edge.acl"
)


def examine(case: Case, node: LinkOptions) -> Iterator[Line]:
    try:
        talk = talked(case, node, "5" if case.settings.hub.protocol != "3.1.1" else "3.1.1")
        older = case.settings.hub.protocol == "auto" and talk.cause in ("protocol", "closed")
        if talk.let_in_ms is None and older:
            talk = talked(case, node, "3.1.1")
    except TransportConfigError as error:
        text, cure = halves(said(error))
        yield fault("broker_refuses", "login", text, cure or LOGIN_CURE)
        return
    if talk.let_in_ms is None:
        yield _not_let_in(talk)
        return
    told = tell(
        "let in within {took_ms:.0f} ms, {protocol}", took_ms=talk.let_in_ms, protocol=talk.protocol
    )
    yield ok("login", told)
    yield _subscribed(talk)
    yield _published(case, talk)
    yield from _acknowledged(talk)
    yield _hub(talk)


def _not_let_in(talk: Talk) -> Line:
    if talk.silent:
        text = tell(
            "it takes the connection, and does not answer within {limit_s:.0f} s", limit_s=ANSWER_S
        )
        cure = tell(
            "see that this is the port of an MQTT broker, and whether that hangs: restart it"
        )
        return fault("broker_mute", "login", text, cure)
    why, what_to_do = halves(talk.why)
    return fault("broker_refuses", "login", why or tell("no answer"), what_to_do or LOGIN_CURE)


def _subscribed(talk: Talk) -> Line:
    if talk.unheard:
        text = tell("it may not hear {topics}", topics=", ".join(talk.unheard))
        return fault("topic_unheard", "subscribe", text, RIGHTS_CURE)
    return ok("subscribe", tell("acknowledgements and commands"))


def _published(case: Case, talk: Talk) -> Line:
    topics = Topics(case.settings.hub.root, case.settings.unit.id)
    if talk.refused:
        names = ", ".join(topics.up(leaf) for leaf in talk.refused)
        text = tell("it may not write {topics}", topics=names)
        return fault("message_refused", "publish", text, RIGHTS_CURE)
    if talk.sent_s:
        return none("publish", tell("it did not answer"))
    if talk.protocol == "MQTT 5":
        return ok("publish", tell("all {count} of its topics", count=len(UP_LEAVES)))
    return none("publish", tell("MQTT 3.1.1 does not tell; `patrol-edge hub` shows what arrives"))


def _acknowledged(talk: Talk) -> Iterator[Line]:
    if not talk.answered_ms:
        text: str = tell("no message is acknowledged within {limit_s:.0f} s", limit_s=ANSWER_S)
        if talk.why:
            text = tell("{text}; {why}", text=text, why=talk.why)
        cure = tell("see the broker's log: is its disk full, does it hang? Restart it")
        yield fault("delivery_stalled", "ack", text, cure)
        return
    count, all_of = len(talk.answered_ms), len(talk.answered_ms) + len(talk.sent_s)
    yield ok("ack", tell("{count} of {wanted} messages acknowledged", count=count, wanted=all_of))
    times_ms = tuple(talk.answered_ms.values())
    middle_ms = statistics.median(times_ms)
    text = tell("a message is acknowledged within {middle_ms:.0f} ms", middle_ms=middle_ms)
    if middle_ms > SLOW_MS:
        cure = tell("look for a better place or link: signal, load")
        yield warning("link_slow", "round trip", text, cure)
    else:
        yield ok("round trip", text, Exhibit(series=times_ms, series_unit="ms"))


def _hub(talk: Talk) -> Line:
    if talk.hub == "online":
        return ok("hub", tell("it says that it is there"))
    if talk.hub == "offline":
        text = tell("it said that it is gone: what the unit sends waits with the broker")
        return warning("hub_gone", "hub", text, tell("call the hub's people: is it switched off?"))
    return none("hub", tell("no hub has said at this broker that it is there"))
