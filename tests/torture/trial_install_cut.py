"""S-CFG-2: the power goes, or the disk fails, at any step of a good install."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from config.errors import ConfigError
from config.loading import load
from config.slots import SlotsError, slot_folder
from edge.bundles.refusal import BundleError
from edge.bundles.slot_check import verify_slot
from edge.local.asking import NoUnitError, ask
from tests.flashing_stand import Stand
from tests.torture.flasher import REFUSED, UNSURE, flash_once, fresh, overwrite
from tests.torture.injection import calls, need_strace, spread, traced
from tests.torture.trials import Broken, Stage, held, trial

CALLS = ("write", "fsync", "rename", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat")
BETWEEN = ("openat", "close", "flock", "fchmod", "statfs")  # nothing is written by these
OLD = b"position:\n  patrol_every_s: 4\n" + b"# old\n" * 100
NEW = b"position:\n  patrol_every_s: 2\n" + b"# new\n" * 100
HEALTHY_WITHIN_S = 10.0
SLOWER_S = 3.0  # a start after a cut, at most, on a machine that is busy with something else


@trial("S-CFG-2", "an install cut off at any system call leaves the old or the new; the next works")
def cut_off(stage: Stage) -> str:
    need_strace()
    template, bundle, again = _made(stage.folder)
    points = _points(stage.folder, template, bundle)
    between = _points(stage.folder, template, bundle, BETWEEN)
    kills = points + spread(between, stage.sized(30, 1000))
    ends = [_killed(stage.folder, template, (bundle, again), point) for point in kills]
    faults = [
        (name, number, error)
        for error, names in (("EIO", ("fsync", "rename")), ("ENOSPC", ("write", "mkdirat")))
        for name, number in spread([p for p in points if p[0] in names], stage.sized(10, 100))
    ]
    for fault in faults:
        _failing(stage.folder, template, (bundle, again), fault)
    usual_s = _started_s(fresh(template, stage.folder / "unit"), stage, 60.0)
    allowed_s = max(HEALTHY_WITHIN_S, 1.5 * usual_s + SLOWER_S)
    slowest_s = max(
        _healthy_after_s(stage, template, bundle, point, allowed_s) for point in spread(kills, 4)
    )
    broken = _control(stage.folder, template)
    held(broken > 0, "the control, a file that is written over, is always whole")
    return (
        f"cut off at all {len(points)} calls that change the disk and {len(kills) - len(points)} "
        f"others: {ends.count('old')} old, "
        f"{ends.count('new')} new, none else, the next flash worked each time; {len(faults)} "
        f"failing calls refused in words; a unit was healthy within {slowest_s:.1f} s "
        f"(undisturbed: {usual_s:.1f} s); the control broke {broken} times"
    )


def _made(folder: Path) -> tuple[Path, bytes, bytes]:
    """A unit with something in both slots; a good bundle, and one newer than that."""
    stand = Stand(folder / "unit")
    stand.kept(stand.base(2))
    stand.kept(stand.base(3, OLD))
    shutil.copytree(folder / "unit", folder / "template")
    return folder / "template", stand.base(4, NEW), stand.base(5, NEW)


def _points(
    folder: Path, template: Path, bundle: bytes, names: Sequence[str] = CALLS
) -> list[tuple[str, int]]:
    home = fresh(template, folder / "unit")
    options = ["-e", f"trace={','.join(names)}"]
    code = traced(flash_once, (home, bundle), options, folder / "strace")
    held(code == 0, f"undisturbed it ends with {code}")
    found = calls(folder / "strace")
    return [(name, number) for name in names for number in range(1, found[name] + 1)]


def _killed(
    folder: Path, template: Path, bundles: tuple[bytes, bytes], point: tuple[str, int]
) -> str:
    """Kill it there, and look. Returns what is in use, "old" or "new"."""
    name, number = point
    home = fresh(template, folder / "unit")
    options = ["-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}"]
    code = traced(flash_once, (home, bundles[0]), options, folder / "strace")
    held(code in (-9, 0), f"{name} {number}: ended with {code}")
    where = f"killed at {name} {number}"
    now = _in_use(home, where)
    _goes_on(home, bundles, where)
    return now


def _failing(
    folder: Path, template: Path, bundles: tuple[bytes, bytes], fault: tuple[str, int, str]
) -> None:
    """Let one call fail, and some after it: refused in words, or done; never a crash."""
    name, number, error = fault
    home = fresh(template, folder / "unit")
    when = f"{number}..{number + 3}"
    options = ["-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={when}"]
    code = traced(flash_once, (home, bundles[0]), options, folder / "strace")
    where = f"{error} at {name} {when}"
    held(code in (0, REFUSED, UNSURE), f"{where}: ended with {code}")
    now = _in_use(home, where)
    held((now == "old") == (code == REFUSED), f"{where}: ended with {code}, and {now} is in use")
    _goes_on(home, bundles, where)


def _in_use(home: Path, where: str) -> str:
    """Whole and signed, and the loader takes it. Raises Broken for anything between."""
    stand = Stand(home)
    try:
        slots, settings = stand.slots, load(stand.unit.config).settings
        active = slots.lane("config").active
        held(active is not None, f"{where}: nothing is in use")
        for slot in slots.lane("config").slots:
            verify_slot(slot_folder(stand.unit.folder, "config", slot), stand.trust)
    except (SlotsError, ConfigError, BundleError) as error:
        raise Broken(f"{where}: {error}") from error
    every_s = settings.position.patrol_every_s
    held(every_s in (2, 4), f"{where}: {every_s} is in use")
    held((every_s == 2) == (slots.trial is not None), f"{where}: no trial of what is new")
    return "new" if every_s == 2 else "old"


def _goes_on(home: Path, bundles: tuple[bytes, bytes], where: str) -> None:
    """The next flash works, and takes away what was left."""
    stand = Stand(home)
    try:
        if stand.slots.trial is not None:
            stand.commit()
            stand.flash(bundles[1])
        else:
            stand.flash(bundles[0])
    except BundleError as error:
        raise Broken(f"{where}: the next flash: {error}") from error
    left = [path.name for path in (home / "state" / "slots" / "config").iterdir()]
    held(sorted(left) == ["a", "b"], f"{where}: left behind: {left}")


def _healthy_after_s(
    stage: Stage, template: Path, bundle: bytes, point: tuple[str, int], allowed_s: float
) -> float:
    """From the start of the unit, after it was cut there, until it answers on the spot."""
    name, number = point
    home = fresh(template, stage.folder / "unit")
    options = ["-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}"]
    traced(flash_once, (home, bundle), options, stage.folder / "strace")
    return _started_s(home, stage, allowed_s)


def _started_s(home: Path, stage: Stage, allowed_s: float) -> float:
    """As the service starts it. Raises Broken."""
    command = [sys.executable, "-P", "-m", "edge.booting", "--config", str(home / "unit.yaml")]
    begun_s = time.monotonic()
    with (stage.folder / "unit.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)
    try:
        while (took_s := time.monotonic() - begun_s) < allowed_s:
            try:
                ask(home / "state", "ping")
            except NoUnitError:
                time.sleep(0.05)
            else:
                return took_s
    finally:
        process.terminate()
        process.wait(20)
    raise Broken(f"the unit does not answer within {allowed_s:.0f} s")


def _control(folder: Path, template: Path) -> int:
    """How often a file that is written over is neither the old nor the new."""
    broken = 0
    for number in (2, 4, 6):
        home = fresh(template, folder / "unit")
        options = ["-e", "trace=write", "-e", f"inject=write:signal=KILL:when={number}"]
        traced(overwrite, (home, NEW), options, folder / "strace")
        found: Sequence[bytes] = [
            (home / "state/slots/config" / slot / "files/unit.yaml").read_bytes() for slot in "ab"
        ]
        broken += not set(found) <= {OLD, NEW, b"position:\n  patrol_every_s: 4\n"}
    return broken
