"""What the small unit of the bench tells of a flash: on trial, kept, and the order's one end."""

from collections.abc import Iterable

from telemetry.contract.flash import Flashed, FlashedLane, FlashEvent
from telemetry.contract.replies import Reply
from telemetry.contract.unit import State
from telemetry.contract.up_message import UpMessage
from telemetry.contract_docs.scene import some_id

ORDER, BUNDLE = some_id(81), some_id(82)


def flash_told(state: State, flaws: frozenset[str]) -> Iterable[UpMessage]:
    """An order, from its beginning to its end."""
    used = None if "forgets_the_flash" in flaws else BUNDLE
    lane = FlashedLane(lane="config", bundle=used, name="harbour", serial=13, highest=13)
    yield _reply("received")
    yield _reply("accepted")
    yield _event("on_trial")
    flashed = state.model_copy(update={"flashed": Flashed(lanes=(lane,))})
    yield flashed
    yield _event("committed")
    yield flashed
    for _ in range(2 if "ends_twice" in flaws else 1):
        yield _reply("failed" if "flash_otherwise" in flaws else "succeeded")
    yield state


def _event(what: str) -> FlashEvent:
    return FlashEvent.model_validate(
        {"what": what, "way": "hub", "by": "wang", "order": ORDER, "kind": "config",
         "lane": "config", "bundle": BUNDLE, "name": "harbour", "serial": 13}
    )  # fmt: skip


def _reply(status: str) -> Reply:
    code = "rolled_back" if status == "failed" else None
    return Reply.model_validate(
        {"command": ORDER, "name": "config.apply", "status": status, "code": code}
    )
