"""What an intruder with one good certificate, or none, tries on a broker.

Each attack yields what it tried and whether it got through. "Through" is what others hear, or what
the intruder hears, never what the broker answered: mosquitto grants subscriptions that it does not
serve.
"""

import itertools
import random
import re
import ssl
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.x509.oid import ExtendedKeyUsageOID

from telemetry.contract.topics import UP_LEAVES, up_filters
from tests.access import Authority
from tests.raw_mqtt import RawClient

ROOT = "patrol/v1"
INTRUDER, VICTIM = "dog-1", "dog-2"
DESK = "hub-desk"
UP = tuple(leaf if leaf != "snapshot" else "snapshot/e-1" for leaf in UP_LEAVES)
DOWN = ("ack", "command")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Tried:
    what: str
    through: bool


def token() -> bytes:
    """A payload that nothing else has."""
    return f"token-{next(_numbers)}".encode()


class Ground:
    """A broker, and somebody who hears everything that it took. Attacks come from `INTRUDER`."""

    def __init__(self, port: int, authority: Authority) -> None:
        self.port = port
        self.authority = authority
        self.observer = self.client("observer")
        assert self.observer.accepted
        self.observer.subscribe("#")

    def client(
        self, name: str, client_id: str | None = None, will: tuple[str, bytes] | None = None
    ) -> RawClient:
        context = self.authority.context(name)
        return RawClient(self.port, context, client_id or name, will=will)

    def intruder(self, will: tuple[str, bytes] | None = None) -> RawClient:
        """It calls itself by the victim's name: what counts shall be the certificate."""
        return self.client(INTRUDER, VICTIM, will)

    def heard_by_observer(self, payload: bytes) -> bool:
        self.observer.settle()
        del self.observer.heard[:-1000]  # a night is long
        return any(each.payload == payload for each in self.observer.heard)

    def close(self) -> None:
        self.observer.drop()


def forbidden_topics() -> list[str]:
    """Where `INTRUDER` has no business."""
    others = [f"{ROOT}/{VICTIM}/{leaf}" for leaf in (*UP, *DOWN)]
    own_down = [f"{ROOT}/{INTRUDER}/{leaf}" for leaf in DOWN]
    odd = (
        "hub/state", "hub/status", "hub/command", "", "/event", f"{INTRUDER}", f"{INTRUDER}/",
        f"{INTRUDER}/event/", f"{INTRUDER}/event/x", f"{INTRUDER}/snapshot",
        f"{INTRUDER}/snapshot/a/b", f"{INTRUDER} /event", f"{INTRUDER.upper()}/event",
        f"{INTRUDER}//event", f"{INTRUDER}/../{VICTIM}/event", "%u/event", "%c/event",
    )  # fmt: skip
    foreign = (
        "other/root/dog-1/event", f"/{ROOT}/{INTRUDER}/event", f"{ROOT.upper()}/{INTRUDER}/event",
        "partner/v1/acme/report/x", "partner/v1/all/shared/x", "$SYS/broker/x", "$CONTROL/x",
        "$CONTROL/dynamic-security/v1", f"$share/g/{ROOT}/{VICTIM}/event", "event",
    )  # fmt: skip
    return [*others, *own_down, *(f"{ROOT}/{each}" for each in odd), *foreign]


def writes(ground: Ground) -> Iterator[Tried]:
    """Publish where others speak, kept and not kept."""
    intruder = ground.intruder()
    for topic in forbidden_topics():
        for retain in (False, True):
            payload = token()
            if intruder.publish(topic, payload, retain=retain) is None:  # the broker hung up
                intruder.drop()
                intruder = ground.intruder()
            kept = " retained" if retain else ""
            yield Tried(f"publish{kept} {topic!r}", ground.heard_by_observer(payload))
    for wildcard in (f"{ROOT}/+/event", f"{ROOT}/#", f"{ROOT}/{VICTIM}/+"):
        payload = token()
        intruder.publish(wildcard, payload)
        yield Tried(f"publish {wildcard!r}", ground.heard_by_observer(payload))
        intruder.drop()
        intruder = ground.intruder()
    intruder.drop()


def wills(ground: Ground) -> Iterator[Tried]:
    """Leave a Last Will on somebody else's topic, and die."""
    own = f"{ROOT}/{INTRUDER}/status"
    for topic in (*(f"{ROOT}/{VICTIM}/{leaf}" for leaf in (*UP, *DOWN)), f"{ROOT}/hub/state"):
        payload = token()
        ground.intruder(will=(topic, payload)).drop()
        # The will of a second, allowed one is heard: then the first would have been, too.
        allowed = token()
        ground.intruder(will=(own, allowed)).drop()
        for _ in range(2000):
            if ground.heard_by_observer(allowed):
                break
        else:
            raise AssertionError("the broker publishes no Last Will at all")
        yield Tried(f"will {topic!r}", ground.heard_by_observer(payload))


