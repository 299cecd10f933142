"""Who wins, what becomes of the loser, and how long anything lasts."""

from typing import Any

import pytest

from drivers.actuators.actuator import Output
from edge.acting.arbiter import DUCKED, Arbiter, Around
from edge.acting.claims import Claim, Ended, Fitting, Kind, Level, Refusal, Sounding, Verdict
from edge.acting.ration import MOST_USES, WITHIN_S, Ration, Use, still_counting

CLEAR = Around()
ON = Output(level=1.0)
PROGRAMME, PLAN, OPERATOR, EMERGENCY = Level


def fittings(**kinds: Kind) -> dict[str, Fitting]:
    return {
        name: Fitting(
            name=name, kind=kind, max_on_s=30.0 if kind in ("siren", "speaker") else 300.0
        )
        for name, kind in kinds.items()
    }


class Scene:
    """An arbiter, and wishes made in short."""

    def __init__(self, *exclusions: tuple[str, ...], **kinds: Kind) -> None:
        self.arbiter = Arbiter(fittings(**kinds), exclusions)
        self.now_s = 100.0
        self.around = CLEAR
        self.ended: list[tuple[str, str]] = []
        self._ids = 0

    def wish(
        self, fitting: str, level: Level = OPERATOR, wanted: Any = ON, for_s: float = 30.0,
        **more: Any,
    ) -> Claim:  # fmt: skip
        self._ids += 1
        return Claim(
            id=self._ids, fitting=fitting, level=level, wanted=wanted,
            until_s=self.now_s + for_s, **more,
        )  # fmt: skip

    def ask(self, *args: Any, **more: Any) -> Refusal | None:
        refusal = self.arbiter.claim(self.wish(*args, **more), self.now_s, self.around)
        self.decide()
        return refusal

    def decide(self, after_s: float = 0.0) -> Verdict:
        self.now_s += after_s
        verdict = self.arbiter.decide(self.now_s, self.around)
        self.ended += [(each.claim.fitting, each.cause) for each in verdict.ended]
        return verdict

    def level(self, fitting: str) -> Level | None:
        holding = self.decide().holdings.get(fitting)
        return None if holding is None else holding.claim.level


def test_the_higher_level_wins_and_the_lower_goes_on_afterwards() -> None:
    scene = Scene(bar="beacon")
    scene.ask("bar", PROGRAMME, for_s=300.0, source="round")
    scene.ask("bar", OPERATOR, Output(level=1.0, pattern="alarm"), for_s=10.0)
    assert scene.level("bar") is OPERATOR

    scene.decide(after_s=11.0)

    assert scene.level("bar") is PROGRAMME
    assert scene.ended == [("bar", "over")]


def test_a_programme_whose_time_is_over_does_not_come_back() -> None:
    scene = Scene(bar="beacon")
    scene.ask("bar", PROGRAMME, for_s=5.0, source="round")
    scene.ask("bar", OPERATOR, for_s=10.0)
    scene.decide(after_s=11.0)

    assert scene.level("bar") is None


def test_a_person_is_told_who_has_it_where_an_emergency_does() -> None:
    scene = Scene(bar="beacon")
    scene.ask("bar", EMERGENCY, source="sos")

    refusal = scene.ask("bar", OPERATOR)

    assert refusal is not None
    assert refusal.code == "busy"
    assert "emergency (sos)" in refusal.text
    assert scene.level("bar") is EMERGENCY


def test_a_claim_lasts_while_it_is_made_again() -> None:
    scene = Scene(lamp="light")
    for _ in range(5):
        scene.ask("lamp", for_s=10.0)
        assert scene.decide(after_s=9.0).holdings
    assert not scene.decide(after_s=1.5).holdings


def test_a_siren_made_again_is_off_after_its_thirty_seconds_all_the_same() -> None:
    scene = Scene(horn="siren")
    on_s = 0
    for _ in range(40):
        scene.ask("horn", for_s=5.0)
        on_s += bool(scene.decide(after_s=1.0).holdings)
        if not scene.decide().holdings:
            break

    assert on_s == 29
    assert scene.ended == [("horn", "limit")]


def test_three_times_in_ten_minutes_and_not_a_fourth() -> None:
    scene = Scene(horn="siren")
    for _ in range(MOST_USES):
        assert scene.ask("horn", for_s=2.0) is None
        scene.decide(after_s=10.0)

    refusal = scene.ask("horn", EMERGENCY)

    assert refusal is not None
    assert (refusal.code, "free again in 570 s" in refusal.text) == ("limit", True)
    scene.decide(after_s=WITHIN_S)
    assert scene.ask("horn") is None


def test_each_sound_is_a_use_of_its_own() -> None:
    scene = Scene(mouth="speaker")
    for number in range(MOST_USES):
        assert scene.ask("mouth", wanted=Sounding(name=str(number))) is None

    refusal = scene.ask("mouth", wanted=Sounding(name="more"))

    assert refusal is not None
    assert refusal.code == "limit"


