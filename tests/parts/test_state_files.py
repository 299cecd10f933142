"""A unit that is run by hand keeps its files to itself; its lock holds on a read-only disk, too."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from edge.local.asking import NoUnitError, ask
from edge.running.state_files import close_to_others
from edge.running.state_lock import StateInUseError, is_in_use, lock_state
from tests.e2e.unit_process import running_unit, write_unit_file
from tests.unit_under_test import wait_for

PUBLIC = {"device.pub", "control.sock"}


def open_to_others(state: Path) -> set[str]:
    found = [state, *state.rglob("*")]
    return {path.name for path in found if path.lstat().st_mode & 0o077} - PUBLIC


def obeys(state: Path) -> bool:
    with suppress(NoUnitError):  # the socket that is there may be of the run before
        return bool(ask(state, "duty.set", {"duty": "standby"}))
    return False


def test_nothing_that_a_unit_writes_is_open_to_others(tmp_path: Path) -> None:
    unit_file = write_unit_file(tmp_path, "mqtt://127.0.0.1:1", perception={"enabled": False})
    state = tmp_path / "state"
    before = os.umask(0o022)  # as a shell has it
    try:
        for _ in range(2):
            with running_unit(unit_file, tmp_path / "log"):
                assert wait_for(lambda: obeys(state), 30)
                assert wait_for((state / "commands.db").exists, 30)
                assert wait_for((state / "outbox.db-wal").exists, 30)
                assert wait_for(lambda: not open_to_others(state), 5), open_to_others(state)
            for name in ("outbox.db", "orders.json", "commands.db"):
                (state / name).chmod(0o644)  # as an earlier version has left them
            (state / "journal").chmod(0o755)
    finally:
        os.umask(before)
    assert "state_was_open_to_others" in (tmp_path / "log").read_text()


def test_what_others_are_to_read_and_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch(0o644)
    for name in ("device.pub", "keyring.json", "notes.txt", "commands.db"):
        (tmp_path / name).touch(0o644)
    (tmp_path / "outbox.db").symlink_to(other)
    assert close_to_others(tmp_path) == ["commands.db"]
    assert other.stat().st_mode & 0o777 == 0o644
    assert close_to_others(tmp_path / "none") == []


@pytest.mark.parametrize("lock_is_there", [True, False])
def test_a_unit_on_a_read_only_disk_is_seen_to_run(tmp_path: Path, lock_is_there: bool) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        if lock_is_there:
            handle = lock_state(tmp_path)
            assert handle is not None
            os.close(handle)
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        if not lock_is_there:
            assert lock_state(tmp_path) is None
            assert is_in_use(tmp_path) is None, "nobody can tell"
            return
        assert is_in_use(tmp_path) is False
        handle = lock_state(tmp_path)
        assert handle is not None
        assert is_in_use(tmp_path) is True
        with pytest.raises(StateInUseError):
            lock_state(tmp_path)
        os.close(handle)
        assert is_in_use(tmp_path) is False
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=False)
