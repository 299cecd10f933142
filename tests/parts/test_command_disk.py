"""Commands on a disk that is really full: refused, nothing lost or done twice, and on it goes."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from telemetry.commands.journal import journal_files
from telemetry.commands.journal_check import check
from tests.commanded import DEVICE, Commanded, Doer


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    path = folder / "fill"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    with suppress(OSError):
        while True:
            os.write(handle, b"x" * 4096)
    os.close(handle)
    try:
        yield
    finally:
        path.unlink()


def test_a_full_disk_refuses_commands_and_is_no_end_of_them(small_disk: Path) -> None:
    state = small_disk / "state"
    state.mkdir()
    unit = Commanded(state)
    unit.handlers["ping"] = doer = Doer()
    unit.pass_time(5)
    first = unit.claims()
    assert unit.send(first)[-1].status == "succeeded"
    with filled(small_disk):
        told = {}
        for _ in range(20):
            claims = unit.claims()
            told[claims["id"]] = unit.send(claims)[-1]
            unit.pass_time(3)
        assert "storage" in {reply.code for reply in told.values()}
        assert unit.send(first)[-1].status == "succeeded", "what was done is still known"
        done = set(doer.done)
        for command, reply in told.items():
            assert (reply.status == "succeeded") == (command in done)
    unit.pass_time(2)
    assert unit.send(unit.claims())[-1].status == "succeeded"
    assert (unit.intake.stats().fault, unit.journal.fault, unit.journal.broken) == (None,) * 3
    unit.reboot(crash=True)
    assert unit.send(first)[-1].repeat
    assert unit.send(unit.claims())[-1].status == "succeeded"
    assert len(doer.done) == len(set(doer.done))
    unit.intake.close()
    assert check(journal_files(state / "journal"), DEVICE.public).bad is None
