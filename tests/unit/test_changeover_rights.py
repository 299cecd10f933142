"""Who may change over: the control socket is open to a group, too."""

import os
from datetime import UTC, datetime
from typing import Any
from unittest.mock import MagicMock

import pytest

from config.slots import Content, SlotsFile, Trial
from edge.flashing.switching import COMMIT, ROLL_BACK, SWITCH, SwitchRequest
from edge.flashing.trial.changeover import ChangeOver
from edge.local.control import Call
from telemetry.commands.handling import OrderRefusedError
from tests.fakes import ManualClock

CONTENT = {"bundle": "x", "name": "x", "serial": 10**9, "kind": "config"}
REQUESTS: dict[str, dict[str, Any]] = {
    SWITCH: {"lane": "config", "slot": "a", "content": CONTENT, "by": "local:root"},
    COMMIT: {"by": "local:root"},
    ROLL_BACK: {"lane": "config", "by": "local:root"},
}


@pytest.mark.parametrize("name", REQUESTS)
def test_who_may_only_operate_a_unit_changes_nothing_that_is_in_use(name: str) -> None:
    """What lies in the free slot is old; a serial as high as that would shut out all others."""
    everything = MagicMock()
    control = ChangeOver(
        everything, everything, everything, everything, everything, lambda: None
    ).controls()[name]
    uid = os.geteuid() + 1
    call = Call(
        name=name, args=REQUESTS[name], issuer="local:guest", uid=uid, progress=lambda *_: None
    )
    with pytest.raises(OrderRefusedError) as caught:
        control(call)
    assert caught.value.code == "role_not_allowed"
    assert everything.mock_calls == []


@pytest.mark.parametrize(
    ("up_s", "before", "connected", "asked"),
    [
        (5.0, True, False, True),  # it has only just started anew, and had its hub before
        (5.0, False, False, False),
        (60.0, True, False, False),  # the link is really gone
        (60.0, False, True, True),
    ],
)
def test_a_start_spares_no_flash_the_question_for_the_hub(
    up_s: float, before: bool, connected: bool, asked: bool
) -> None:
    content = Content(**CONTENT)
    last = Trial(
        lane="config",
        slot="a",
        back_to=None,
        content=content,
        begun_at=datetime(2026, 11, 27, tzinfo=UTC),
        by="local:anna",
        hub_was_there=before,
    )
    begun = SlotsFile().begin(last)
    assert begun is not None
    slots = begun.roll_back("unhealthy", "", last.begun_at)
    assert slots is not None
    clock = ManualClock()
    parts = MagicMock(started_mono_s=clock.mono_s() - up_s)
    link = parts.publisher.stats.return_value
    link.connected, link.hub_online = connected, None
    link.acked = int(connected)
    parts.workers.return_value = parts.devices.return_value = ()
    parts.roll_call.well = frozenset()
    control = ChangeOver(parts, MagicMock(), MagicMock(), MagicMock(), clock, lambda: None)
    request = SwitchRequest(lane="config", slot="b", content=content, by="local:anna")
    assert control._trial_of(slots, request).hub_was_there == asked
