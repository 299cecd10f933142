"""Killed at each system call between "put" and "deleted"."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from telemetry.outbox.look import Look
from tests.fakes import ManualClock
from tests.torture.injection import calls, need_strace, spread, traced
from tests.torture.scribe import Told, Way, lost, outbox_in, rescue, write
from tests.torture.trials import Broken, Stage, held, trial
from tests.unit_under_test import position

ROWS = 22
RESCUED_ROWS = 400
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
    rescued = _killed_in_rescue(stage)
    return f"{len(points)} points, {accepted} accepted, 0 lost, control lost {control}; {rescued}"


def _killed_in_rescue(stage: Stage) -> str:
    """While the sound rows of a damaged file are moved to a new one."""
    damaged = stage.folder / "damaged"
    damaged.mkdir()
    outbox = outbox_in(damaged, ManualClock())
    for number in range(RESCUED_ROWS):
        outbox.put(position(number, number % 5), durable=False)
        outbox.work(0)
    outbox.close()
    with (damaged / "outbox.db").open("r+b") as file:
        file.seek((damaged / "outbox.db").stat().st_size // 2)
        file.write(b"\xa5" * 9000)
    calm = _copy(damaged, stage.folder / "calm")
    log = stage.folder / "strace"
    held(traced(rescue, (calm,), ["-e", f"trace={','.join(CALLS)}"], log) == 0, "rescue fails")
    expected, found = _ids(calm), calls(log)
    held(RESCUED_ROWS / 3 < len(expected) < RESCUED_ROWS, f"{len(expected)} rows are rescued")
    points = [(name, number) for name in CALLS for number in range(1, found[name] + 1)]
    chosen = spread(points, stage.sized(60, len(points)))
    for name, number in chosen:
        home = _copy(damaged, stage.folder / f"rescue-{name}-{number}")
        traced(rescue, (home,), ["-e", f"inject={name}:signal=KILL:when={number}"], log)
        outbox = outbox_in(home, ManualClock())
        outbox.work(0)
        outbox.close()
        held(_ids(home) >= expected, f"killed in the rescue, {name} {number}: rows are lost")
        shutil.rmtree(home)
    return f"{len(chosen)} points in a rescue, all {len(expected)} sound rows saved"


def _copy(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    return target


def _ids(folder: Path) -> set[str]:
    with Look.open(folder / "outbox.db") as look:
        return {row.id for row in look.waiting()}


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
