"""The launcher's decisions: pure steps of the ledger and the slots, and what it leaves on disks."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.language import localized, tell
from config.slots import Content, Lane, Slot, SlotsFile, Trial, read_slots, write_slots
from edge.booting.launching import Now, prepare
from edge.booting.ledger import (
    CRASHES_TO_SAFE_MODE,
    FILE,
    PAUSES_S,
    SAFE_SINCE,
    WINDOW_S,
    Ledger,
    Note,
    read_ledger,
    write_ledger,
)
from edge.booting.runtime import PYTHON, command, why_not_this_python
from edge.booting.slot_care import STARTS_ON_TRIAL, TRIAL_WITHIN_S, counted, sound
from edge.booting.state_folder import state_folder
from tests.launched_unit import fill_slot

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
NO_KEYS = Path("/nonexistent/trust.json")


def crashed(ledger: Ledger, times: int, at_s: float = 100.0, every_s: float = 10.0) -> Ledger:
    """Started once, and again after each crash."""
    ledger = ledger.started("boot", at_s)
    for number in range(1, times + 1):
        ledger = ledger.started("boot", at_s + every_s * number)
    return ledger


def begun(lane: Lane = "config", serial: int = 1, slots: SlotsFile | None = None) -> SlotsFile:
    slots = slots or SlotsFile()
    trial = Trial(
        lane=lane,
        slot=slots.lane(lane).free,
        back_to=slots.lane(lane).active,
        content=Content(bundle=f"b{serial}", name=f"n{serial}", serial=serial, kind=lane),
        begun_at=NOW,
        by="local:anna",
        hub_was_there=True,
    )
    after = slots.begin(trial)
    assert after is not None
    return after


def committed(slots: SlotsFile) -> SlotsFile:
    after = slots.commit(NOW)
    assert after is not None
    return after


# --- the count of starts ---


def test_repeated_crashes_within_the_window_end_in_safe_mode() -> None:
    assert crashed(Ledger(), CRASHES_TO_SAFE_MODE - 1).safe is None
    assert crashed(Ledger(), CRASHES_TO_SAFE_MODE).safe is not None


def test_crashes_far_apart_do_not() -> None:
    assert crashed(Ledger(), 50, every_s=WINDOW_S / (CRASHES_TO_SAFE_MODE - 1) + 1).safe is None


def test_safe_mode_stays_until_it_is_ended_in_order_or_the_computer_starts_anew() -> None:
    safe = crashed(Ledger(), CRASHES_TO_SAFE_MODE)
    assert safe.started("boot", 90_000).safe is not None
    assert safe.well().started("boot", 90_000).safe is not None
    assert safe.ended().started("boot", 90_001).safe is None
    assert safe.started("another boot", 5).safe is None


def test_a_run_that_was_well_for_long_forgives_what_was_before() -> None:
    almost = crashed(Ledger(), CRASHES_TO_SAFE_MODE - 1)
    assert almost.well().started("boot", 200).safe is None


def test_a_power_cut_is_no_crash() -> None:
    ledger = Ledger()
    for number in range(20):
        ledger = ledger.started(f"boot {number}", 30)
    assert ledger.safe is None


def test_safe_mode_that_ends_at_once_is_waited_for_longer_and_longer_but_never_for_long() -> None:
    ledger, pauses = crashed(Ledger(), CRASHES_TO_SAFE_MODE), []
    for number in range(20):
        pauses.append(ledger.pause_s)
        ledger = ledger.started("boot", 200 + number)
    assert pauses == sorted(pauses)
    assert pauses[0] == 0
    assert max(pauses) == PAUSES_S[-1] <= 60
    assert ledger.distrusts_flashed_runtime


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["start", "end", "well"]),
            st.sampled_from(["a", "b"]),
            st.floats(-1e6, 1e6),
        ),
        max_size=60,
    )
)
def test_whatever_happens_the_ledger_stays_small_and_can_be_written(
    steps: list[tuple[str, str, float]],
) -> None:
    ledger = Ledger()
    for what, boot, at_s in steps:
        if what == "start":
            ledger = ledger.started(boot, at_s)
        else:
            ledger = ledger.ended() if what == "end" else ledger.well()
        assert len(ledger.crashes) <= CRASHES_TO_SAFE_MODE
        assert 0 <= ledger.pause_s <= 60
    assert Ledger.model_validate_json(ledger.model_dump_json()) == ledger


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"version": 2}', b"\xff", b'{"crashes": 1}'])
def test_a_damaged_ledger_is_set_aside_and_begun_anew(tmp_path: Path, data: bytes) -> None:
    (tmp_path / FILE).write_bytes(data)
    assert read_ledger(tmp_path) == Ledger()
    assert (tmp_path / f"{FILE}.corrupt-1").read_bytes() == data
    assert write_ledger(tmp_path, Ledger(boot="x"))
    assert read_ledger(tmp_path).boot == "x"


# --- the slots ---


def test_a_trial_that_does_not_stay_up_is_taken_back_at_the_fourth_start() -> None:
    slots = begun()
    for _ in range(STARTS_ON_TRIAL):
        slots = counted(slots, NOW, 5)
        assert slots.trial is not None
    slots = counted(slots, NOW, 20)
    assert slots.trial is None
    assert slots.lane("config").active is None
    assert slots.ended[-1].code == "crash_loop"


def test_or_when_its_time_is_over_before_that() -> None:
    slots = counted(begun(), NOW, 0)
    assert counted(slots, NOW, TRIAL_WITHIN_S - 1).trial is not None
    assert counted(slots, NOW, TRIAL_WITHIN_S + 1).trial is None


def test_without_a_trial_nothing_is_counted() -> None:
    slots = committed(begun())
    assert counted(slots, NOW, 0) == slots


def test_a_damaged_slot_goes_back_to_the_one_before_and_then_to_what_the_unit_came_with() -> None:
    first = committed(begun(serial=1))
    second = committed(begun(serial=2, slots=first))
    bad: set[Slot] = {"b"}

    def why_not(_lane: Lane, slot: Slot) -> str | None:
        return "unit.yaml was changed" if slot in bad else None

    after, notes = sound(second, why_not, NOW)
    assert after.lane("config").active == "a"
    assert after.lane("config").serial == 2
    assert [note.code for note in notes] == ["slot_damaged"]
    bad.add("a")
    after, notes = sound(second, why_not, NOW)
    assert after.lane("config").active is None
    assert [note.component for note in notes] == ["config"] * 2
    assert sound(second, lambda _lane, _slot: None, NOW) == (second, ())


def test_a_damaged_slot_on_trial_ends_the_trial_and_another_lane_leaves_it_alone() -> None:
    slots = begun("model", 7, committed(begun()))
    after, notes = sound(slots, lambda lane, _: "no" if lane == "model" else None, NOW)
    assert after.trial is None
    assert after.ended[-1].code == "slot_damaged"
    assert notes == ()
    after, notes = sound(slots, lambda lane, _: "no" if lane == "config" else None, NOW)
    assert after.trial == slots.trial
    assert after.lane("config").active is None
    assert notes[0].component == "config"


# --- all together, on a disk ---


def now(at_s: float = 100.0) -> Now:
    return Now(boot="boot", since_boot_s=at_s, utc=NOW)


def test_a_unit_that_was_never_flashed_starts_what_was_installed(tmp_path: Path) -> None:
    decision = prepare(tmp_path, NO_KEYS, now())
    assert decision.runtime is None
    assert not decision.safe
    assert not (tmp_path / "slots").exists()
    assert read_ledger(tmp_path).runs


def test_damaged_slots_are_set_aside_told_and_the_unit_is_what_it_came_as(tmp_path: Path) -> None:
    folder = tmp_path / "slots"
    folder.mkdir()
    (folder / "slots.json").write_bytes(b"{ half")
    decision = prepare(tmp_path, NO_KEYS, now())
    assert decision.runtime is None
    assert read_slots(folder) == SlotsFile()
    assert (folder / "slots.json.corrupt-1").exists()
    assert [note.code for note in read_ledger(tmp_path).notes] == ["slots_damaged"]


@pytest.fixture
def all_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keys no flashed runtime is started; here something else is asked."""
    monkeypatch.setattr("edge.booting.verifying.Inspector.why_not", lambda *_: None)


