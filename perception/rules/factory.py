"""From the configuration to the rules of a unit."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from config.rules import FastRule, IntrusionRule, RuleConfig
from perception.rules.fast import FastJudge
from perception.rules.intrusion import HYSTERESIS, IntrusionJudge
from perception.rules.rule import Rule
from perception.rules.watch import Watch
from perception.rules.zones import Zone, ZoneError


def build_rules(
    configs: Mapping[str, RuleConfig],
    zones: Sequence[Zone],
    numbers: Iterator[int] | None = None,
) -> list[Rule]:
    """The rules by their configuration. `numbers`: of episodes, one count for a boot.

    Raises ZoneError for a zone that there is not.
    """
    _check_zones(configs, {zone.name for zone in zones})
    numbers = numbers or itertools.count(1)
    return [_rule(name, config, numbers) for name, config in configs.items()]


def _check_zones(configs: Mapping[str, RuleConfig], known: set[str]) -> None:
    faults = [
        f"rules.{name}: there is no zone {zone}"
        for name, config in configs.items()
        for zone in getattr(config, "zones", ())
        if zone not in known
    ]
    if faults:
        there = ", ".join(sorted(known)) or "none"
        raise ZoneError("\n".join(faults), f"name one of the zones that there are: {there}")


def _rule(name: str, config: RuleConfig, numbers: Iterator[int]) -> Rule:
    match config:
        case IntrusionRule():
            levels = (config.probability, config.probability * HYSTERESIS)
            return Watch(config.kind, name, config, IntrusionJudge(config), numbers, levels)
        case FastRule():
            levels = (config.probability, config.probability * HYSTERESIS)
            return Watch(config.kind, name, config, FastJudge(config), numbers, levels)
        case _:
            assert_never(config)
