"""A camera and a receiver whose plugs are pulled: told on the disk, also over a restart."""

import time
from pathlib import Path

from edge.reporting.snapshot import state_of
from tests.pulled_plugs import plugs
from tests.unit_under_test import wait_for


def test_pulled_and_plugged_in_again_over_a_restart(tmp_path: Path) -> None:
    with plugs(tmp_path) as unit:
        modules = unit.app.parts.roll_call.modules
        assert wait_for(lambda: all(module.present for module in modules())), "both speak"
        pulled_s = time.monotonic()
        unit.camera.vanish()
        assert unit.wait_for("lost", "front", pulled_s, 10.0) <= 5.0
        unit.receiver.pull()
        assert wait_for(lambda: unit.told("lost", "main", pulled_s), 10.0)
        told = {
            module.name: module.present for module in state_of(unit.app.parts).inventory.modules
        }
        assert told == {"main": False, "front": False}
    with plugs(tmp_path) as unit:
        assert wait_for(lambda: len(unit.heard) >= 2, 10.0)
        assert {(each.event.what, each.event.module) for each in unit.heard} == {
            ("back", "main"),
            ("back", "front"),
        }
        assert "it was away for" in unit.heard[0].event.text
