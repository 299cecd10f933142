"""R-KILL-3: a unit is killed, or its disk fails, at any system call while it obeys."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from telemetry.commands.journal import journal_files
from telemetry.commands.journal_check import check
from tests import stranger_signer
from tests.commanded import DEVICE, HUB, Commanded
from tests.torture.injection import calls, need_strace, spread, traced
from tests.torture.obeyer import done_in, naive, obedient, obey
from tests.torture.trials import Stage, held, trial

COMMANDS = 4
CALLS = ("write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "ftruncate", "openat")
ENDS = {"succeeded", "interrupted", "storage"}


@trial("R-KILL-3", "a command cut off at any system call is done at most once, and its end told")
def cut_off(stage: Stage) -> str:
    need_strace()
    payloads = _payloads(stage.folder / "hub")
    points = _points(stage.folder, payloads)
    kills = spread(points, stage.sized(60, 1000))
    told = [_killed(stage.folder, payloads, point) for point in kills]
    once, cut = sum(done for done, _ in told), sum(lost for _, lost in told)
    faults = [
        (name, number, error)
        for error, names in (("EIO", ("fsync", "fdatasync")), ("ENOSPC", ("write", "pwrite64")))
        for name, number in spread([p for p in points if p[0] in names], stage.sized(10, 200))
    ]
    for fault in faults:
        _failing(stage.folder, payloads, fault)
    twice = _control(stage.folder, payloads)
    held(twice > 0, "the naive control never did one twice")
    return (
        f"{len(kills)} kills, {once} done once, {cut} told as interrupted, none twice; "
        f"{len(faults)} failing writes and syncs, none ended the unit; the naive control did "
        f"{twice} twice"
    )


def _payloads(folder: Path) -> list[bytes]:
    folder.mkdir()
    unit = Commanded(folder)
    later = "2026-06-01T12:50:00.000Z"
    return [
        stranger_signer.command(HUB, "hub-1", unit.claims(expires_at=later))
        for _ in range(COMMANDS)
    ]


def _home(folder: Path, name: str) -> Path:
    home = folder / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    shutil.copy(folder / "hub" / "keyring.json", home)
    return home


def _points(folder: Path, payloads: list[bytes]) -> list[tuple[str, int]]:
    home = _home(folder, "undisturbed")
    options = ["-e", f"trace={','.join(CALLS)}"]
    code = traced(obey, (home, payloads), options, folder / "strace")
    held(code == 0 and len(done_in(home)) == COMMANDS, f"undisturbed it ends with {code}")
    found = calls(folder / "strace")
    return [(name, number) for name in CALLS for number in range(1, found[name] + 1)]


def _killed(folder: Path, payloads: list[bytes], point: tuple[str, int]) -> tuple[int, int]:
    """Kill it there, start it again, repeat all. Returns how many were done, and interrupted."""
    name, number = point
    home = _home(folder, "killed")
    options = ["-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}"]
    code = traced(obey, (home, payloads), options, folder / "strace")
    held(code in (-9, 0), f"{name} {number}: ended with {code}")
    return _judged(home, payloads, f"killed at {name} {number}")


def _failing(folder: Path, payloads: list[bytes], fault: tuple[str, int, str]) -> None:
    """Let one call fail, and all of its kind after it for a while: refused, never a crash."""
    name, number, error = fault
    home = _home(folder, "failing")
    when = f"{number}..{number + 3}"
    options = ["-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={when}"]
    code = traced(obey, (home, payloads), options, folder / "strace")
    held(code == 0, f"{error} at {name} {when}: ended with {code}")
    _judged(home, payloads, f"{error} at {name} {when}")


def _judged(home: Path, payloads: Sequence[bytes], where: str) -> tuple[int, int]:
    before = done_in(home)
    unit = obedient(home)
    ends = [unit.send_raw(payload)[-1] for payload in payloads]
    unit.intake.close()
    done = done_in(home)
    held(len(done) == len(set(done)), f"{where}: one was done twice")
    told = [reply.code or reply.status for reply in ends]
    held(set(told) <= ENDS, f"{where}: told {told}")
    for reply in ends:
        if reply.status == "succeeded":
            held(reply.command in done, f"{where}: told as done, and was not")
        if reply.command in before:
            held(reply.code != "storage", f"{where}: done, and told as refused")
    verdict = check(journal_files(home / "journal"), DEVICE.public)
    held(verdict.bad is None or unit.journal.broken, f"{where}: the journal: {verdict.bad}")
    written = {r.get("id") for r in unit.journaled() if r["what"] == "accepted"}
    held(set(done) <= written, f"{where}: something was done that is not in the journal")
    return len(done), told.count("interrupted")


def _control(folder: Path, payloads: list[bytes]) -> int:
    """How many a unit does twice that does first and remembers afterwards."""
    twice = 0
    for number in range(1, COMMANDS + 1):
        home = _home(folder, "control")
        options = ["-e", "trace=rename", "-e", f"inject=rename:signal=KILL:when={number}"]
        traced(naive, (home, payloads), options, folder / "strace")
        traced(naive, (home, payloads), ["-e", "trace=rename"], folder / "strace")
        done = done_in(home)
        twice += len(done) - len(set(done))
    return twice
