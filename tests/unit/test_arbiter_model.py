"""Wishes of all levels, interlocks and time in any order: what must never be, never is."""

from collections import defaultdict
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from drivers.actuators.actuator import Output
from edge.acting.arbiter import Arbiter, Around
from edge.acting.claims import Claim, Fitting, Kind, Level, Origin, Sounding, Verdict
from edge.acting.interlocks import Condition

FITTINGS: dict[str, tuple[Kind, float]] = {
    "lamp": ("light", 300.0),
    "left": ("light", 60.0),
    "right": ("beacon", 60.0),
    "horn": ("siren", 30.0),
    "mouth": ("speaker", 30.0),
    "second": ("speaker", 20.0),
    "pump": ("relay", 100.0),
    "rec": ("record_lamp", 3600.0),
    "mast": ("pan_tilt", 60.0),
}
EXCLUSIVE = ("left", "right")
DARK: tuple[Condition, ...] = ("stealth", "strict_stealth")
SOURCES = {
    Level.PROGRAMME: ("round", "recorder"),
    Level.PLAN: ("plan",),
    Level.OPERATOR: ("operator",),
    Level.EMERGENCY: ("sos",),
}
TICK_S = 0.1


class Arbitration(RuleBasedStateMachine):
    """Keeps books of its own: what is on, since when, how often, and for whom."""

    def __init__(self) -> None:
        super().__init__()
        fittings = {
            name: Fitting(name=name, kind=kind, max_on_s=max_on_s)
            for name, (kind, max_on_s) in FITTINGS.items()
        }
        self.arbiter = Arbiter(fittings, [EXCLUSIVE])
        self.now_s = 0.0
        self.unit: set[Condition] = set()
        self.hot: set[str] = set()
        self.ids = 0
        self.standing: dict[int, Claim] = {}  # taken up, and not yet over for any reason
        self.on_since: dict[str, tuple[int, float]] = {}
        self.begun: dict[str, list[float]] = defaultdict(list)
        self.verdict: Verdict = self.decide()

    def around(self) -> Around:
        hot: frozenset[Condition] = frozenset({"hot"})
        return Around(
            unit=frozenset(self.unit), fittings=dict.fromkeys(self.hot, hot), quiet_volume=0.3
        )

    def decide(self) -> Verdict:
        self.verdict = verdict = self.arbiter.decide(self.now_s, self.around())
        for ended in verdict.ended:
            self.standing.pop(ended.claim.id, None)
        for name in list(self.on_since):
            holding = verdict.holdings.get(name)
            sounds = FITTINGS[name][0] == "speaker"
            if holding is None or (sounds and holding.claim.id != self.on_since[name][0]):
                del self.on_since[name]
        for name, holding in verdict.holdings.items():
            if name not in self.on_since:
                self.on_since[name] = (holding.claim.id, self.now_s)
                self.begun[name].append(self.now_s)
        return verdict

    # --- what happens ---

    @rule(
        name=st.sampled_from(sorted(FITTINGS)),
        level=st.sampled_from(list(Level)),
        origin=st.sampled_from(["hub", "local"]),
        for_s=st.sampled_from([0.5, 5.0, 30.0, 200.0]),
        odd=st.booleans(),
    )
    def wish(self, name: str, level: Level, origin: Origin, for_s: float, odd: bool) -> None:
        self.ids += 1
        kind, max_on_s = FITTINGS[name]
        wanted: Any = Output(level=1.0, pattern="strobe" if odd else "steady")
        if kind == "speaker":
            wanted = Sounding(name=str(self.ids), volume=0.9, speech=odd)
        claim = Claim(
            id=self.ids, fitting=name, level=level, wanted=wanted,
            until_s=self.now_s + min(for_s, max_on_s),
            source=SOURCES[level][odd and level is Level.PROGRAMME],
            origin=origin if level is Level.OPERATOR else "unit",
        )  # fmt: skip
        would = self.arbiter.would(claim, self.now_s, self.around())
        refusal = self.arbiter.claim(claim, self.now_s, self.around())
        assert would == refusal, "what was checked is what is done"
        if refusal is None:
            self.standing = {each.id: each for each in self.arbiter.claims}
        self.decide()

    @rule(name=st.sampled_from(sorted(FITTINGS)))
    def off(self, name: str) -> None:
        for claim in self.arbiter.take_back(
            lambda each: each.fitting == name and each.level <= Level.OPERATOR
        ):
            self.standing.pop(claim.id, None)
        self.decide()

    @rule(
        what=st.sampled_from(
            ["stopped", "stealth", "quiet_hours", "quieted", "hub_lost", "not_remembered"]
        )
    )
    def change(self, what: Condition) -> None:
        self.unit ^= set(DARK) if what == "stealth" else {what}
        self.decide()

    @rule(name=st.sampled_from(sorted(FITTINGS)))
    def heat(self, name: str) -> None:
        self.hot ^= {name}
        self.decide()

    @rule(ticks=st.integers(1, 20))
    def a_moment(self, ticks: int) -> None:
        for _ in range(ticks):
            self.now_s += TICK_S
            self.decide()

    @rule()
    def half_a_minute(self) -> None:
        for _ in range(310):
            self.now_s += TICK_S
            self.decide()

    @rule(seconds=st.sampled_from([60.0, 300.0, 700.0]))
    def all_off_and_later(self, seconds: float) -> None:
        self.arbiter.take_back(lambda _claim: True)
        self.standing.clear()
        self.decide()
        assert not self.verdict.holdings, "a loser was left on"
        self.now_s += seconds
        self.decide()

    # --- what must always hold ---

    @invariant()
    def nothing_shines_or_sounds_in_stealth(self) -> None:
        if "stealth" in self.unit:
            assert self.verdict.holdings.keys() <= {"mast"}

    @invariant()
    def a_stop_stops_all_but_the_lamp_of_the_law(self) -> None:
        if "stopped" in self.unit:
            assert self.verdict.holdings.keys() <= {"rec"}
        assert self.hot.isdisjoint(self.verdict.holdings)

    @invariant()
    def nothing_is_on_for_too_long(self) -> None:
        for name, (_, since_s) in self.on_since.items():
            if FITTINGS[name][0] in ("siren", "speaker"):
                assert self.now_s - since_s <= FITTINGS[name][1]

    @invariant()
    def nothing_is_on_too_often(self) -> None:
        for name in ("horn", "mouth", "second"):
            times = self.begun[name]
            assert all(
                later - first >= 600.0 for first, later in zip(times, times[3:], strict=False)
            )

    @invariant()
    def who_has_it_is_the_highest_that_stands(self) -> None:
        for name, holding in self.verdict.holdings.items():
            rivals = [each for each in self.standing.values() if each.fitting == name]
            assert holding.claim.level == max(each.level for each in rivals)
            assert holding.claim.until_s > self.now_s

    @invariant()
    def whatever_is_on_stands(self) -> None:
        ids = {each.id for each in self.arbiter.claims}
        assert {holding.claim.id for holding in self.verdict.holdings.values()} <= ids
        assert ids == self.standing.keys()

    @invariant()
    def one_of_a_group(self) -> None:
        assert sum(name in self.verdict.holdings for name in EXCLUSIVE) <= 1

    @invariant()
    def what_the_hub_turned_on_is_off_without_it(self) -> None:
        if "hub_lost" in self.unit:
            assert all(each.claim.origin != "hub" for each in self.verdict.holdings.values())

    @invariant()
    def in_quiet_hours_no_siren_and_no_loud_word(self) -> None:
        if "quiet_hours" not in self.unit:
            return
        for name, holding in self.verdict.holdings.items():
            if holding.claim.level is not Level.EMERGENCY:
                assert name != "horn"
                assert holding.volume is None or holding.volume <= 0.3


TestArbitration = Arbitration.TestCase
TestArbitration.settings = settings(
    max_examples=220,
    stateful_step_count=50,  # of at most 11,000 together
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
