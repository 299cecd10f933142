"""Other programs that flash boards: found, their version checked, followed line by line.

They stay programs: dfu-util and esptool are under the GPL, and nothing of them is imported.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from firmware_bridge.management.errors import ManagementError, MissingProgramError

ANSWER_S = 20.0  # for its version
CHUNK_BYTES = 4096
KEPT_LINES = 200
ENDS_S = 10.0  # after its last word
LINE_END = re.compile(rb"[\r\n\x08]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One that was found and is new enough."""

    path: str
    version: tuple[int, ...]


def find(
    names: Sequence[str], version_words: Sequence[str], least: tuple[int, ...], cure: str
) -> Program:
    """The first of these on PATH. Raises MissingProgramError."""
    for name in names:
        path = shutil.which(name)
        if path is not None:
            break
    else:
        raise MissingProgramError(f"{names[0]} is not installed", cure)
    told = _output([path, *version_words])
    match = re.search(r"\bv?(\d+)\.(\d+)(?:\.(\d+))?", told)
    version = tuple(int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    if version < least:
        wanted = ".".join(map(str, least))
        found = ".".join(map(str, version))
        raise MissingProgramError(f"{path} is version {found}; {wanted} is needed", cure)
    return Program(path=path, version=version)


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - found on PATH, no shell
            command, capture_output=True, timeout=ANSWER_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingProgramError(f"{command[0]} does not run", "install it anew") from error
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def follow(
    command: Sequence[str],
    hear: Callable[[str], None],
    silent_s: float,
    mono_s: Callable[[], float] = time.monotonic,
) -> tuple[int, list[str]]:
    """Run it; `hear` gets each line as it comes, also those that overwrite the last one.

    Returns its exit code and its last lines. If `hear` raises, or nothing comes for `silent_s`, it
    is stopped first. Raises ManagementError where it falls silent or cannot be started.
    """
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8", "TERM": "dumb"}
    try:
        process = subprocess.Popen(  # noqa: S603 - found on PATH, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    except OSError as error:
        raise MissingProgramError(f"{command[0]} does not run", "install it anew") from error
    with process:
        try:
            lines = _heard(process, hear, silent_s, mono_s)
            return process.wait(ENDS_S), lines
        except subprocess.TimeoutExpired as error:
            _stop(process)
            raise ManagementError(
                "the program has said its last and does not end", "reset the board and flash again"
            ) from error
        except BaseException:
            _stop(process)
            raise


def _heard(
    process: "subprocess.Popen[bytes]",
    hear: Callable[[str], None],
    silent_s: float,
    mono_s: Callable[[], float],
) -> list[str]:
    if process.stdout is None:  # it was asked for
        return []
    handle, held, lines = process.stdout.fileno(), b"", list[str]()
    os.set_blocking(handle, False)
    last_s = mono_s()
    while True:
        data = _read(handle)
        if data == b"":
            break
        if data is None:
            if mono_s() - last_s > silent_s:
                raise ManagementError(
                    f"the program has said nothing for {silent_s:g} s",
                    "reset the board, see to the cable, and flash again",
                )
            time.sleep(0.02)
            continue
        last_s = mono_s()
        *ended, held = LINE_END.split(held + data)
        for each in ended:
            _tell(each, lines, hear)
        held = held[-CHUNK_BYTES:]
    _tell(held, lines, hear)
    return lines


def _read(handle: int) -> bytes | None:
    """None while nothing is there; empty at the end."""
    try:
        return os.read(handle, CHUNK_BYTES)
    except BlockingIOError:
        return None


def _tell(raw: bytes, lines: list[str], hear: Callable[[str], None]) -> None:
    told = raw.decode("utf-8", "replace")
    line = "".join(char if char.isprintable() else " " for char in told).strip()
    if line:
        lines.append(line)
        del lines[:-KEPT_LINES]
        hear(line)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()


def blame(lines: Sequence[str], known: Sequence[tuple[str, str, str]]) -> ManagementError:
    """What went wrong, in our words, by what it wrote; its own last line where we know none.

    `known`: a pattern, the words, the cure.
    """
    told = "\n".join(lines)
    for pattern, words, cure in known:
        if re.search(pattern, told):
            return ManagementError(words, cure)
    last = next((line for line in reversed(lines) if "rror" in line), lines[-1] if lines else "")
    return ManagementError(f"it failed: {last[:200]}" if last else "it failed without a word")
