"""Faults at an exact system call, by strace: kill, error, delay (strace(1), tampering).

Unprivileged where the kernel lets a process trace its siblings; NotRun says so where it does not.
"""

import multiprocessing
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.torture.trials import NotRun

STRACE = shutil.which("strace")
PATIENCE_S = 60.0
PRELOADED = ("scribe", "obeyer", "flasher", "flash_order")


def need_strace() -> None:
    if STRACE is None:
        raise NotRun("strace is not installed")


def traced(
    work: Callable[..., None], arguments: Sequence[Any], options: Sequence[str], log: Path
) -> int:
    """Run `work(*arguments, go)` in a new process under strace. Returns its exit code.

    The process comes from a fork server that has imported everything: it waits on `go` until it is
    traced, and the calls of its start are not counted.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"tests.torture.{name}" for name in PRELOADED])
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(*arguments, theirs), daemon=True)
    process.start()
    command = [str(STRACE), "-f", "-o", str(log), *options, "-p", str(process.pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        _wait_until_traced(tracer)
        ours.send("go")
        process.join(PATIENCE_S)
        if process.exitcode is None:
            raise TimeoutError(f"the process hangs with {' '.join(options)}")
        return int(process.exitcode)
    finally:
        process.kill()
        process.join()
        tracer.wait(10)
        if tracer.stderr is not None:
            tracer.stderr.close()
        ours.close()
        theirs.close()


def _wait_until_traced(tracer: "subprocess.Popen[str]") -> None:
    """Until strace says so: before, calls can go by that it does not count."""
    assert tracer.stderr is not None
    told = tracer.stderr.readline()
    if "attached" not in told:
        raise NotRun(f"strace may not trace here: {told.strip()}")


def calls(log: Path) -> Counter[str]:
    """How often each system call was made, from strace's log."""
    found: Counter[str] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        name = line.partition("(")[0].split()[-1] if "(" in line else ""
        if name.isidentifier():
            found[name] += 1
    return found


def spread(points: Sequence[tuple[str, int]], count: int) -> list[tuple[str, int]]:
    """At most so many of them, evenly over all."""
    if len(points) <= count:
        return list(points)
    return [points[index * len(points) // count] for index in range(count)]
