"""R-FUZZ-1: whatever bytes come, they are refused in words: no crash, no hang, no growth."""

import importlib.util
import random
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.torture.fuzz_targets import SEEDS, TARGETS
from tests.torture.trials import Broken, Stage, held, trial

ROOT = Path(__file__).parents[2]
HANG_S = 2  # on a machine that others use too; the promise is 1 s on a quiet one
GROWTH_MIB = 50
MILLION = 1_000_000
LEAST = 1000  # inputs; fewer than that, on whatever machine, prove nothing
# Through a small process between: a child begins with the largest size that its parent ever had
# (ru_maxrss of getrusage(2), over exec), which would hide any growth below that of this one.
OF_ITS_OWN = ("sh", "-c", '"$@"; exit $?', "sh")
EXECUTED = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
PEAK = re.compile(r"stat::peak_rss_mb:\s+(\d+)")
INITED = re.compile(r"INITED.*rss: (\d+)Mb")


@trial("R-FUZZ-1", "no bytes from outside crash, hang or bloat what reads them")
def fuzzed(stage: Stage) -> str:
    if importlib.util.find_spec("atheris") is None:
        return _by_hand(stage, stage.sized(4, 600))
    inputs, seconds = stage.sized(MILLION, 10 * MILLION), stage.sized(15, 3 * 3600)
    naive, _ = _fuzz(stage.folder, "naive", MILLION, 20)
    held(naive != 0, "the control, a hasty reader, was not broken")
    _, text = _fuzz(stage.folder, "leaky", MILLION // 100, 20)
    held(_growth(text) > GROWTH_MIB, "the control, a reader that keeps all, was not seen to grow")
    executed, growth = {}, 0
    for name in TARGETS:
        code, text = _fuzz(stage.folder, name, inputs, seconds)
        if code != 0:
            raise Broken(f"{name}: {_why(text)}")
        executed[name] = int(_found(EXECUTED, text))
        grown = _growth(text)
        held(grown <= GROWTH_MIB, f"{name}: grew by {grown} MiB")
        growth = max(growth, grown)
    slow = {name: count for name, count in executed.items() if count < inputs}
    held(min(executed.values()) >= LEAST, f"too few to say anything: {slow}")
    told = ", ".join(f"{name} {count:,}" for name, count in slow.items()) or "none"
    return (
        f"{len(executed)} readers, {len(executed) - len(slow)} with {inputs:,} inputs each, slower "
        f"ones with what {seconds} s allow: {told}; 0 crashes, 0 hangs, at most +{growth} MiB; a "
        "hasty reader breaks, a leaky one grows"
    )


def _fuzz(folder: Path, name: str, inputs: int, seconds: int) -> tuple[int, str]:
    """The exit code of the fuzzer, and what it wrote. New inputs stay in the trial's folder.

    It ends after so many inputs, or after that time, whichever comes first.
    """
    found = folder / name
    found.mkdir()
    seeds = [str(SEEDS / name)] if (SEEDS / name).is_dir() else []
    result = subprocess.run(
        [
            *OF_ITS_OWN,
            *(sys.executable, "-m", "tests.torture.fuzz_targets", name),
            *(
                f"-runs={inputs}",
                f"-max_total_time={seconds}",
                f"-timeout={HANG_S}",
                "-print_final_stats=1",
            ),
            *("-seed=1", "-rss_limit_mb=600", f"-artifact_prefix={found}/", str(found), *seeds),
        ],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds + 120,
        cwd=ROOT,
        check=False,
    )
    return result.returncode, result.stderr + result.stdout


def _growth(text: str) -> int:
    """MiB, from when the seeds were read."""
    return int(_found(PEAK, text)) - int(_found(INITED, text))


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    if match is None:
        raise Broken(f"the fuzzer's report lacks {pattern.pattern}")
    return match[1]


def _why(text: str) -> str:
    """The line that names the error, and the input that made it."""
    lines = [line for line in text.splitlines() if "Error" in line or line.startswith("Base64")]
    return " | ".join(lines[-3:]) or text[-300:]


# --- without atheris -----------------------------------------------------------------------------


def _by_hand(stage: Stage, seconds: int) -> str:
    """Seeds changed at random, without knowing what is covered: better than nothing."""
    dice, total = random.Random(1), 0
    for name, target in TARGETS.items():
        seeds = [path.read_bytes() for path in sorted((SEEDS / name).iterdir())]
        ends_s = time.monotonic() + seconds
        while time.monotonic() < ends_s:
            data = _mutated(dice.choice(seeds), dice)
            begun_s = time.monotonic()
            try:
                target(data)
            except Exception as error:
                (stage.folder / f"crash-{name}").write_bytes(data)
                raise Broken(f"{name}: {type(error).__name__}: {error}") from error
            held(time.monotonic() - begun_s < HANG_S, f"{name} hangs on {data[:60]!r}")
            total += 1
    return f"{len(TARGETS)} readers, {total:,} changed inputs without coverage (no atheris here)"


def _mutated(data: bytes, dice: random.Random) -> bytes:
    parts = bytearray(data)
    for _ in range(dice.randrange(1, 8)):
        place = dice.randrange(len(parts) + 1)
        match dice.randrange(4):
            case 0 if parts:
                parts[place % len(parts)] = dice.randrange(256)
            case 1:
                parts[place:place] = dice.randbytes(dice.randrange(1, 6))
            case 2:
                del parts[place : place + dice.randrange(1, 20)]
            case _:
                parts[place:place] = parts[: dice.randrange(1, 40)]
    return bytes(parts)