def test_a_runtime_for_another_python_is_taken_back(tmp_path: Path, all_is_signed: None) -> None:
    folder = tmp_path / "slots"
    fill_slot(folder, "runtime", "a", {}, platform={"machine": "x86_64", "python": "3.2"})
    write_slots(folder, begun("runtime"))
    assert prepare(tmp_path, NO_KEYS, now()).runtime is None
    assert "3.2" in read_slots(folder).ended[-1].text


def test_a_flashed_runtime_is_run_in_isolation(tmp_path: Path) -> None:
    import platform

    folder = tmp_path / "slots"
    told = {"machine": platform.machine(), "python": PYTHON}
    files = {"site/edge/cli/start.py": ""}
    fill_slot(folder, "runtime", "a", files, platform=told)
    assert why_not_this_python(folder, "a") is None
    argv = command(folder, "a", ["run"])
    assert argv[0] == sys.executable
    assert {"-I", "-S"} <= set(argv)
    assert command(folder, None, ["run"])[-2:] == ["edge.cli.start", "run"]


def test_safe_mode_that_crashes_gives_up_the_flashed_runtime(
    tmp_path: Path, all_is_signed: None
) -> None:
    import platform

    folder = tmp_path / "slots"
    told = {"machine": platform.machine(), "python": PYTHON}
    fill_slot(folder, "runtime", "a", {"site/edge/cli/start.py": ""}, platform=told)
    write_slots(folder, committed(begun("runtime")))
    decisions = [prepare(tmp_path, NO_KEYS, now(100 + number)) for number in range(9)]
    assert [each.safe for each in decisions] == [False] * 5 + [True] * 4
    assert [each.runtime for each in decisions] == ["a"] * 7 + [None] * 2


