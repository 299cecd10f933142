"""The harness of the trials: it must be able to say no."""

from pathlib import Path

import pytest

from tests.torture.trials import Broken, NotRun, Stage, Trial, attempt, held


def tried(tmp_path: Path, run: object) -> tuple[str, str]:
    stage = Stage(folder=tmp_path, size="ci")
    told = attempt(Trial(id="R-X-1", promise="", run=run, short=True), stage)  # type: ignore[arg-type]
    return told.verdict, told.text


def test_each_way_to_end_has_its_verdict(tmp_path: Path) -> None:
    def broken(stage: Stage) -> str:
        held(False, "3 of 50 lost")
        return "never"

    def lacking(stage: Stage) -> str:
        raise NotRun("needs root")

    def crashing(stage: Stage) -> str:
        raise KeyError("oops")

    assert tried(tmp_path, lambda stage: "50 kills, 0 lost") == ("PASS", "50 kills, 0 lost")
    assert tried(tmp_path, broken) == ("FAIL", "3 of 50 lost")
    assert tried(tmp_path, lacking) == ("NOT RUN", "needs root")
    assert tried(tmp_path, crashing) == ("FAIL", "KeyError: 'oops'")


def test_what_holds_is_silent() -> None:
    held(1, "never seen")
    with pytest.raises(Broken):
        held((), "empty")