def reads(ground: Ground) -> Iterator[Tried]:
    """Subscribe to what is not one's own, in every way there is; then everybody speaks."""
    spoken = [f"{ROOT}/{VICTIM}/{leaf}" for leaf in (*UP, *DOWN)]
    spoken += [f"{ROOT}/{INTRUDER}/{leaf}" for leaf in UP]
    spoken += ["partner/v1/acme/shared/x", "partner/v1/all/shared/x", "other/x"]
    mine = {f"{ROOT}/{INTRUDER}/{leaf}" for leaf in DOWN} | {f"{ROOT}/hub/state"}
    for topic in spoken:  # and what lies there already
        ground.observer.publish(topic, token(), retain=True)
    plain = [
        *spoken, f"{ROOT}/{VICTIM}/#", f"{ROOT}/{VICTIM}/+", f"{ROOT}/+/event", f"{ROOT}/+/command",
        f"{ROOT}/#", f"{ROOT}/+/+", f"{ROOT}/+/snapshot/+", "#", "+/#", "+/+/+/+", "+/+/+/+/+",
        f"+/+/{VICTIM}/#", "/#", "$SYS/#", "$SYS/broker/clients/connected", "$CONTROL/#",
        "partner/#", "partner/v1/+/shared/#",
    ]  # fmt: skip
    shared = [f"$share/g/{topic}" for topic in plain if not topic.startswith(("$", "/"))]
    for wanted in (*plain, *shared):
        intruder = ground.intruder()
        intruder.subscribe(wanted)
        for topic in (*spoken, *mine):
            ground.observer.publish(topic, token())
        intruder.settle()
        got = {each.topic for each in intruder.heard} - mine
        yield Tried(f"subscribe {wanted!r} hears {sorted(got)}", bool(got))
        intruder.drop()
    for topic in spoken:
        ground.observer.publish(topic, b"", retain=True)


PIECES = (
    "patrol", "v1", "patrol/v1", "patrol/v1/dog-1", "patrol/v1/dog-2", "dog-1", "dog-2", "hub", "+",
    "#", "", "x", "$share/g", "$SYS", "%u", "partner/v1", "shared", "report", *UP, *DOWN, "state",
)  # fmt: skip
OWN = re.compile(rf"{ROOT}/{INTRUDER}/({'|'.join(UP_LEAVES[:-1])}|snapshot/[^/+#]*)")


def at_random(ground: Ground, count: int) -> Iterator[Tried]:
    """Topics and filters from the pieces of true ones, in any order; the same ones each time."""
    dice = random.Random(7)
    spoken = [f"{ROOT}/{VICTIM}/{leaf}" for leaf in (*UP, *DOWN)]
    mine = {f"{ROOT}/{INTRUDER}/{leaf}" for leaf in DOWN} | {f"{ROOT}/hub/state"}
    intruder = ground.intruder()
    for number in range(count):
        topic = "/".join(dice.choices(PIECES, k=dice.randint(1, 6)))
        payload = token()
        taken = intruder.publish(topic, payload, retain=bool(number % 2))
        foreign = OWN.fullmatch(topic) is None
        yield Tried(f"publish {topic!r}", foreign and ground.heard_by_observer(payload))
        if taken is None or intruder.subscribe(topic) is None:
            intruder.drop()
            intruder = ground.intruder()
        if number % 10 == 9:  # all filters so far are in force
            for each in (*spoken, *mine):
                ground.observer.publish(each, token())
            if not intruder.settle():
                intruder = ground.intruder()
            got = {each.topic for each in intruder.heard} - mine
            yield Tried(f"subscribed at random, hears {sorted(got)}", bool(got))
            intruder.heard.clear()
    intruder.drop()


def takeovers(ground: Ground) -> Iterator[Tried]:
    """Push the victim, and the hub, off by their client ids; inherit a session that waits."""
    for name in (VICTIM, "hub"):
        victim = ground.client(name)
        for client_id in (name, f"{name} ", name.upper(), f"{name}/x"):
            context = ground.authority.context(INTRUDER)
            with RawClient(ground.port, context, client_id, username=name) as intruder:
                intruder.settle()
                yield Tried(f"take over {name} as {client_id!r}", not victim.settle())
        victim.drop()
    asleep = RawClient(ground.port, ground.authority.context(VICTIM), VICTIM, clean=False)
    asleep.subscribe(f"{ROOT}/{VICTIM}/command")
    asleep.drop()
    context = ground.authority.context(INTRUDER)
    with RawClient(ground.port, context, VICTIM, clean=False) as intruder:
        ground.observer.publish(f"{ROOT}/{VICTIM}/command", token())
        intruder.settle()
        yield Tried("inherit a session", bool(intruder.heard))


