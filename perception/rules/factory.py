"""From the configuration to the rules of a unit."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import assert_never

from config.rules import (
    AlertRuleConfig,
    CameraStateRule,
    CarriagewayRule,
    CountRule,
    CrowdRule,
    FastRule,
    IllegalParkingRule,
    IntrusionRule,
    LeftObjectRule,
    LoiteringRule,
    RuleConfig,
    StoppedRule,
    TripwireRule,
    WrongWayRule,
)
from config.zones import ZoneKind
from perception.rules.camera_state import CameraStateJudge
from perception.rules.carriageway import CarriagewayJudge
from perception.rules.count import Counting
from perception.rules.crowds.crowd import CrowdJudge
from perception.rules.fast import FastJudge
from perception.rules.intrusion import IntrusionJudge
from perception.rules.left_object import LeftObjectJudge
from perception.rules.loitering import LoiteringJudge
from perception.rules.rule import Judge, Rule
from perception.rules.standing.first_passes import FirstPasses
from perception.rules.standing.parking import ParkingJudge
from perception.rules.standing.stopped import StoppedJudge
from perception.rules.tripwire import TripwireJudge
from perception.rules.watch import Watch
from perception.rules.wrong_way import WrongWayJudge
from perception.zones.zones import Zone, ZoneError

# A rule with a threshold of probability ends below this share of it.
HYSTERESIS = 0.6
USUAL_LEVELS = (0.5, 0.3)
# The kinds of zone that a rule takes, where it does not take all areas.
TAKES: dict[str, tuple[ZoneKind, ...]] = {
    "tripwire": ("line",),
    "count": ("line",),
    "carriageway": ("carriageway", "lane"),
    "wrong_way": ("lane",),
}
NEEDS_METRES = (
    "wrong_way",
    "fast",
    "crowd",
    "illegal_parking",
)  # no speed can be told from a picture alone


def build_rules(
    configs: Mapping[str, RuleConfig],
    zones: Sequence[Zone],
    numbers: Iterator[int] | None = None,
    state_dir: Path | None = None,
) -> list[Rule]:
    """The rules by their configuration. `numbers`: of episodes, one count for a boot;
    `state_dir`: where what outlives a restart is kept, None: nowhere.

    Raises ZoneError, naming each rule whose zone there is not, or is not of the right kind.
    """
    check_rules(configs, zones)
    numbers = numbers or itertools.count(1)
    return [_rule(name, config, numbers, state_dir) for name, config in configs.items()]


def _rule(name: str, config: RuleConfig, numbers: Iterator[int], state_dir: Path | None) -> Rule:
    if isinstance(config, CountRule):
        return Counting(name, config)
    probability: float | None = getattr(config, "probability", None)
    levels = USUAL_LEVELS if probability is None else (probability, probability * HYSTERESIS)
    return Watch(config.kind, name, config, _judge(name, config, state_dir), numbers, levels)


def _judge(  # noqa: C901 - one case a kind
    name: str, config: AlertRuleConfig, state_dir: Path | None
) -> Judge:
    judge: Judge
    match config:
        case IntrusionRule():
            judge = IntrusionJudge(config)
        case TripwireRule():
            judge = TripwireJudge(config)
        case LoiteringRule():
            judge = LoiteringJudge(config)
        case CarriagewayRule():
            judge = CarriagewayJudge(config)
        case WrongWayRule():
            judge = WrongWayJudge(config)
        case FastRule():
            judge = FastJudge(config)
        case CameraStateRule():
            judge = CameraStateJudge(config)
        case CrowdRule():
            judge = CrowdJudge(config)
        case LeftObjectRule():
            judge = LeftObjectJudge(config)
        case StoppedRule():
            judge = StoppedJudge(config)
        case IllegalParkingRule():
            path = None if state_dir is None else state_dir / f"parking-{name}.json"
            judge = ParkingJudge(config, FirstPasses(path, config.expires_min * 60.0))
        case _:
            assert_never(config)
    return judge


def check_rules(configs: Mapping[str, RuleConfig], zones: Sequence[Zone]) -> None:
    """Raises ZoneError, naming every rule that cannot work with these zones."""
    known = {zone.name: zone for zone in zones}
    faults = [
        f"rules.{name}: {fault}"
        for name, config in configs.items()
        for zone in getattr(config, "zones", ())
        if (fault := _fault(config.kind, zone, known))
    ]
    if faults:
        there = ", ".join(f"{zone.name} ({zone.kind})" for zone in zones) or "none"
        raise ZoneError("\n".join(faults), f"name one of the zones that there are: {there}")


def _fault(rule: str, name: str, known: Mapping[str, Zone]) -> str:
    zone = known.get(name)
    if zone is None:
        return f"there is no zone {name}"
    takes = TAKES.get(rule)
    if takes is not None and zone.kind not in takes:
        return f"takes zones of kind {' or '.join(takes)}, and {name} is one of kind {zone.kind}"
    if takes is None and zone.is_line:
        return f"needs an area, and {name} is a line"
    if rule in NEEDS_METRES and zone.camera is not None:
        return f"needs metres, and {name} is drawn in a picture; draw it on the ground"
    return ""
