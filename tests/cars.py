"""Cars to test with: an emulator that we did not write, and a bus within this process."""

import os
import pty
import select
import shutil
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.base import BadDataError
from drivers.platforms.orders import Platform, PlatformSample

ELM = Path(sys.executable).with_name("elm")


@contextmanager
def emulated_adapter(folder: Path, *options: str) -> Iterator[str]:
    """ELM327-emulator as a program of its own (CC BY-NC-SA: never imported); its port."""
    if not ELM.exists() and shutil.which("elm") is None:
        pytest.skip("no elm: pip install ELM327-emulator")
    output = folder / "elm.txt"
    command = [str(ELM), "-b", str(output), "-s", "car", *options]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,  # where it leaves its log
    ) as process:
        try:
            end_s = time.monotonic() + 20
            while not (output.exists() and "batch mode STARTED" in output.read_text()):
                assert process.poll() is None, "the emulator ended"
                assert time.monotonic() < end_s, "the emulator does not start"
                time.sleep(0.05)
            yield output.read_text().splitlines()[0]
        finally:
            process.kill()


@contextmanager
def null_modem(wrong: bytes = b"", right: bytes = b"") -> Iterator[tuple[str, str]]:
    """Two serial ports, each of which hears what is written into the other.

    `wrong` becomes `right` on the way to the first: what its peer is mistaken in.
    """
    left, ours = pty.openpty(), pty.openpty()
    for end in (*left, *ours):
        tty.setraw(end)
    stop = threading.Event()

    def carry() -> None:
        while not stop.is_set():
            ready, _, _ = select.select([left[0], ours[0]], [], [], 0.1)
            for end in ready:
                data = os.read(end, 4096)
                if end == left[0]:
                    os.write(ours[0], data)
                else:
                    os.write(left[0], data.replace(wrong, right) if wrong else data)

    thread = threading.Thread(target=carry)
    thread.start()
    try:
        yield os.ttyname(left[1]), os.ttyname(ours[1])
    finally:
        stop.set()
        thread.join()
        for end in (*left, *ours):
            os.close(end)


def samples_until(
    driver: Platform, enough: Callable[[list[PlatformSample]], bool], within_s: float = 60.0
) -> list[PlatformSample]:
    """What it tells until that is enough, or the time is over."""
    found: list[PlatformSample] = []
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s and not enough(found):
        try:
            sample = driver.read()
        except BadDataError:  # counted by the loop that all drivers share
            continue
        if sample is not None:
            found.append(sample)
    return found
