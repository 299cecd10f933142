"""What the kit does to a unit, step by step, so that the checks have something to judge."""

from collections.abc import Callable
from dataclasses import dataclass

from telemetry.conformance.commander import Commander
from telemetry.conformance.observer import Observer
from telemetry.conformance.transcript import Seen
from telemetry.link.transport import (
    Connected,
    LinkOptions,
    Refused,
    Transport,
    TransportConfigError,
)

UNDER_WAY_S = 2.3  # after this a repeat cannot have been under way
AT_ONCE_S = 5.2
BACK_WITHIN_S = 31.0
WILL_S = 0.4  # between the cut and the will; units come back after half a second at the earliest
KEPT_S = 60  # what is left at the broker is forgotten after this, whatever becomes of the kit
BAD_ACKS = (
    b"",
    b"\x00\xff\xfe",
    b"[]",
    b"null",
    b'{"ids":"all"}',
    b'{"ids":["*"]}',
    b'{"up_to":-1}',
    b'{"up_to":"9999999"}',
    b'{"up_to":1e999}',
    b'{"up_to":true}',
    b'{"ids":[],"up_to":null}',
    b'{"ids":["019cc1b0-2200-7000-8000-00000000ffff"]}',
    b"[" * 5000,
    b'{"ids":[' + b'"x",' * 20_000 + b'"x"]}',
)


class SilentUnitError(Exception):
    """Nothing was heard from the unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the kit may do."""

    timeout_s: float = 75.0  # for what a unit does by itself: the first message, a repeat
    disturb: bool = False  # break the unit's connection, by its own client id
    tasks: bool = False  # assign a task, and cancel it
    watch_s: float = 0.0  # look on for so long: events happen when they happen


def run(
    observer: Observer,
    commander: Commander,
    plan: Plan,
    link: LinkOptions,
    another: Callable[[], Transport],
    tell: Callable[[str], None] = lambda _text: None,
) -> None:
    """The whole script. `another` makes a second transport, for --disturb; `tell` shows progress.

    Raises NoBrokerError, SilentUnitError.
    """
    tell("connecting")
    observer.connect(10.0)
    tell("waiting for the unit")
    if not observer.until(lambda: bool(observer.transcript.stored), plan.timeout_s):
        raise SilentUnitError(f"nothing new was heard from {observer.topics.unit}")
    tell("acknowledging nothing, until the unit repeats itself")
    withhold(observer, plan.timeout_s)
    tell("acknowledging late, by id, and beginning new sessions")
    acknowledge(observer)
    observer.acknowledging = True
    tell("commanding")
    commander.run(tasks=plan.tasks)
    if plan.disturb:
        tell("breaking the unit's connection")
        disturb(observer, commander, link, another)
    if plan.watch_s:
        tell(f"looking on for {plan.watch_s:.0f} s")
        observer.listen(plan.watch_s)
    tell("acknowledging all, and looking at what is retained")
    drain(observer)


def withhold(observer: Observer, timeout_s: float) -> None:
    """Leave everything unacknowledged until something comes again by itself."""
    observer.until(lambda: len(observer.transcript.first_of) >= 3, min(timeout_s, 15.0))
    seen = observer.transcript
    observer.until(lambda: len(seen.stored) > len(seen.first_of), timeout_s)


def acknowledge(observer: Observer) -> None:
    """By id and late; then nonsense; then by sequence, with a field that nobody knows."""
    seen = observer.transcript
    repeated = [n for n in seen.first_of if sum(m.sequence == n for m in seen.stored) > 1]
    chosen = (repeated or sorted(observer.pending()))[:1]
    observer.ack(ids=[seen.first_of[n].id for n in chosen])
    observer.listen(UNDER_WAY_S)
    new_session(observer)
    observer.note("bad_acks")
    for payload in BAD_ACKS:
        observer.say(observer.topics.ack, payload)
    observer.listen(0.5)
    new_session(observer)
    if seen.first_of:
        observer.ack(up_to=max(seen.first_of), conformance="a field of a later version")
    observer.listen(UNDER_WAY_S)
    new_session(observer)


def new_session(observer: Observer) -> None:
    """And hear what comes again with it."""
    begun_s, wanted = observer.now_s, observer.pending()
    observer.begin_session()

    def all_again() -> bool:
        came = observer.came_since(begun_s)
        born = any(m.leaf == "state" for m in came)
        return born and wanted <= {m.sequence for m in came}

    observer.until(all_again, AT_ONCE_S)
    observer.listen(0.5)


def disturb(
    observer: Observer, commander: Commander, link: LinkOptions, another: Callable[[], Transport]
) -> None:
    """Take the unit's client id for a moment: the broker drops the unit, and forgets its session.

    While it is away, an ack and a command are left for it as retained messages.
    """
    observer.acknowledging = False
    new_session(observer)
    observer.until(lambda: bool(observer.pending()), AT_ONCE_S)
    if not take_over(observer, link, another()):
        return
    try:
        come_back(observer, commander)
    finally:  # also when somebody is tired of waiting: nothing of ours may stay at the broker
        observer.say(observer.topics.ack, b"", retain=True)
        observer.say(observer.topics.command, b"", retain=True)
    observer.acknowledging = True


def come_back(observer: Observer, commander: Commander) -> None:
    """What the unit finds when it comes back, and what it makes of it."""
    cut_s = observer.now_s
    seen = observer.transcript
    # Without a will it may be there still, and what is left for it would be no retained message.
    if observer.until(lambda: bool(seen.statuses) and _is_will(seen.statuses[-1]), WILL_S):
        left = sorted(observer.pending())
        observer.note("retained_ack", sequences=left)
        ids = [seen.first_of[n].id for n in left]
        observer.say(observer.topics.ack, _ids(ids), retain=True, expiry_s=KEPT_S)
        commander.leave_retained()

    def back() -> bool:
        came = [m for m in seen.enveloped if m.at_s > cut_s and not m.retained]
        return any(m.leaf == "state" for m in came)

    observer.until(back, BACK_WITHIN_S)
    observer.listen(2.0)
    new_session(observer)


def _is_will(status: Seen) -> bool:
    return status.word("state") == "offline" and not status.retained


def _ids(ids: list[str]) -> bytes:
    return ('{"ids":["' + '","'.join(ids) + '"]}').encode() if ids else b'{"up_to":0}'


def take_over(observer: Observer, link: LinkOptions, transport: Transport) -> bool:
    """Whether the broker let it happen."""
    done: list[bool] = []
    observer.note("cutting")
    try:
        transport.start(link, observer.protocol, None)
    except TransportConfigError as error:
        observer.note("cut_refused", text=str(error))
        return False

    def heard() -> bool:
        transport.wait(0.05)
        for event in transport.events():
            if isinstance(event, Connected):
                observer.note("unit_cut")
                done.append(True)
            elif isinstance(event, Refused):
                observer.note("cut_refused", text=event.text)
                done.append(False)
        return bool(done)

    observer.until(heard, 10.0)
    transport.disconnect()
    for _ in range(20):
        if transport.idle:
            break
        transport.wait(0.02)
    transport.abandon()
    return done[:1] == [True]


def drain(observer: Observer) -> None:
    """Acknowledge all there is, then be given what is retained once more."""
    observer.acknowledging = True
    if left := sorted(observer.pending()):
        observer.ack(ids=[observer.transcript.first_of[n].id for n in left][:1000])
    new_session(observer)
    observer.listen(1.5)
    observer.subscribe()
    observer.listen(1.5)
