"""Whether a unit runs beside a flash: asked, waited for, and told where it stays mute."""

import fcntl
from pathlib import Path

import pytest

from edge.bundles.refusal import BundleError
from edge.flashing.switching import running


def test_nobody_runs_in_a_folder_of_nobody(tmp_path: Path) -> None:
    assert running(tmp_path) is False


def test_a_unit_that_gives_no_answer_is_waited_for_and_then_told(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BundleError) as found:
            running(tmp_path, patience_s=0.3)
    assert found.value.code == "wrong_state"
    assert "systemctl stop" in found.value.cure
