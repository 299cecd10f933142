"""What begins first, and what takes its time: see tests/conftest.py."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from hypothesis import settings

from tests.conftest import LONG, pytest_collection_modifyitems

TESTS = Path(__file__).parents[1]


class Item:
    def __init__(self, path: str) -> None:
        self.path = TESTS / path


def test_every_file_that_is_named_is_there() -> None:
    assert [name for name in LONG if not (TESTS / name).is_file()] == []
    assert len(set(LONG)) == len(LONG)


def test_long_files_begin_and_the_rest_stays_as_it_was() -> None:
    def paths() -> Iterator[str]:
        return (str(item.path.relative_to(TESTS)) for item in items)

    items = [Item(name) for name in ("unit/b.py", LONG[1], "unit/a.py", LONG[0], LONG[1])]
    pytest_collection_modifyitems(items)  # type: ignore[arg-type]

    assert [*paths()] == [LONG[0], LONG[1], LONG[1], "unit/b.py", "unit/a.py"]


def test_no_example_fails_because_others_had_the_processor() -> None:
    assert settings(max_examples=3).deadline is None


def test_a_run_in_the_background_gives_its_programs_ctrl_c_back() -> None:
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import tests.conftest;"
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "True\n"


def test_a_command_that_blocks_its_stop_signals_here_blocks_them() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def test_and_no_test_after_it_has_them_blocked() -> None:
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