def test_a_voice_that_is_cut_short_is_over() -> None:
    scene = Scene(mouth="speaker")
    scene.ask("mouth", wanted=Sounding(name="hail"))
    scene.ask("mouth", EMERGENCY, Sounding(name="help"), for_s=2.0, source="sos")
    scene.decide(after_s=3.0)

    assert scene.level("mouth") is None
    assert scene.ended == [("mouth", "outranked"), ("mouth", "over")]


def test_an_interlock_ends_what_is_on_and_nothing_comes_back() -> None:
    scene = Scene(lamp="light", mast="pan_tilt")
    scene.ask("lamp")
    scene.ask("mast")
    scene.around = Around(unit=frozenset({"stealth", "strict_stealth"}))
    assert scene.level("lamp") is None
    assert scene.level("mast") is OPERATOR
    scene.around = CLEAR

    assert scene.level("lamp") is None
    assert scene.ended == [("lamp", "stealth")]


def test_what_the_hub_holds_ends_with_the_link_and_what_the_crew_holds_does_not() -> None:
    scene = Scene(lamp="light", bar="beacon")
    scene.ask("lamp", origin="hub")
    scene.ask("bar", origin="local")
    scene.around = Around(unit=frozenset({"hub_lost"}))

    assert set(scene.decide().holdings) == {"bar"}


def test_of_a_group_one_is_on_and_the_first_stays() -> None:
    scene = Scene(("left", "right"), left="light", right="light")
    assert scene.ask("left") is None

    refusal = scene.ask("right")

    assert refusal is not None
    assert (refusal.code, "left is on" in refusal.text) == ("busy", True)
    assert scene.ask("right", EMERGENCY, for_s=5.0, source="sos") is None
    assert set(scene.decide().holdings) == {"right"}
    assert set(scene.decide(after_s=6.0).holdings) == {"left"}


def test_programmes_of_a_group_that_are_made_again_do_not_take_turns() -> None:
    scene = Scene(("left", "right"), left="light", right="light")
    for _ in range(4):
        scene.ask("left", PROGRAMME, source="a")
        scene.ask("right", PROGRAMME, source="b")
        assert set(scene.decide(after_s=1.0).holdings) == {"left"}


@pytest.mark.parametrize(
    ("level", "speech", "other", "share"),
    [
        (OPERATOR, True, "horn", DUCKED),
        (OPERATOR, False, "horn", DUCKED),
        (EMERGENCY, True, "horn", 1.0),
        (OPERATOR, False, "second", DUCKED),
        (OPERATOR, True, "second", 1.0),
        (OPERATOR, True, "lamp", 1.0),
    ],
)
def test_sounds_give_way_to_what_matters_more(
    level: Level, speech: bool, other: str, share: float
) -> None:
    scene = Scene(mouth="speaker", second="speaker", horn="siren", lamp="light")
    scene.ask("mouth", level, Sounding(name="a", volume=0.8, speech=speech))
    scene.ask(other, wanted=Sounding(name="b") if other == "second" else ON)

    assert scene.decide().holdings["mouth"].volume == pytest.approx(0.8 * share)


def test_in_quiet_hours_it_speaks_softly() -> None:
    scene = Scene(mouth="speaker")
    scene.around = Around(unit=frozenset({"quiet_hours"}), quiet_volume=0.3)
    scene.ask("mouth", wanted=Sounding(name="a", volume=0.8))

    assert scene.decide().holdings["mouth"].volume == 0.3


def test_what_the_disk_did_not_take_ends_in_the_same_moment() -> None:
    scene = Scene(horn="siren")
    arbiter = scene.arbiter
    assert arbiter.claim(scene.wish("horn"), 100.0, CLEAR) is None
    assert arbiter.decide(100.0, CLEAR).begun == ("horn",)

    verdict = arbiter.decide(100.0, Around(unit=frozenset({"not_remembered"})))

    assert verdict.holdings == {}
    assert [each.cause for each in verdict.ended if isinstance(each, Ended)] == ["not_remembered"]


def test_uses_of_this_boot_count_by_its_clock_and_those_of_another_as_if_just_now() -> None:
    uses = [
        Use(fitting="horn", boot="b1", mono_s=50.0),
        Use(fitting="horn", boot="b1", mono_s=900.0),
        Use(fitting="horn", boot="b0", mono_s=1.0),
        Use(fitting="horn", boot="b1", mono_s=5000.0),
    ]

    used = still_counting(uses, "b1", 1000.0)

    assert used == {"horn": [900.0, 1000.0, 1000.0]}
    assert Ration(used).free_in_s("horn", 1000.0) == 500.0
    assert still_counting(uses[:1], "", 60.0) == {"horn": [60.0]}, "no boot id: just now"
