"""The short trials of `make torture`, as part of the tests."""

from pathlib import Path

import pytest

from tests.torture.__main__ import load
from tests.torture.trials import TRIALS, NotRun, Stage

load()


@pytest.mark.parametrize("name", sorted(n for n, each in TRIALS.items() if each.short))
def test_the_promise_holds(name: str, tmp_path: Path) -> None:
    try:
        TRIALS[name].run(Stage(folder=tmp_path, size="ci"))
    except NotRun as error:
        pytest.skip(str(error))
