"""S-ID-1: the power goes at any system call of provisioning, a reset, a copy's new identity."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.provisioning import (
    judge_another,
    judge_reset,
    judge_set_up,
    keys_in,
    live,
    places_in,
    set_up,
    traced_work,
)
from tests.torture.injection import calls, need_strace, spread, traced
from tests.torture.trials import Stage, held, trial

CALLS = ("write", "fsync", "rename", "link", "unlink", "unlinkat", "mkdir", "rmdir", "openat")
JUDGES: dict[str, Callable[[Path], str | None]] = {
    "set_up": judge_set_up,
    "reset": judge_reset,
    "another": judge_another,
}


@trial("S-ID-1", "an identity that is made, wiped or made anew is whole after any power cut")
def cut_off(stage: Stage) -> str:
    need_strace()
    told = []
    for name, judge in JUDGES.items():
        points = _points(stage.folder, name)
        cuts = spread(points, stage.sized(25, 1000))
        for call, number in cuts:
            home = _killed(stage.folder, name, call, number)
            wrong = judge(home)
            held(wrong is None, f"{name}, killed at {call} {number}: {wrong}")
        told.append(f"{name} {len(cuts)} of {len(points)}")
    held(_control(stage.folder), "the control, a key written in place, was never found torn")
    return (
        f"kills: {', '.join(told)}; each went on to its end, no key replaced, no half reset is a "
        "unit; a key written in place was torn"
    )


def _home(folder: Path, name: str) -> Path:
    home = folder / "unit"
    shutil.rmtree(home, ignore_errors=True)
    if name in ("reset", "another"):
        set_up(home)
        live(home)
    return home


def _points(folder: Path, name: str) -> list[tuple[str, int]]:
    home = _home(folder, name)
    code = traced(traced_work, (name, home), ["-e", f"trace={','.join(CALLS)}"], folder / "strace")
    held(code == 0, f"{name}: undisturbed it ends with {code}")
    found = calls(folder / "strace")
    return [(call, number) for call in CALLS for number in range(1, found[call] + 1)]


def _killed(folder: Path, name: str, call: str, number: int) -> Path:
    home = _home(folder, name)
    options = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
    code = traced(traced_work, (name, home), options, folder / "strace")
    held(code in (-9, 0), f"{name}, {call} {number}: ended with {code}")
    return home


def _control(folder: Path) -> bool:
    """Whether a file is there that is no key."""
    for number in range(1, 6):
        home = _killed(folder, "naive", "write", number)
        if places_in(home).key.exists() and not keys_in(home):
            return True
    return False
