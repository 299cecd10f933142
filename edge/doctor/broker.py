"""The broker: reached, let in, answered in time, and allowed to say and hear what a unit must.

Under a client id of the doctor's own: with the unit's it would push a running unit off, and take
the orders that wait for it. Whether a topic may be written is asked with an empty message that is
not retained, which says nothing to anybody (docs/contract/rules.md).
"""

import statistics
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.certificates import CertificateError, doubts, read_certificate
from config.errors import ConfigError
from config.secrets import SecretFileError
from drivers.clock import Clock
from edge.doctor.case import Case
from edge.doctor.line import Line, fault, none, of_finding, ok
from edge.reporting.delivery_findings import identity_findings
from telemetry.contract.topics import UP_LEAVES, Topics
from telemetry.link.libraries import open_transport
from telemetry.link.transport import (
    Acknowledged,
    Arrived,
    Connected,
    LinkOptions,
    Lost,
    Reached,
    Refused,
    SubscriptionRefused,
    Transport,
    TransportConfigError,
    TransportError,
    WireMessage,
    link_options,
)

ANSWER_S = 10.0
SLOW_MS = 2000.0  # alerts are to be at the hub within seconds
REACH_CURE = "check hub.url, the network (`ping`), and that the broker runs and is let through"
RIGHTS_CURE = "give the unit's login these rights at the broker: systemd/mosquitto/patrol-edge.acl"


@dataclass(slots=True)
class _Talk:
    """What came of one connection."""

    reached_ms: float | None = None
    let_in_ms: float | None = None
    protocol: str = ""
    why: str = ""  # it ended
    cause: str = ""
    sent_s: dict[int, tuple[str, float]] = field(default_factory=dict)  # by token
    answered_ms: dict[str, float] = field(default_factory=dict)  # by leaf
    refused: list[str] = field(default_factory=list)  # leaves
    unheard: list[str] = field(default_factory=list)  # topics
    hub_heard: bool = False


def examine(case: Case) -> Iterator[Line]:
    yield from _certificate(case)
    link, unit = case.settings.hub, case.settings.unit.id
    options = replace(link_options(link, f"{unit}-doctor"), clean_start=True, session_expiry_s=0)
    for node in options.nodes():
        yield from _node(case, node)
    if case.unit is not None:
        yield _of_unit(case)


def _certificate(case: Case) -> Iterator[Line]:
    tls = case.settings.hub.tls
    if tls.cert is None:
        return
    try:
        found = identity_findings(doubts(case.settings, case.host.clock.utc()))
    except (OSError, ConfigError) as error:
        cure = "see to the file and its rights; run the doctor as the service's user"
        yield fault("certificate_wrong", "certificate", str(error), cure)
        return
    yield from [of_finding(each) for each in found] or [ok("certificate", _valid(tls.cert))]


def _valid(path: Path) -> str:
    """Its dates were read a moment ago."""
    try:
        return f"valid until {read_certificate(path).not_after:%Y-%m-%d}"
    except (OSError, CertificateError, SecretFileError):
        return "valid"


def _node(case: Case, node: LinkOptions) -> Iterator[Line]:
    name = node.address
    try:
        talk = _talked(case, node, "5" if case.settings.hub.protocol != "3.1.1" else "3.1.1")
        older = case.settings.hub.protocol == "auto" and talk.cause in ("protocol", "closed")
        if talk.let_in_ms is None and older:
            talk = _talked(case, node, "3.1.1")
    except TransportConfigError as error:
        text, _, cure = str(error).partition("; ")
        yield fault("link_down", name, text, cure or REACH_CURE)
        return
    if talk.let_in_ms is None:
        text, check, cure = talk.why.partition(": check ")
        cure = f"check {cure}" if check else REACH_CURE
        yield fault("link_down", name, text or "no answer", cure)
        return
    secure = "TLS" if node.tls else "without TLS"
    yield ok(name, f"reached in {talk.reached_ms or 0:.0f} ms ({secure}), let in, {talk.protocol}")
    yield _round_trip(talk)
    yield from _rights(case, talk)
    if not talk.hub_heard:
        yield none("hub", "no hub has said at this broker that it is there")


