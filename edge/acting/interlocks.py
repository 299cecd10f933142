"""What forbids what: one table. docs/acting.md shows it, and a test compares the two.

A wish that a rule reaches is refused, and one that stands when the rule begins to hold is over:
nothing comes back by itself when it has gone.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from edge.acting.claims import Claim, Fitting, Kind, Level, Origin, Refusal

Condition = Literal[
    "stopped",
    "stealth",
    "strict_stealth",
    "quiet_hours",
    "quieted",
    "hot",
    "battery_low",
    "hub_lost",
    "used_up",
    "not_remembered",
]

EVERY: frozenset[Kind] = frozenset(
    {"light", "beacon", "siren", "relay", "record_lamp", "pan_tilt", "speaker"}
)
LAWFUL: frozenset[Kind] = frozenset({"record_lamp"})  # people have a right to see it
SEEN_OR_HEARD = EVERY - {"pan_tilt"}
RATIONED: frozenset[Kind] = frozenset({"siren", "speaker"})

ALL = frozenset(Level)
EMERGENCY = frozenset({Level.EMERGENCY})
BUT_EMERGENCY = ALL - EMERGENCY
OPERATOR = frozenset({Level.OPERATOR})
BY_ITSELF = frozenset({Level.PLAN, Level.PROGRAMME})


@dataclass(frozen=True, slots=True, kw_only=True)
class Interlock:
    """While `condition` holds, `kinds` are off (or soft) for wishes of these `levels`."""

    condition: Condition
    kinds: frozenset[Kind]
    levels: frozenset[Level]
    effect: Literal["off", "soft"] = "off"
    of: Origin | None = None  # only wishes from there
    code: str = "interlock"
    because: str
    lifted: str  # by what


INTERLOCKS: tuple[Interlock, ...] = (
    Interlock(
        condition="stopped",
        kinds=EVERY - LAWFUL,
        levels=ALL,
        because="the crew has stopped all that the unit says and shines",
        lifted="`patrol-edge act resume` on the unit",
    ),
    Interlock(
        condition="stealth",
        kinds=SEEN_OR_HEARD,
        levels=BUT_EMERGENCY,
        because="the unit is in stealth: dark and silent",
        lifted="another mode, or `patrol-edge act stealth off`",
    ),
    Interlock(
        condition="strict_stealth",
        kinds=SEEN_OR_HEARD,
        levels=EMERGENCY,
        because="the unit is in stealth, which an emergency does not break",
        lifted="another mode, or acting.emergency_breaks_stealth: true",
    ),
    Interlock(
        condition="hot",
        kinds=EVERY,
        levels=ALL,
        because="it is too hot",
        lifted="cooling down by 5 °C below its hot_c",
    ),
    Interlock(
        condition="battery_low",
        kinds=EVERY - LAWFUL,
        levels=BUT_EMERGENCY,
        because="the unit's charge is below its battery_min_percent",
        lifted="charging the unit",
    ),
    Interlock(
        condition="hub_lost",
        kinds=EVERY,
        levels=OPERATOR,
        of="hub",
        because="the hub is not heard, or says that it is offline",
        lifted="the link and a hub that is online, and a new command",
    ),
    Interlock(
        condition="quiet_hours",
        kinds=frozenset({"siren"}),
        levels=BUT_EMERGENCY,
        because="these are quiet hours: no siren",
        lifted="the end of acting.quiet_hours",
    ),
    Interlock(
        condition="quiet_hours",
        kinds=frozenset({"speaker"}),
        levels=BUT_EMERGENCY,
        effect="soft",
        because="these are quiet hours: it speaks softly",
        lifted="the end of acting.quiet_hours",
    ),
    Interlock(
        condition="quieted",
        kinds=SEEN_OR_HEARD - LAWFUL,
        levels=BY_ITSELF,
        because="somebody has ordered quiet a short while ago",
        lifted="ten minutes, or `patrol-edge act resume` on the unit",
    ),
    Interlock(
        condition="used_up",
        kinds=RATIONED,
        levels=ALL,
        code="limit",
        because="it was used three times within ten minutes",
        lifted="time",
    ),
    Interlock(
        condition="not_remembered",
        kinds=RATIONED,
        levels=ALL,
        code="storage",
        because="the disk does not take how often it was used",
        lifted="room on the disk where state_dir lies",
    ),
)


def off_by(fitting: Fitting, claim: Claim, conditions: Collection[Condition]) -> Interlock | None:
    """The first rule that forbids this wish while these conditions hold."""
    return next(
        (rule for rule in INTERLOCKS if _reaches(rule, "off", fitting, claim, conditions)), None
    )


def softened(fitting: Fitting, claim: Claim, conditions: Collection[Condition]) -> bool:
    return any(_reaches(rule, "soft", fitting, claim, conditions) for rule in INTERLOCKS)


def _reaches(
    rule: Interlock,
    effect: str,
    fitting: Fitting,
    claim: Claim,
    conditions: Collection[Condition],
) -> bool:
    if rule.condition in ("stealth", "strict_stealth") and fitting.unseen:
        return False
    return (
        rule.condition in conditions
        and rule.effect == effect
        and fitting.kind in rule.kinds
        and claim.level in rule.levels
        and rule.of in (None, claim.origin)
    )


def refusal_by(rule: Interlock, name: str, detail: str = "") -> Refusal:
    told = f" ({detail})" if detail else ""
    return Refusal(rule.code, f"{name}: {rule.because}{told}; lifted by: {rule.lifted}")
