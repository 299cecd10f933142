"""What keeps the rules from seeing, as findings."""

from config.language import tell
from edge.reporting.finding import Finding
from edge.seeing.rule_desk import RuleDesk

# What to do about it, by why a rule can say nothing. All codes of Unplaced, and those of the rules.
ACTIONS = {
    "no_pose": tell("give the receiver a view of the sky; zones on the ground need a position"),
    "no_heading": tell("configure a source of heading: two antennas, a compass, or the platform's"),
    "no_mount": tell("say in the configuration how the camera is mounted"),
    "no_lens": tell("say in the configuration which lens the camera has (cameras.NAME.lens)"),
    "no_height": tell(
        "say in the configuration how high the unit is, or give it a sensor of height"
    ),
    "bad_pose": tell("look at what the receiver and the platform say: `patrol-edge gnss replay`"),
    "moving": tell("zones in the picture, and things left behind, are for a unit that stands"),
    "no_footprint": tell("say how the camera is mounted, and whether it sees any ground at all"),
    "too_little_ground": tell("turn the camera to the zone, or lower min_area_m2 of the rule"),
    "memory_not_kept": tell(
        "it works, but a restart loses its first passes: make room on the disk, or "
        "delete parking-NAME.json in state_dir where it is damaged"
    ),
    "no_picture": tell("look at the camera's own faults"),
    "no_structure": tell(
        "nothing, if it may look at this; or turn the camera to something with edges"
    ),
    "unit_moving": tell(
        "nobody can be said to linger while the unit drives by; it goes on when slower"
    ),
}
# What a unit is in, rather than what is wrong: it passes with the next stop, or the next view.
STATES = {"moving", "unit_moving", "no_structure"}
USUAL_ACTION = tell("see the chapter on rules in docs/troubleshooting.md")


def rule_findings(desk: RuleDesk, now_mono_s: float) -> list[Finding]:
    """Rules that can say nothing, or not all; zones that cannot be read, or lie elsewhere."""
    found = [
        Finding(
            code="rule_blind",
            severity="info" if each.why in STATES else "warning",
            component=f"{each.name}.{each.camera}",
            text=tell(
                "the rule {name} ({kind}) can say nothing of {camera}: {why}",
                name=each.name,
                kind=each.kind,
                camera=each.camera,
                why=each.why,
            ),
            action=ACTIONS.get(each.why, USUAL_ACTION),
        )
        for each in desk.blind(now_mono_s)
    ]
    found += [
        Finding(
            code="rule_idle",
            severity="warning",
            component=name,
            text=tell("the rule {name} can never say anything: {why}", name=name, why=why),
            action=tell(
                "correct rules, zones or cameras; `patrol-edge config check` says the same"
            ),
        )
        for name, why in desk.idle
    ]
    if desk.trouble:
        found.append(
            Finding(
                code="zones_refused",
                severity="error",
                component="rules",
                text=tell("no rule runs: {trouble}", trouble=desk.trouble),
                action=tell("`patrol-edge config check` says what is wrong"),
            )
        )
    if desk.shifted:
        found.append(
            Finding(
                code="zones_shifted",
                severity="warning",
                component="rules",
                text=tell("all zones lie beside the unit by the offset of Chinese maps"),
                action=tell("see whether the zones' crs is right: Amap is gcj02, Baidu bd09"),
            )
        )
    return found