def test_a_disk_that_refuses_keeps_no_unit_down(tmp_path: Path) -> None:
    decision = prepare(tmp_path / "not" / "there", NO_KEYS, now())
    assert not decision.safe


def test_notes_are_kept_and_not_endlessly_many() -> None:
    ledger = Ledger()
    for number in range(100):
        note = Note(code="slot_damaged", component=f"c{number % 30}", text=str(number), at=NOW)
        ledger = ledger.noted(note)
    assert len(ledger.notes) == 20
    assert ledger.notes[-1].text == "99"


def test_what_the_launcher_tells_can_be_said_in_another_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGUAGE", "zh_CN")
    ledger = Ledger(boot="b", safe=str(SAFE_SINCE), safe_crashes=1)
    note = Note.of("slot_damaged", "model", tell("its files are not there"), NOW)
    assert write_ledger(tmp_path, ledger.noted(note))

    ledger = read_ledger(tmp_path)

    assert ledger.notes[0].text == "its files are not there"
    assert localized(ledger.notes[0].told) == "其文件不存在"
    assert localized(ledger.why_safe or "") == "10 分钟内自行退出 5 次"
    assert Ledger(safe="as before").why_safe == "as before"
    assert Ledger().why_safe is None


def test_the_state_folder_is_found_in_a_file_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "unit.yaml"
    path.write_text("unit: 3\nstate_dir: here\ncameras: [\n")
    assert state_folder(path, {}) == Path("/var/lib/patrol-edge")
    path.write_text("unit: 3\nstate_dir: here\ncameras: no\n")
    assert state_folder(path, {}) == tmp_path / "here"
    assert state_folder(path, {"PATROL_EDGE__STATE_DIR": "/z"}) == Path("/z")
    assert state_folder(tmp_path / "none", {}) == Path("/var/lib/patrol-edge")


def test_what_the_launcher_says_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    from edge.booting.launching import say

    say("slot_damaged", component="config")
    assert json.loads(capsys.readouterr().err)["event"] == "launcher_slot_damaged"
