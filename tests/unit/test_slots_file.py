"""The slots' file: each step of a flash, and what makes no sense."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.language import localized, tell
from config.slots import (
    FILE,
    Content,
    Slot,
    SlotsError,
    SlotsFile,
    Trial,
    read_slots,
    write_slots,
)
from edge.flashing.trial.gate import in_words

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def content(serial: int) -> Content:
    return Content(bundle=f"bundle-{serial}", name=f"number {serial}", serial=serial, kind="config")


def trial(slots: SlotsFile, serial: int, slot: Slot | None = None) -> Trial:
    state = slots.lane("config")
    return Trial(
        lane="config",
        slot=slot or state.free,
        back_to=state.active,
        content=content(serial),
        begun_at=NOW,
        by="local:anna",
        hub_was_there=True,
    )


def flashed(slots: SlotsFile, serial: int) -> SlotsFile:
    begun = slots.begin(trial(slots, serial))
    assert begun is not None
    committed = begun.commit(NOW)
    assert committed is not None
    return committed


def test_a_flash_goes_into_the_free_slot_and_is_kept_by_the_commit() -> None:
    first = flashed(SlotsFile(), 1)
    second = flashed(first, 2)

    assert first.lane("config").active == "a"
    assert second.lane("config").active == "b"
    assert second.lane("config").previous == "a"
    assert second.lane("config").serial == 2
    assert [each.outcome for each in second.ended] == ["committed", "committed"]


def test_a_roll_back_returns_to_what_was_in_use_and_keeps_the_serial() -> None:
    slots = flashed(SlotsFile(), 5)
    begun = slots.begin(trial(slots, 6))
    assert begun is not None

    back = begun.roll_back("crash_loop", "it did not stay up", NOW)

    assert back is not None
    assert back.lane("config").active == "a"
    assert back.lane("config").serial == 5
    assert back.trial is None
    assert (back.ended[-1].outcome, back.ended[-1].code) == ("rolled_back", "crash_loop")


def test_why_it_was_taken_back_can_be_said_in_another_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = SlotsFile().begin(trial(SlotsFile(), 1))
    assert begun is not None
    lacks = ("x: it is broken", tell("the hub is not reached"), tell("the model does not run"))
    back = begun.roll_back("unhealthy", in_words(lacks), NOW)
    assert back is not None
    write_slots(tmp_path, back)

    ended = read_slots(tmp_path).ended[-1]

    assert ended.text == ended.why == "; ".join(lacks)
    monkeypatch.setenv("LANGUAGE", "zh_CN")
    assert localized(ended.why) == "x: it is broken；无法连通中心；模型未运行"  # noqa: RUF001
    plain = ended.model_copy(update={"packed": {"pattern": "{x}", "values": {"x": "another"}}})
    assert plain.why == ended.text, "what does not fit the text is not believed"
    assert ended.model_copy(update={"text": "", "packed": None}).why == "unhealthy"


def test_the_first_flash_rolls_back_to_what_the_unit_came_with() -> None:
    begun = SlotsFile().begin(trial(SlotsFile(), 1))
    assert begun is not None
    back = begun.roll_back("unhealthy", "", NOW)
    assert back is not None
    assert back.lane("config").active is None


def test_one_trial_at_a_time_and_never_over_what_is_in_use() -> None:
    slots = flashed(SlotsFile(), 1)
    begun = slots.begin(trial(slots, 2))
    assert begun is not None
    assert begun.begin(trial(begun, 3)) is None
    assert slots.begin(trial(slots, 2, slot="a")) is None
    assert begun.use("config", None) is None


def test_starts_are_counted_only_on_trial() -> None:
    assert SlotsFile().started() is None
    begun = SlotsFile().begin(trial(SlotsFile(), 1))
    assert begun is not None
    again = begun.started()
    assert again is not None
    assert again.trial is not None
    assert again.trial.starts == 1


def test_by_hand_only_a_slot_that_is_filled() -> None:
    slots = flashed(flashed(SlotsFile(), 1), 2)
    before = slots.use("config", "a")
    factory = slots.use("config", None)
    assert before is not None
    assert before.lane("config").active == "a"
    assert factory is not None
    assert factory.lane("config").active is None
    assert slots.use("config", "b") is None  # it is in use
    assert slots.use("zones", "a") is None  # nothing is in it


def test_what_was_written_is_read(tmp_path: Path) -> None:
    slots = flashed(SlotsFile(), 1)
    write_slots(tmp_path, slots)
    assert read_slots(tmp_path) == slots


def test_no_file_means_that_nothing_was_flashed(tmp_path: Path) -> None:
    assert read_slots(tmp_path / "none") == SlotsFile()


@pytest.mark.parametrize("data", [b"", b"{", b'{"version": 2}', b"[]", b"\xff"])
def test_a_damaged_file_is_not_believed(tmp_path: Path, data: bytes) -> None:
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(SlotsError, match="damaged"):
        read_slots(tmp_path)
