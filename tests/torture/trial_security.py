"""Trials of security: who may say what at the broker, and what the service may do."""

from collections.abc import Iterator
from pathlib import Path

from tests.access import LACKING, Authority, shipped_broker, shipped_settings
from tests.broker import Broker
from tests.broker_attacks import (
    DESK,
    INTRUDER,
    ROOT,
    VICTIM,
    Ground,
    Tried,
    at_random,
    desk_writes,
    odd_names,
    reads,
    strangers,
    takeovers,
    token,
    wills,
    writes,
)
from tests.broker_rights import rights, says
from tests.torture.trials import NotRun, Stage, held, trial

PARTNER, OTHER_PARTNER = "acme", "watch"


@trial(
    "S-ACL-1", "a certificate opens its own unit's topics, and nothing of anybody else", short=True
)
def nobody_speaks_or_hears_as_another(stage: Stage) -> str:
    if LACKING:
        raise NotRun(LACKING)
    police = Authority(stage.folder / "police", INTRUDER, VICTIM, "hub", DESK, "observer", PARTNER)
    partners = Authority(stage.folder / "partners", PARTNER, OTHER_PARTNER, "hub", "observer")
    tried: list[Tried] = []
    with shipped_broker("patrol-edge", police) as broker:
        worked = controlled(broker, police)
        tried += on_the_units_broker(broker, police, partners, stage.sized(500, 50_000))
        worked += controlled(broker, police)  # it was not the broker that had died
    with shipped_broker("partners", partners) as broker:
        worked += partner_rights(broker, partners)
        tried += on_the_partners_broker(broker, partners, police)
        worked += partner_rights(broker, partners)
    through = [each.what for each in tried if each.through]
    held(not through, f"{len(through)} of {len(tried)} got through: {through[:5]}")
    naive = let_in_by_a_naive_broker(police)
    held(naive > 0, "the attacks prove nothing: a broker that goes by client ids lets none in")
    return f"{len(tried)} attempts, 0 got through; {worked} rights work; control let in {naive}"


def controlled(broker: Broker, authority: Authority) -> int:
    """How many of their rights unit and hub have. Raises Broken where one lacks."""
    ground = Ground(broker.port, authority)
    found = list(rights(ground))
    ground.close()
    lacking = [what for what, works in found if not works]
    held(not lacking, f"does not work, and must: {lacking}")
    return len(found)


def on_the_units_broker(
    broker: Broker, police: Authority, partners: Authority, at_random_count: int
) -> Iterator[Tried]:
    ground = Ground(broker.port, police)
    for attack in (writes, wills, reads, takeovers, odd_names, desk_writes):
        yield from attack(ground)
    yield from at_random(ground, at_random_count)
    yield from strangers(broker.port, police, partners)
    # A partner's name that the units' authority signed by mistake.
    with ground.client(PARTNER) as partner:
        for wanted in ("#", f"{ROOT}/#", f"{ROOT}/+/position", f"$share/g/{ROOT}/+/position"):
            partner.subscribe(wanted)
        for leaf in ("position", "event", "state", "command"):
            ground.observer.publish(f"{ROOT}/{VICTIM}/{leaf}", token())
            partner.settle()
            got = [each.topic for each in partner.heard]
            yield Tried(f"partner hears {got}", bool(got))
    ground.close()


def partner_rights(broker: Broker, partners: Authority) -> int:
    ground = Ground(broker.port, partners)
    hub, partner = ground.client("hub"), ground.client(PARTNER)
    hub.subscribe("partner/v1/+/report/#")
    partner.subscribe(f"partner/v1/{PARTNER}/shared/#")
    partner.subscribe("partner/v1/all/shared/#")
    found = {
        "shared with one": says(hub, f"partner/v1/{PARTNER}/shared/alert", partner),
        "shared with all": says(hub, "partner/v1/all/shared/notice", partner),
        "reported": says(partner, f"partner/v1/{PARTNER}/report/alarm", hub),
    }
    hub.drop()
    partner.drop()
    ground.close()
    held(all(found.values()), f"does not work, and must: {found}")
    return len(found)


def on_the_partners_broker(
    broker: Broker, partners: Authority, police: Authority
) -> Iterator[Tried]:
    ground = Ground(broker.port, partners)
    others = [f"partner/v1/{OTHER_PARTNER}/{tree}/x" for tree in ("shared", "report")]
    police_topics = [f"{ROOT}/{VICTIM}/position", f"{ROOT}/{VICTIM}/command", f"{ROOT}/hub/state"]
    own = (f"partner/v1/{PARTNER}/shared/x", "partner/v1/all/shared/x", "partner/v1/all/report/x")
    for topic in (*others, *police_topics, *own, "$SYS/x"):
        payload = token()
        with ground.client(PARTNER, OTHER_PARTNER) as partner:
            partner.publish(topic, payload)
        yield Tried(f"partner publishes {topic!r}", ground.heard_by_observer(payload))
    wanted = (*others, *police_topics, "#", "+/+/+/#", "partner/#", f"{ROOT}/#", "$SYS/#")
    for topic in (*wanted, *(f"$share/g/{each}" for each in wanted if each[0] != "$")):
        with ground.client(PARTNER, OTHER_PARTNER) as partner:
            partner.subscribe(topic)
            for spoken in (*others, *police_topics, f"partner/v1/{PARTNER}/report/x"):
                ground.observer.publish(spoken, token())
            partner.settle()
            got = [each.topic for each in partner.heard]
            yield Tried(f"partner subscribes {topic!r}, hears {got}", bool(got))
    yield from strangers(broker.port, partners, police)
    ground.close()


def let_in_by_a_naive_broker(police: Authority) -> int:
    """The same on a broker that believes client ids, as many examples on the web do."""
    lines = [
        line
        for line in shipped_settings("patrol-edge", police, "\nuser observer\ntopic readwrite #\n")
        if not line.startswith("use_username_as_clientid")
    ]
    acl = Path(police.folder / "patrol-edge.acl")
    acl.write_text(acl.read_text().replace("%u", "%c"))
    with Broker(lines, kind="mosquitto") as broker:
        ground = Ground(broker.port, police)
        tried = [each for attack in (writes, reads, takeovers) for each in attack(ground)]
        ground.close()
    return sum(each.through for each in tried)