def _round_trip(talk: _Talk) -> Line:
    if not talk.answered_ms:
        text = f"a message is not acknowledged within {ANSWER_S:.0f} s"
        return fault("delivery_stalled", "round trip", text, REACH_CURE)
    middle = statistics.median(talk.answered_ms.values())
    text = f"a message is acknowledged within {middle:.0f} ms"
    if middle > SLOW_MS:
        return fault(
            "link_slow", "round trip", text, "look for a better place or link: signal, load"
        )
    return ok("round trip", text)


def _rights(case: Case, talk: _Talk) -> Iterator[Line]:
    topics = Topics(case.settings.hub.root, case.settings.unit.id)
    if talk.refused:
        text = f"it may not write {', '.join(topics.up(leaf) for leaf in talk.refused)}"  # type: ignore[arg-type]
        yield fault("message_refused", "may write", text, RIGHTS_CURE)
    elif talk.sent_s:
        yield none("may write", "it did not answer")
    elif talk.protocol == "MQTT 5":
        yield ok("may write", f"all {len(UP_LEAVES)} of its topics")
    else:
        yield none("may write", "MQTT 3.1.1 does not tell; `patrol-edge hub` shows what arrives")
    if talk.unheard:
        text = f"it may not hear {', '.join(talk.unheard)}"
        yield fault("topic_unheard", "may hear", text, RIGHTS_CURE)
    else:
        yield ok("may hear", "acknowledgements and commands")


def _of_unit(case: Case) -> Line:
    link = {} if case.unit is None else case.unit.facts.get("link", {})
    found = [] if case.unit is None else case.unit.take("link_down", "delivery_stalled")
    if found:
        return replace(found[0], name="the unit")
    waiting = link.get("unacked", 0)
    return ok(
        "the unit", f"connected, {link.get('acked', 0)} messages delivered, {waiting} under way"
    )


# --- one connection ---


def _talked(case: Case, node: LinkOptions, protocol: str) -> _Talk:
    """Raises TransportConfigError."""
    transport, talk, clock = open_transport("paho", protocol), _Talk(), case.host.clock
    began_s = clock.mono_s()
    transport.start(node, "5" if protocol == "5" else "3.1.1", None)
    try:
        if _hear(transport, talk, clock, began_s, lambda: bool(talk.let_in_ms or talk.why)):
            if talk.let_in_ms is not None:
                _ask_rights(case, transport, talk)
                _hear(transport, talk, clock, began_s, lambda: not talk.sent_s or bool(talk.why))
        elif not talk.why:
            talk.why = f"{node.address} does not answer within {ANSWER_S:.0f} s"
        with suppress(TransportError):
            transport.disconnect()
            transport.wait(0.1)
    finally:
        transport.abandon()
    return talk


def _ask_rights(case: Case, transport: Transport, talk: _Talk) -> None:
    topics = Topics(case.settings.hub.root, case.settings.unit.id)
    try:
        transport.subscribe((topics.ack, topics.command, topics.hub_state))
        for leaf in UP_LEAVES:
            topic = topics.up(leaf) + ("/doctor" if leaf == "snapshot" else "")
            token = transport.publish(WireMessage(topic=topic, payload=b""))
            talk.sent_s[token] = leaf, case.host.clock.mono_s()
    except TransportError as error:
        talk.why = str(error)


def _hear(
    transport: Transport, talk: _Talk, clock: Clock, began_s: float, enough: Callable[[], bool]
) -> bool:
    """Until there is enough; False where that takes too long."""
    ends_s = clock.mono_s() + ANSWER_S
    while not enough():
        if clock.mono_s() >= ends_s:
            return False
        transport.wait(0.1)
        for event in transport.events():
            _take(event, talk, clock.mono_s(), began_s)
    return True


def _take(event: object, talk: _Talk, now_s: float, began_s: float) -> None:
    match event:
        case Reached():
            talk.reached_ms = (now_s - began_s) * 1e3
        case Connected(protocol=protocol):
            talk.let_in_ms, talk.protocol = (now_s - began_s) * 1e3, f"MQTT {protocol}"
        case Refused(cause, text):
            talk.why, talk.cause = text, cause
        case Lost(text):
            talk.why = text
        case Acknowledged() if event.token in talk.sent_s:
            leaf, sent_s = talk.sent_s.pop(event.token)
            talk.answered_ms[leaf] = (now_s - sent_s) * 1e3
            if not event.taken:
                talk.refused.append(leaf)
        case SubscriptionRefused(topic):
            talk.unheard.append(topic)
        case Arrived(topic=topic) if topic.endswith("/hub/state"):
            talk.hub_heard = True
        case _:
            pass
