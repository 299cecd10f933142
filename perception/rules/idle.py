"""Rules that can be read, and can never say anything: no camera looks where they ask to."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from config.rules import RuleConfig
from perception.zones.zones import Zone


def idle_rules(
    configs: Mapping[str, RuleConfig], zones: Sequence[Zone], watched: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Each rule with a part of it that is idle, and why, with the cure; `watched`: the cameras
    whose pictures are looked at."""
    known = {zone.name: zone for zone in zones}
    for name, config in configs.items():
        for why in _idle(config, known, watched):
            yield name, why


def _idle(config: RuleConfig, known: Mapping[str, Zone], watched: Collection[str]) -> Iterator[str]:
    if not watched:
        yield "no camera's pictures are looked at; look at perception.enabled and cameras.X.detect"
        return
    for camera in config.cameras:
        if camera not in watched:
            there = ", ".join(sorted(watched))
            yield f"nobody looks at the pictures of {camera}; its cameras may be: {there}"
    eyes = set(config.cameras or watched) & set(watched)
    for zone in getattr(config, "zones", ()):
        drawn_in = known[zone].camera if zone in known else None
        if eyes and drawn_in is not None and drawn_in not in eyes:
            yield f"{zone} is drawn in the picture of {drawn_in}, which it does not look at"
