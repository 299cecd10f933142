"""`patrol-edge flash` and `patrol-edge slots`, as a technician and a program see them."""

import io
import json
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from edge.cli.flash.flash import WAYS
from edge.cli.flash.flash_view import PeopleView
from edge.cli.main import main
from edge.flashing.wish import Step
from edge.slots.serials import read_second, second_place
from telemetry.contract.flash import Way
from tests.flashing_stand import Stand, made


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def bundle(stand: Stand, serial: int, content: bytes = b"position:\n  patrol_every_s: 4\n") -> str:
    """A file of today."""
    now = datetime.now(UTC)
    dates = {
        "issued_at": now - timedelta(hours=1),
        "not_before": now - timedelta(hours=1),
        "not_after": now + timedelta(days=1),
    }
    path = stand.home / f"north-{serial}.peb"
    path.write_bytes(made({"unit.yaml": content}, "config", serial, name="north", **dates))
    return str(path)


def called(stand: Stand, *words: str) -> int:
    return main([*words, "--config", str(stand.unit.config)])


def test_a_flash_says_each_step_and_where_it_is(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(stand, "flash", bundle(stand, 3)) == 0
    told = capsys.readouterr()
    assert "signed by anna, bert" in told.err
    assert "it lies in slot a of config" in told.err
    assert told.out == "north is in use from the unit's next start on, on trial\n"


def test_a_refusal_has_its_cure_and_exit_code_1(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(stand, "flash", bundle(stand, 3, b"hub: nowhere\n")) == 1
    told = capsys.readouterr().err
    assert "error: with it the configuration is wrong" in told
    assert "\n  → correct it" in told


def test_lines_for_programs_end_with_how_it_ended(
    stand: Stand, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = Path(bundle(stand, 3)).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert called(stand, "flash", "-", "--json") == 0
    lines: list[dict[str, Any]] = [
        json.loads(line) for line in capsys.readouterr().out.splitlines()
    ]
    assert [line["percent"] for line in lines[:-1]] == sorted(
        line["percent"] for line in lines[:-1]
    )
    assert (lines[-1]["end"], lines[-1]["ok"], lines[-1]["serial"]) == ("at_next_start", True, 3)

    assert called(stand, "flash", bundle(stand, 4), "--json") == 1
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["end"], last["ok"], last["code"]) == ("refused", False, "busy")


@pytest.mark.parametrize(
    "words", [["flash"], ["flash", "/nowhere.peb"], ["slots", "rollback", "x"]]
)
def test_wrong_usage_is_exit_code_2(stand: Stand, words: list[str]) -> None:
    try:
        code = called(stand, *words)
    except SystemExit as end:
        code = int(str(end.code))
    assert code == 2


def test_slots_tell_keep_and_go_back(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    called(stand, "flash", bundle(stand, 3))
    assert called(stand, "slots", "commit") == 0
    called(stand, "flash", bundle(stand, 5))
    assert called(stand, "slots", "rollback") == 0
    assert stand.slots.lane("config").active == "a"
    called(stand, "flash", bundle(stand, 6))
    called(stand, "slots", "commit")
    capsys.readouterr()

    assert called(stand, "slots", "list") == 0
    told = capsys.readouterr().out
    assert "config   b  north (serial 6) since" in told
    assert "a  north (serial 3) before: slots rollback config" in told
    assert "taken back: taken back by local:" in told

    assert called(stand, "slots", "rollback", "config") == 0
    assert stand.slots.lane("config").active == "a"
    assert called(stand, "slots", "rollback", "--factory") == 0
    assert stand.slots.lane("config").active is None
    assert called(stand, "slots", "rollback", "--factory") == 1
    assert called(stand, "flash", bundle(stand, 5)) == 1  # below 6, for ever
    capsys.readouterr()
    assert called(stand, "slots", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["lanes"]["config"]["serial"] == 6


def test_a_seal_mends_and_keeps_no_unit_from_starting(stand: Stand) -> None:
    assert called(stand, "slots", "seal") == 0
    assert not stand.unit.folder.exists()
    called(stand, "flash", bundle(stand, 3))
    called(stand, "slots", "commit")
    (stand.unit.folder / "slots.json").write_text("{")
    assert called(stand, "slots", "seal") == 0
    assert stand.slots.lane("config").active == "a"
    stand.unit.config.write_text("unit: nothing\n")
    assert called(stand, "slots", "seal") == 0


def test_a_unit_that_was_started_before_its_first_flash_tells_no_lost_serials(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root seals, and only the service commits: the second place is there, and not missing."""
    assert called(stand, "slots", "seal") == 0
    second = second_place(stand.unit.state_dir)
    assert read_second(second).state == "there"
    called(stand, "flash", bundle(stand, 3))
    called(stand, "slots", "commit")
    assert "was missing" not in capsys.readouterr().err
    second.write_text("{")
    shutil.rmtree(stand.unit.folder)
    assert called(stand, "slots", "seal") == 0
    assert read_second(second).state == "damaged", "it may hold serials that nothing else knows"


def test_the_ways_are_those_of_the_engine() -> None:
    assert get_args(Way) == WAYS


@pytest.mark.parametrize(
    ("stage", "told"),
    [("unpacked", "interrupted: nothing was changed"), ("switched", "is on trial, and goes on")],
)
def test_an_interruption_says_what_is_left(
    stand: Stand,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    told: str,
) -> None:
    def step(_view: PeopleView, step: Step) -> None:
        if step.stage == stage:
            raise KeyboardInterrupt

    monkeypatch.setattr(PeopleView, "step", step)
    assert called(stand, "flash", bundle(stand, 3)) == 1
    assert told in capsys.readouterr().err
    assert not (stand.unit.folder / "config" / "incoming").exists()
