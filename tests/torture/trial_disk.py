"""A disk that is full, that errs, that is slow."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from telemetry.outbox.reserve import Reserve
from tests.parts.test_outbox import Worked, numbers
from tests.torture.injection import STRACE, calls, need_strace, spread, traced
from tests.torture.scribe import Told, lost, memory_folder, write
from tests.torture.trials import Broken, NotRun, Stage, held, trial
from tests.unit_under_test import wait_for

MIB = 2**20
ROWS = 12
SLOW_MS = (5, 50)
DELETED = 300


@trial("R-IO-1", "an error of the disk is never told as safe, and a slow one stalls nobody")
def errors_and_slowness(stage: Stage) -> str:
    need_strace()
    whole = stage.folder / "whole"
    whole.mkdir()
    log = stage.folder / "strace"
    held(traced(write, _work(whole), ["-e", "trace=pwrite64,fdatasync"], log) == 0, "whole")
    found = calls(log)
    points = [(n, k) for n in ("fdatasync", "pwrite64") for k in range(1, found[n] + 1)]
    chosen = spread(points, stage.sized(60, len(points)))
    told = sum(_erring(stage.folder, name, number, "EIO") for name, number in chosen)
    held(told > len(chosen) / 2, f"only {told} of {len(chosen)} errors became a fault")
    _control(stage.folder)
    slow = [_slow(stage, delay_ms) for delay_ms in SLOW_MS]
    return (
        f"{len(chosen)} errors, 0 told as safe (the control did), {told} told as faults; "
        f"{'; '.join(slow)}"
    )


def _work(home: Path) -> tuple[Path, Path, int, str]:
    return home, home / "told", ROWS, "safe"


def _erring(folder: Path, name: str, number: int, error: str) -> bool:
    """One call fails once. Returns whether that was told as a fault."""
    home = folder / f"{name}-{number}-{error}"
    home.mkdir()
    log = folder / "strace"
    inject = f"inject={name}:error={error}:when={number}"
    options = ["-s", "200", "-e", f"trace=fdatasync,write,{name}", "-e", inject]
    code = traced(write, _work(home), options, log)
    told = Told.read(home / "told")
    where = f"{error} at {name} {number}"
    held(code == 0 and told.ended, f"{where}: the process ended with {code}")
    held(len(told.accepted) == ROWS, f"{where}: {len(told.accepted)} of {ROWS} were accepted")
    held(not lost(home, told), f"{where}: messages are lost")
    _held_back(log, where)
    shutil.rmtree(home)
    return bool(told.faults)


def _held_back(log: Path, where: str) -> None:
    """After a sync that failed nothing is told as safe until another one has succeeded."""
    failed = False
    for line in log.read_text(errors="replace").splitlines():
        if " fdatasync(" in line:
            failed = "INJECTED" in line
        held(not (failed and '"accepted' in line.replace("\\", "")), f"{where}: told as safe")


def _control(folder: Path) -> None:
    """Whoever does not listen to the error tells messages as safe after it: that must be seen."""
    for number in range(4, 12):
        home = folder / f"control-{number}"
        home.mkdir()
        inject = f"inject=fdatasync:error=EIO:when={number}"
        options = ["-s", "200", "-e", "trace=fdatasync,write", "-e", inject]
        traced(write, (home, home / "told", ROWS, "deaf"), options, folder / "strace")
        try:
            _held_back(folder / "strace", "control")
        except Broken:
            return
    raise Broken("the control, deaf to errors, is not seen to tell too early")


def _slow(stage: Stage, delay_ms: int) -> str:
    """With so many milliseconds before each sync. On a machine that is busy with other things a
    thread may wait for its turn: there are three attempts."""
    told = _paced(stage, delay_ms)
    for _ in range(2):
        if _longest_ms(told) > 100 or (delay_ms == SLOW_MS[0] and told["p99_ms"] > 30):
            told = _paced(stage, delay_ms)
    held(_longest_ms(told) <= 100, f"a sensor waits: {told}")
    if delay_ms == SLOW_MS[0]:
        held(told["per_s"] >= 1000, f"{told['per_s']:.0f} messages a second with {delay_ms} ms")
        held(told["p99_ms"] <= 30, f"an alert waits {told['p99_ms']:.0f} ms with {delay_ms} ms")
    return (
        f"{delay_ms} ms sync: {told['per_s']:.0f} msg/s, alert p99 {told['p99_ms']:.0f} ms, "
        f"sensor at most {_longest_ms(told):.0f} ms"
    )


def _longest_ms(told: dict[str, float]) -> float:
    return max(told["longest_put_ms"], told["sensor_ms"])


def _paced(stage: Stage, delay_ms: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=memory_folder()) as home:  # the delay is all that counts
        command = [
            str(STRACE), "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null",
            "-e", "trace=fdatasync,fsync",
            "-e", f"inject=fdatasync,fsync:delay_enter={delay_ms * 1000}",
            sys.executable, "-m", "tests.torture.pace", home,
            str(stage.sized(2000, 20_000)), str(stage.sized(700, 10_000) // delay_ms),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    held(done.returncode == 0, f"with {delay_ms} ms: {done.stderr[-300:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


@trial(
    "R-FULL-1",
    "a full disk deadlocks nothing: deletes work, and it goes on when there is room",
    short=True,
)
def full_disk(stage: Stage) -> str:
    need_strace()
    home = stage.folder / "whole"
    home.mkdir()
    log = stage.folder / "strace"
    held(traced(write, _work(home), ["-e", "trace=pwrite64"], log) == 0, "whole")
    points = [("pwrite64", number) for number in range(1, calls(log)["pwrite64"] + 1)]
    chosen = spread(points, stage.sized(30, len(points)))
    for name, number in chosen:
        _erring(stage.folder, name, number, "ENOSPC")
    try:
        filled = _full_tmpfs(stage.folder)
    except NotRun as error:
        filled = f"on a really full disk NOT RUN: {error}"
    return f"{len(chosen)} writes refused with ENOSPC, 0 lost; {filled}"


def _full_tmpfs(folder: Path) -> str:
    with small_disk(folder / "disk", mib=4) as disk, _working(disk) as unit:
        told = _filled(unit, disk / "ballast", patience_s=20)
    with small_disk(folder / "control", mib=4) as disk, _working(disk) as unit:
        keeper = unit.outbox._keeper
        keeper._reserve_file.release()
        keeper._reserve_file = Reserve(disk / "no-reserve", size=1)
        try:
            _filled(unit, disk / "ballast", patience_s=3)
        except Broken:
            return f"{told}; the control, without a reserve, stood still"
    raise Broken("the control, which has no reserve, does not stand still on a full disk")


@contextmanager
def _working(disk: Path) -> Iterator[Worked]:
    unit = Worked(disk / "outbox.db")
    try:
        assert wait_for(lambda: unit.outbox.stats().size_bytes > 0)  # it is open
        yield unit
    finally:
        unit.stop()


def _filled(unit: Worked, ballast: Path, patience_s: float) -> str:
    for number in range(1000):
        unit.put(number, 1, durable=number % 500 == 499)
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    for number in range(1500):
        unit.put(number, 1, durable=False)
    held(wait_for(lambda: unit.outbox.stats().fault is not None, 20), "no fault is told")
    before = unit.outbox.stats()
    unit.outbox.begin_session()
    gone: list[int] = []
    deleted = wait_for(lambda: len(gone) >= DELETED or not _delete(unit, gone), patience_s)
    held(deleted, "on the full disk nothing can be taken")

    def gone_on() -> bool:
        now = unit.outbox.stats()
        left = now.last_sequence - now.depth  # numbers whose messages are deleted
        return left >= DELETED and now.last_sequence > before.last_sequence

    held(
        wait_for(gone_on, patience_s),
        f"deletes make no room on the full disk: {unit.outbox.stats()}",
    )
    waiting = unit.outbox.stats().in_memory
    held(waiting > 0, "the disk was not full")
    ballast.unlink()
    began_s = time.monotonic()
    held(wait_for(lambda: unit.outbox.stats().fault is None, 10), "no recovery within 10 s")
    held(wait_for(lambda: unit.outbox.stats().in_memory == 0, 10), "not all was stored within 10 s")
    took_s = time.monotonic() - began_s
    held(wait_for(lambda: _delete(unit, gone) and unit.outbox.pending() == 0, 60), "still stored")
    held(sorted(set(gone)) == list(range(1, 2501)), f"{2500 - len(set(gone))} are lost")
    return (
        f"4 MB disk: {DELETED} deleted and replaced while it was full; there was room again: "
        f"{waiting} more stored within {took_s:.1f} s"
    )


def _delete(unit: Worked, gone: list[int]) -> bool:
    taken = numbers(unit.outbox.take(50))
    gone += taken
    unit.outbox.acked(taken)
    return True


@contextmanager
def small_disk(path: Path, mib: int) -> Iterator[Path]:
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(path)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        raise NotRun(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False)
