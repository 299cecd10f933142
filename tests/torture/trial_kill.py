"""Killed at each system call between "put" and "deleted"."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.torture.injection import calls, need_strace, spread, traced
from tests.torture.scribe import Told, Way, lost, write
from tests.torture.trials import Broken, Stage, held, trial

ROWS = 22
CALLS = ("pwrite64", "fdatasync", "fsync", "rename", "unlink", "ftruncate")


@trial("R-KILL-2", "killed at any write, sync, rename or unlink, nothing accepted is lost")
def killed_at_every_call(stage: Stage) -> str:
    need_strace()
    points = _points(stage.folder)
    held(len(points) >= 150, f"only {len(points)} points to kill at")
    accepted, missing = _killed(stage.folder, points, way="safe")
    held(not missing, f"{missing} of {accepted} accepted messages are lost")
    writes = [("pwrite64", number) for number in range(1, 100)]
    _, control = _killed(stage.folder, spread(writes, 16), way="early")
    held(control > 0, "the control, which accepts before the commit, loses nothing either")
    return f"{len(points)} points, {accepted} accepted, 0 lost, control lost {control}"


def _points(folder: Path) -> list[tuple[str, int]]:
    """Each call that the undisturbed run makes."""
    home = folder / "whole"
    home.mkdir()
    options = ["-e", f"trace={','.join(CALLS)}"]
    code = traced(write, (home, home / "told", ROWS, "safe"), options, folder / "strace")
    told = Told.read(home / "told")
    held(code == 0 and told.ended, f"the undisturbed run ends with {code}")
    held(len(told.accepted) == ROWS and not lost(home, told), "the undisturbed run loses messages")
    found = calls(folder / "strace")
    return [(name, number) for name in CALLS for number in range(1, found[name] + 1)]


def _killed(folder: Path, points: Sequence[tuple[str, int]], *, way: Way) -> tuple[int, int]:
    """How many were accepted, and how many of them are lost."""
    accepted = missing = 0
    for name, number in points:
        home = folder / f"{name}-{number}-{way}"
        home.mkdir()
        options = ["-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}"]
        code = traced(write, (home, home / "told", ROWS, way), options, folder / "strace")
        held(code == -9, f"{name} {number}: ended with {code}, and was to be killed")
        told = Told.read(home / "told")
        try:
            missing += len(lost(home, told))
        except Broken as error:
            raise Broken(f"{name} {number}: {error}") from error
        accepted += len(told.accepted)
        shutil.rmtree(home)
    return accepted, missing
