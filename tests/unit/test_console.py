"""Results that nobody can have: told in words, never a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

# As the console script does, with Ctrl-C as soon as it begins to import.
INTERRUPTED = """
import signal, sys
from edge.cli import start

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "edge.cli.main":
            signal.raise_signal(signal.SIGINT)

# Whoever runs the tests in the background may have had it ignored, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupting())
sys.exit(start.main())
"""
PROGRAM = [sys.executable, "-m", "edge.cli.main"]


def run(shell: str, *, unbuffered: bool = False) -> subprocess.CompletedProcess[str]:
    program = [PROGRAM[0], *(["-u"] if unbuffered else []), *PROGRAM[1:]]
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$@" {shell}', "bash", *program, "version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", [False, True])
def test_a_disk_that_is_full_is_told_in_words(unbuffered: bool) -> None:
    done = run(">/dev/full", unbuffered=unbuffered)
    assert done.returncode == 1
    assert "error: the result cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("unbuffered", [False, True])
def test_a_reader_that_has_enough_is_no_error(unbuffered: bool) -> None:
    done = run("| true", unbuffered=unbuffered)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_ends_are_no_error(closed: str) -> None:
    done = run(closed)
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_while_it_still_imports_is_told_in_words() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "interrupted\n")
