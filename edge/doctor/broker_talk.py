"""One short MQTT conversation with a broker, and what came of it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError

from config.language import said
from drivers.clock import Clock
from edge.doctor.case import Case
from telemetry.contract.down import HubState
from telemetry.contract.topics import UP_LEAVES, Leaf, Topics
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
    TransportError,
    WireMessage,
)

ANSWER_S = 10.0


@dataclass(slots=True)
class Talk:
    """What came of one connection."""

    reached_ms: float | None = None
    let_in_ms: float | None = None
    protocol: str = ""
    why: str = ""  # it ended
    cause: str = ""
    silent: bool = False  # neither let in nor refused
    sent_s: dict[int, tuple[Leaf, float]] = field(default_factory=dict)  # by token
    answered_ms: dict[Leaf, float] = field(default_factory=dict)
    refused: list[Leaf] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)  # topics
    hub: Literal["online", "offline"] | None = None  # as it says itself


def talked(case: Case, node: LinkOptions, protocol: str) -> Talk:
    """Raises TransportConfigError."""
    transport, talk, clock = open_transport("paho", protocol), Talk(), case.host.clock
    began_s = clock.mono_s()
    transport.start(node, "5" if protocol == "5" else "3.1.1", None)
    try:
        if _hear(transport, talk, clock, began_s, lambda: bool(talk.let_in_ms or talk.why)):
            if talk.let_in_ms is not None:
                _ask_rights(case, transport, talk)
                _hear(transport, talk, clock, began_s, lambda: not talk.sent_s or bool(talk.why))
        else:
            talk.silent = not talk.why
        with suppress(TransportError):
            transport.disconnect()
            transport.wait(0.1)
    finally:
        transport.abandon()
    return talk


def _ask_rights(case: Case, transport: Transport, talk: Talk) -> None:
    topics = Topics(case.settings.hub.root, case.settings.unit.id)
    try:
        transport.subscribe((topics.ack, topics.command, topics.hub_state))
        for leaf in UP_LEAVES:
            topic = topics.up(leaf) + ("/doctor" if leaf == "snapshot" else "")
            token = transport.publish(WireMessage(topic=topic, payload=b""))
            talk.sent_s[token] = leaf, case.host.clock.mono_s()
    except TransportError as error:
        talk.why = said(error)


def _hear(
    transport: Transport, talk: Talk, clock: Clock, began_s: float, enough: Callable[[], bool]
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


def _take(event: object, talk: Talk, now_s: float, began_s: float) -> None:
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
        case Arrived(topic=topic, payload=payload) if topic.endswith("/hub/state"):
            talk.hub = _state(payload)
        case _:
            pass


def _state(payload: bytes) -> Literal["online", "offline"] | None:
    try:
        return HubState.model_validate_json(payload).state
    except ValidationError:
        return None
