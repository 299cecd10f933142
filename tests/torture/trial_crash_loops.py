"""S-CFG-4: what was flashed crashes, or is killed while it is on trial: the unit comes back."""

import platform
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from config.slots import Lane, read_slots
from edge.booting.ledger import Ledger, read_ledger
from edge.booting.runtime import PYTHON
from edge.local.asking import ask
from tests.bundle_maker import envelope_of, manifest_of, trust_of
from tests.launched_unit import fill_slot
from tests.torture.trial_fuzzed_flashes import Bench, bench, until
from tests.torture.trials import Stage, held, trial
from tests.wheel_maker import wheel

# Answers as a runtime would when it is tried, and ends as soon as it is to work.
BROKEN = """\
import sys
def main():
    sys.exit(3 if "run" in sys.argv else 0)
"""
BACK_WITHIN_S = 60.0


@trial("S-CFG-4", "a flash that crashes, or is killed on trial, ends with a unit that is well")
def crashes(stage: Stage) -> str:
    with bench(stage.folder) as stand:
        back_s = _broken_runtime(stand)
        kept, taken = _killed(stand, stage.sized(20, 200))
        safe_s = _safe_mode(stand)
        until(lambda: stand.gaps() == 0, 30, f"{stand.gaps()} messages are lost")
    return (
        f"a runtime that crashes was taken back within {back_s:.0f} s; killed {kept + taken} times "
        f"on trial: {kept} kept, {taken} taken back, none else; five crashes by itself led to safe "
        f"mode, which told its position after {safe_s:.0f} s; no message missing"
    )


def _switched(
    stand: Bench, lane: Lane, files: dict[str, str], sign: Callable[[Path], None] = lambda _: None
) -> None:
    """What the engine does after all its checks, which these would not pass."""
    until(stand.answers, 60, "the unit does not answer")
    folder = stand.home / "state" / "slots"
    stand.serial += 1
    slot = stand.slots.lane(lane).free
    content = fill_slot(folder, lane, slot, files, stand.serial)
    sign(folder / lane / slot)
    request = {"lane": lane, "slot": slot, "content": content.model_dump(), "by": "local:anna"}
    ask(stand.home / "state", "slots.switch", request)


def _broken_runtime(stand: Bench) -> float:
    """How long it took until the installed one told a position again."""
    anchor = stand.home / "state" / "trust.json"
    anchor.write_text(trust_of("anna", "bert").model_dump_json(exclude_none=True))
    heard = len(stand.hub.of("position"))
    began_s = time.monotonic()
    _switched(stand, "runtime", {"site/edge/cli/start.py": BROKEN}, _as_code)
    until(lambda: stand.slots.trial is None, BACK_WITHIN_S, "it is not taken back")
    ended = stand.slots.ended[-1]
    held((ended.outcome, ended.code) == ("rolled_back", "crash_loop"), f"it ended {ended}")
    until(lambda: len(stand.hub.of("position")) > heard + 3, BACK_WITHIN_S, "no position any more")
    held(stand.unit.codes[:3] == [3, 3, 3], f"it did not crash: {stand.unit.codes}")
    until(lambda: "stay up" in _fault(stand, "rolled_back"), 30, "the hub is not told")
    back_s = time.monotonic() - began_s
    anchor.unlink()  # what comes next nobody has signed: nothing is verified
    return back_s


def _as_code(slot: Path) -> None:
    """Two have signed it: unsigned code is not even started."""
    name = "x-1-py3-none-any.whl"
    data = wheel(slot / "files" / name, {"edge/cli/start.py": BROKEN.encode()})
    target = {"machine": platform.machine(), "python": PYTHON}
    manifest = manifest_of({name: data}, kind="runtime", platform=target)
    (slot / "files/site/x-1.dist-info").mkdir()
    (slot / "files/site/x-1.dist-info/RECORD").touch()
    (slot / "manifest.jws").write_bytes(envelope_of(manifest, "anna", "bert").raw)


def _fault(stand: Bench, code: str) -> str:
    reports = stand.hub.of("health")
    faults = reports[-1]["data"]["faults"] if reports else []
    return next((str(each["text"]) for each in faults if each["code"] == code), "")


def _killed(stand: Bench, count: int) -> tuple[int, int]:
    """Once at any moment of each trial, which ends one way or the other."""
    dice, ends = random.Random(4), {"committed": 0, "rolled_back": 0}
    for number in range(count):
        _switched(stand, "config", {"unit.yaml": f"sleep: {{after_s: {100 + number}}}\n"})
        time.sleep(dice.uniform(0, 8))
        stand.unit.process.send_signal(signal.SIGKILL)
        until(lambda: stand.slots.trial is None, 120, "the trial does not end")
        held(stand.slots.ended[-1].content.serial == stand.serial, f"kill {number}: {stand.slots}")
        ends[stand.slots.ended[-1].outcome] += 1
        held(_is_whole(stand.home), f"kill {number}: the slots' file is damaged")
    return ends["committed"], ends["rolled_back"]


def _is_whole(home: Path) -> bool:
    folder = home / "state" / "slots"
    read_slots(folder)
    return not list(folder.glob("*.corrupt-*"))


def _safe_mode(stand: Bench) -> float:
    """How long after the fifth crash it told its position."""
    state = stand.home / "state"
    until(stand.answers, 60, "the unit does not answer")
    for _ in range(10):
        if _ledger(state).safe is not None:
            break
        until(stand.answers, 60, "the unit does not answer")
        starts = len(stand.unit.codes)
        stand.unit.process.send_signal(signal.SIGKILL)
        until(lambda: len(stand.unit.codes) > starts, 30, "it does not end")  # noqa: B023
        time.sleep(0.5)
        until(lambda: _ledger(state).runs, 60, "it does not start")
    began_s = time.monotonic()
    until(lambda: bool(_fault(stand, "safe_mode")), 90, "it does not tell of safe mode")
    heard = len(stand.hub.of("position"))
    until(lambda: len(stand.hub.of("position")) > heard, 60, "no position in safe mode")
    return time.monotonic() - began_s


def _ledger(state: Path) -> Ledger:
    return read_ledger(state)
