"""What the kit says of flashes: right, told twice, or otherwise than the state has it."""

from datetime import timedelta
from typing import Any

from telemetry.conformance.judge import judge
from telemetry.conformance.transcript import Transcript
from telemetry.contract.envelope import Draft, Sender, body_of, seal
from telemetry.contract.flash import Flashed, FlashedLane, FlashEvent
from telemetry.contract.replies import Reply
from telemetry.contract.unit import State
from telemetry.contract.up_message import UpMessage
from telemetry.contract_docs.scene import NOON, some_id
from telemetry.hub.record import Entry

RULES = {"HC-169", "HC-170", "HC-171"}
SENDER = Sender(unit="dog-07", boot_id="b")
ORDER, BUNDLE = some_id(71), some_id(72)


def verdicts(*messages: UpMessage) -> list[str]:
    entries = []
    for number, data in enumerate(messages, 1):
        at = NOON + timedelta(seconds=number)
        body = body_of(SENDER, Draft.of(data, at, "ntp"), some_id(number))
        payload = seal(body, number, historical=False, sent=at)
        entries.append(
            Entry(
                at=at, mono_s=float(number), direction="in", payload=payload,
                topic=f"patrol/v1/dog-07/{data.LEAF}",
            )
        )  # fmt: skip
    found = judge(Transcript(entries, "patrol/v1", "dog-07"), RULES)
    return [ruling.finding.verdict for ruling in found]


def event(what: str) -> FlashEvent:
    return FlashEvent.model_validate(
        {
            "what": what, "by": "wang", "order": ORDER, "kind": "config", "lane": "config",
            "bundle": BUNDLE, "code": "unhealthy" if what == "rolled_back" else None,
        }
    )  # fmt: skip


def reply(status: str) -> Reply:
    return Reply.model_validate(
        {
            "command": ORDER, "name": "config.apply", "status": status,
            "code": "rolled_back" if status == "failed" else None,
        }
    )  # fmt: skip


def state(bundle: str | None) -> State:
    lane = FlashedLane(lane="config", bundle=bundle, serial=13 if bundle else None)
    return State(unit_kind="robot_dog", flashed=Flashed(lanes=(lane,)))


def test_what_is_told_as_it_is_passes() -> None:
    kept: list[Any] = [event("on_trial"), state(BUNDLE), event("committed"), state(BUNDLE)]
    assert verdicts(*kept, reply("succeeded")) == ["PASS", "PASS", "PASS"]
    back = [event("on_trial"), state(BUNDLE), event("rolled_back"), state(None), reply("failed")]
    assert verdicts(*back) == ["PASS", "PASS", "PASS"]
    assert verdicts(state(None)) == ["NOT RUN"] * 3


def test_what_is_told_twice_or_otherwise_fails() -> None:
    twice = [event("committed"), state(BUNDLE), reply("succeeded"), reply("succeeded")]
    assert verdicts(*twice)[0] == "FAIL"
    assert verdicts(event("committed"), state(BUNDLE), reply("failed"))[1] == "FAIL"
    assert verdicts(event("committed"), event("rolled_back"), state(None))[1] == "FAIL"
    assert verdicts(event("rolled_back"), state(BUNDLE))[2] == "FAIL"
    assert verdicts(event("committed"), state(some_id(70)))[2] == "FAIL"
