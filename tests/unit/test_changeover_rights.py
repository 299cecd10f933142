"""Who may change over: the control socket is open to a group, too."""

import os
from typing import Any
from unittest.mock import MagicMock

import pytest

from edge.flashing.switching import COMMIT, ROLL_BACK, SWITCH
from edge.flashing.trial.changeover import ChangeOver
from edge.local.control import Call
from telemetry.commands.handling import OrderRefusedError

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
