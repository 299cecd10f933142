"""What keeps the rules from seeing, as findings."""

from collections.abc import Iterable

from edge.reporting.finding import Finding
from perception.rules.engine import Blind

# What to do about it, by why a rule can say nothing. All codes of Unplaced, and those of the rules.
ACTIONS = {
    "no_pose": "give the receiver a view of the sky; zones on the ground need a position",
    "no_heading": "configure a source of heading: two antennas, a compass, or the platform's",
    "no_mount": "say in the configuration how the camera is mounted",
    "bad_pose": "look at what the receiver and the platform say: `patrol-edge gnss replay`",
    "moving": "zones in the picture are for a unit that stands; draw the zone on the ground",
    "unit_moving": "nobody can be said to linger while the unit drives by; it goes on when slower",
}
USUAL_ACTION = "see the chapter on rules in docs/troubleshooting.md"


def rule_findings(blind: Iterable[Blind], trouble: str) -> list[Finding]:
    """Rules that can say nothing; or zones that cannot be read, so that there are no rules."""
    found = [
        Finding(
            code="rule_blind",
            severity="warning",
            component=f"{each.name}.{each.camera}",
            text=f"the rule {each.name} ({each.kind}) can say nothing of {each.camera}: {each.why}",
            action=ACTIONS.get(each.why, USUAL_ACTION),
        )
        for each in blind
    ]
    if trouble:
        found.append(
            Finding(
                code="zones_refused",
                severity="error",
                component="rules",
                text=f"no rule runs: {trouble}",
                action="`patrol-edge config check` says what is wrong",
            )
        )
    return found
