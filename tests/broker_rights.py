"""What unit, hub and desk must be able to do at the broker: the control of the attacks."""

from collections.abc import Iterator

from telemetry.contract.topics import up_filters
from tests.broker_attacks import DESK, DOWN, INTRUDER, ROOT, UP, Ground, token
from tests.raw_mqtt import RawClient


def rights(ground: Ground) -> Iterator[tuple[str, bool]]:
    """The positive control: each role does what it is for."""
    unit, hub = ground.client(INTRUDER), ground.client("hub")
    for wanted in (*up_filters(ROOT, None), f"{ROOT}/hub/state"):
        hub.subscribe(wanted)
    for topic in (*(f"{ROOT}/{INTRUDER}/{leaf}" for leaf in DOWN), f"{ROOT}/hub/state"):
        unit.subscribe(topic)
        yield f"hub to unit: {topic}", says(hub, topic, unit)
    for leaf in UP:
        yield f"unit to hub: {leaf}", says(unit, f"{ROOT}/{INTRUDER}/{leaf}", hub)
    yield "hub hears itself", says(hub, f"{ROOT}/hub/state", hub)
    desk = ground.client(DESK)
    desk.subscribe(f"{ROOT}/+/position")
    yield "unit to desk", says(unit, f"{ROOT}/{INTRUDER}/position", desk)
    yield "desk to unit", says(desk, f"{ROOT}/{INTRUDER}/command", unit)
    for client in (unit, hub, desk):
        client.drop()


def says(speaker: RawClient, topic: str, listener: RawClient) -> bool:
    payload = token()
    speaker.publish(topic, payload)
    listener.settle()
    return any(each.payload == payload and each.topic == topic for each in listener.heard)
