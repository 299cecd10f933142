"""The health gate: what a flash needs, and when it is kept or taken back."""

from datetime import UTC, datetime

from config.slots import Content, Lane, Trial
from edge.flashing.trial.gate import Judge, Need, Seen, lacking, need_of

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def trial(
    lane: Lane = "config",
    well: tuple[str, ...] = (),
    there: tuple[str, ...] | None = (),
    *,
    hub: bool = True,
) -> Trial:
    return Trial(
        lane=lane,
        slot="a",
        back_to=None,
        content=Content(bundle="b", name="n", serial=1, kind=lane),
        begun_at=NOW,
        by="local:anna",
        hub_was_there=hub,
        well_before=well,
        there_before=there,
    )


def test_needed_is_what_was_well_and_what_is_new() -> None:
    before = trial(well=("gnss.main",), there=("gnss.main", "camera.broken"))
    now = ["gnss.main", "camera.broken", "camera.new"]
    need = need_of(before, now, perception=False)
    assert need.components == {"gnss.main", "camera.new"}
    assert need.hub


def test_what_is_not_configured_any_more_is_not_needed() -> None:
    before = trial(well=("gnss.main", "camera.gone"), there=("gnss.main", "camera.gone"))
    assert need_of(before, ["gnss.main"], perception=False).components == {"gnss.main"}


def test_where_nobody_knows_what_was_well_no_device_is_needed() -> None:
    need = need_of(trial(there=None, hub=False), ["gnss.main"], perception=True)
    assert need == Need(components=frozenset(), perception=False, hub=False)


def test_a_flashed_model_must_run_even_if_none_ran_before() -> None:
    there = ("perception",)
    assert need_of(trial("model", there=there), [], perception=True).perception
    same = need_of(trial("config", there, there), there, perception=True)
    assert same.perception
    assert same.components == frozenset()  # it is asked for by itself
    assert need_of(trial("runtime", there=there), [], perception=True).perception
    assert not need_of(trial("config", there=there), [], perception=True).perception
    assert need_of(trial("config", ("perception",), there), [], perception=True).perception
    assert not need_of(trial("model"), [], perception=False).perception


def test_what_lacks_is_named_with_its_reason() -> None:
    need = Need(components=frozenset({"gnss.main", "camera.front"}), perception=True, hub=True)
    seen = Seen(
        components=frozenset(),
        perception=False,
        hub=False,
        why=(("gnss.main", "/dev/ttyUSB9 is not there"), ("hub", "refused")),
    )
    assert lacking(need, seen) == (
        "camera.front gives nothing",
        "gnss.main: /dev/ttyUSB9 is not there",
        "the model does not run",
        "the hub is not reached: refused",
    )


def test_what_is_well_for_long_enough_is_kept() -> None:
    judge = Judge(ends_mono_s=45, hold_s=5)
    assert judge.look(("x",), 0) is None
    assert judge.look((), 10) is None
    assert judge.look(("x",), 12) is None  # not without a break
    assert judge.look((), 13) is None
    assert judge.look((), 17.9) is None
    assert judge.look((), 18) == "commit"


def test_what_is_never_well_is_taken_back_at_the_end() -> None:
    judge = Judge(ends_mono_s=45, hold_s=5)
    assert judge.look(("x",), 44.9) is None
    assert judge.look(("x",), 45) == "roll_back"
    assert judge.lacks == ("x",)


def test_what_is_well_at_the_end_may_finish_but_not_begin_again() -> None:
    judge = Judge(ends_mono_s=45, hold_s=5)
    judge.look((), 43)
    assert judge.look((), 46) is None
    assert judge.look(("x",), 47) == "roll_back"
    judge = Judge(ends_mono_s=45, hold_s=5)
    judge.look((), 43)
    assert judge.look((), 48) == "commit"