def odd_names(ground: Ground) -> Iterator[Tried]:
    """Certificates of the right authority with names that it should never have signed."""
    names = (
        "+", "#", "+/#", "", f"{VICTIM}/", f"{VICTIM}/x", f"{VICTIM}/snapshot", f"/{VICTIM}",
        "hub/x", f"{VICTIM}\x00", f"{VICTIM}\n", f"{VICTIM} ", VICTIM.upper(), "%u", "%c", "$SYS",
        f"+/{VICTIM}", f"{VICTIM}/+", f"{VICTIM}/#",
    )  # fmt: skip
    hub = ground.client("hub")
    for wanted in up_filters(ROOT, None):
        hub.subscribe(wanted)
    for name in (*((name,) for name in names), (INTRUDER, VICTIM), (INTRUDER, "hub")):
        file = ground.authority.forge("odd", name if name != ("",) else ())
        yield from _with_odd_name(ground, hub, file, name)
    hub.drop()


def _with_odd_name(
    ground: Ground, hub: RawClient, file: str, name: tuple[str, ...]
) -> Iterator[Tried]:
    topics = [f"{ROOT}/{who}/{leaf}" for who in (VICTIM, name[0]) for leaf in (*UP, *DOWN)]
    for topic in topics:
        payload = token()
        try:
            with ground.client(file, VICTIM) as intruder:
                intruder.publish(topic, payload)
        except (OSError, UnicodeEncodeError):
            pass
        hub.settle()
        to_hub = any(
            each.payload == payload and each.topic.startswith(f"{ROOT}/{VICTIM}/")
            for each in hub.heard
        )
        to_victim = topic.startswith(f"{ROOT}/{VICTIM}/") and topic.endswith(DOWN)
        as_victim = to_hub or (ground.heard_by_observer(payload) and to_victim)
        yield Tried(f"CN {name!r} publishes {topic!r}", as_victim)
    with ground.client(file, VICTIM) as intruder:
        for wanted in (f"{ROOT}/{VICTIM}/command", f"{ROOT}/+/command", "#"):
            if not intruder.accepted:
                break
            intruder.subscribe(wanted)
        ground.observer.publish(f"{ROOT}/{VICTIM}/command", token())
        intruder.settle()
        got = {each.topic for each in intruder.heard}
        yield Tried(f"CN {name!r} hears {sorted(got)}", f"{ROOT}/{VICTIM}/command" in got)


def strangers(port: int, authority: Authority, stranger: Authority) -> Iterator[Tried]:
    """Who has no certificate that counts."""
    authority.forge("expired", ["hub"], days=(-10, -1))
    authority.forge("early", ["hub"], days=(1, 10))
    authority.forge("self", ["hub"], self_signed=True)
    authority.forge("server", ["hub"], usage=ExtendedKeyUsageOID.SERVER_AUTH)
    contexts: dict[str, ssl.SSLContext | None] = {
        "plain TCP": None,
        "no certificate": authority.context(None),
        "another authority": stranger.context("hub", ca=authority.ca),
        "TLS 1.1": _old_tls(authority),
    }
    for name in ("expired", "early", "self", "server", "broker"):
        contexts[f"certificate: {name}"] = authority.context(name)
    for what, context in contexts.items():
        for client_id, username in (("hub", "hub"), (VICTIM, None), ("", None)):
            yield Tried(f"{what} as {client_id!r}", _gets_in(port, context, client_id, username))


def _old_tls(authority: Authority) -> ssl.SSLContext:
    """A good certificate, in a version of TLS that is not good any more (RFC 8996)."""
    context = authority.context("hub")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def _gets_in(
    port: int, context: ssl.SSLContext | None, client_id: str, username: str | None
) -> bool:
    try:
        with RawClient(port, context, client_id, username=username) as client:
            return client.accepted
    except OSError:
        return False


def desk_writes(ground: Ground) -> Iterator[Tried]:
    """Who may command by hand is not the hub: it acknowledges nothing, and is no unit."""
    desk = ground.client(DESK)
    for topic in (*(f"{ROOT}/{VICTIM}/{leaf}" for leaf in (*UP, "ack")), f"{ROOT}/hub/state"):
        payload = token()
        desk.publish(topic, payload)
        yield Tried(f"desk publishes {topic!r}", ground.heard_by_observer(payload))
    desk.drop()
