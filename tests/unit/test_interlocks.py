"""The truth table of what forbids what: all conditions, kinds, levels and origins."""

from itertools import chain, combinations, product
from pathlib import Path
from typing import get_args

import pytest

from drivers.actuators.actuator import Output
from edge.acting.claims import Claim, Fitting, Kind, Level, Origin
from edge.acting.interlocks import (
    ALL,
    BUT_EMERGENCY,
    EVERY,
    INTERLOCKS,
    Condition,
    Interlock,
    off_by,
    refusal_by,
    softened,
)

KINDS: tuple[Kind, ...] = get_args(Kind)
ORIGINS: tuple[Origin, ...] = get_args(Origin)
CONDITIONS: tuple[Condition, ...] = get_args(Condition)
SETS = [
    frozenset(each)
    for each in chain.from_iterable(combinations(CONDITIONS, n) for n in range(len(CONDITIONS) + 1))
]


def expected_off(kind: str, level: Level, origin: str, holds: frozenset[Condition]) -> bool:
    """The same rules, said in another way than the table says them."""
    emergency, lamp = level is Level.EMERGENCY, kind == "record_lamp"
    rationed, mount = kind in ("siren", "speaker"), kind == "pan_tilt"
    return (
        "hot" in holds
        or ("stopped" in holds and not lamp)
        or ("battery_low" in holds and not lamp and not emergency)
        or ("strict_stealth" in holds and emergency and not mount)
        or ("stealth" in holds and not emergency and not mount)
        or ("hub_lost" in holds and origin == "hub" and level is Level.OPERATOR)
        or ("quiet_hours" in holds and kind == "siren" and not emergency)
        or ("quieted" in holds and level < Level.OPERATOR and not lamp and not mount)
        or ("used_up" in holds and rationed)
        or ("not_remembered" in holds and rationed)
    )


def claim(kind: Kind, level: Level, origin: Origin) -> tuple[Fitting, Claim]:
    wish = Claim(
        id=1, fitting="x", level=level, wanted=Output(level=1.0), until_s=9.0, origin=origin
    )
    return Fitting(name="x", kind=kind, max_on_s=30.0), wish


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_of_the_truth_table(kind: Kind) -> None:
    rows = wrong = 0
    for level, origin, holds in product(Level, ORIGINS, SETS):
        fitting, wish = claim(kind, level, origin)
        rows += 1
        wrong += (off_by(fitting, wish, holds) is not None) != expected_off(
            kind, level, origin, holds
        )
        soft = "quiet_hours" in holds and kind == "speaker" and level is not Level.EMERGENCY
        wrong += softened(fitting, wish, holds) != soft

    assert rows == len(Level) * len(ORIGINS) * 2 ** len(CONDITIONS)
    assert wrong == 0


def test_stealth_reaches_all_that_shines_or_sounds_whoever_asks() -> None:
    both: frozenset[Condition] = frozenset({"stealth", "strict_stealth"})
    for kind, level, origin in product(KINDS, Level, ORIGINS):
        fitting, wish = claim(kind, level, origin)
        assert (off_by(fitting, wish, both) is not None) == (kind != "pan_tilt")


def test_a_relay_that_nobody_sees_stays_in_stealth_and_an_emergency_may_break_it() -> None:
    _, wish = claim("relay", Level.OPERATOR, "hub")
    pump = Fitting(name="x", kind="relay", max_on_s=30.0, unseen=True)
    fitting, sos = claim("beacon", Level.EMERGENCY, "unit")

    assert off_by(pump, wish, frozenset({"stealth", "strict_stealth"})) is None
    assert off_by(fitting, sos, frozenset({"stealth"})) is None


def test_each_rule_is_used_and_says_what_lifts_it() -> None:
    assert {rule.condition for rule in INTERLOCKS} == set(CONDITIONS)
    assert set(KINDS) == EVERY
    for rule in INTERLOCKS:
        refusal = refusal_by(rule, "lamp", "detail")
        assert rule.because in refusal.text
        assert rule.lifted in refusal.text
        assert refusal.code in ("interlock", "limit", "storage")


def test_the_page_shows_the_programs_own_table() -> None:
    page = (Path(__file__).parents[2] / "docs/acting.md").read_text()
    rows = ["| while | these are | for | because | lifted by |", "|---|---|---|---|---|"]
    rows += [
        f"| {rule.condition} | {_named(rule)} {rule.effect} | {_for(rule)} | {rule.because} | "
        f"{rule.lifted} |"
        for rule in INTERLOCKS
    ]

    assert "\n".join(rows) in page, "\n".join(rows)


def _named(rule: Interlock) -> str:
    missing = sorted(EVERY - rule.kinds)
    if not missing:
        return "all"
    few = len(rule.kinds) <= len(missing)
    named = ", ".join(sorted(rule.kinds) if few else missing).replace("_", " ")
    return named if few else f"all but {named}"


def _for(rule: Interlock) -> str:
    if rule.levels == ALL:
        return "everybody"
    if rule.of is not None:
        return f"the {rule.of}'s {min(rule.levels).word}"
    if rule.levels == BUT_EMERGENCY:
        return "all but emergencies"
    return ", ".join(level.word for level in sorted(rule.levels, reverse=True))
