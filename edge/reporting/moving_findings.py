"""What is wrong with orders to move: a stop that is on, missions that would be forgotten."""

from config.language import tell
from edge.moving.moving import Moving
from edge.reporting.finding import Finding, about


def moving_findings(moving: Moving) -> list[Finding]:
    missions = moving.missions
    finding, found = about("moving"), []
    if missions.book.stopped_by is not None:
        text = tell(
            "an emergency stop is on, by {stopped_by}: nothing moves",
            stopped_by=missions.book.stopped_by,
        )
        action = tell(
            "make sure that nobody is in its way, then on the spot: patrol-edge move release"
        )
        found.append(finding("estop_on", "error", text, action))
    wrong = missions.memory.fault or missions.memory.lost
    if wrong:
        text = tell("missions were forgotten, or would be by a restart: {wrong}", wrong=wrong)
        action = tell("make room in state_dir; let the hub load the mission again")
        found.append(finding("moves_not_stored", "error", text, action))
    return found + limit_findings(moving)


def limit_findings(moving: Moving) -> list[Finding]:
    """Limits that are not kept to now, and orders against it that are not obeyed."""
    found = []
    for carrier, breach in moving.limits.breaches():
        finding = about(carrier)
        if breach.limit == "battery":
            action = tell("bring it home, or have it land; then charge it")
            found.append(finding("battery_low", "error", breach.words, action))
        else:
            action = tell("bring it back; see whether the fence and its crs are right")
            found.append(
                finding(
                    "fence_breached", "error", tell("it is {words}", words=breach.words), action
                )
            )
        if breach.refusal:
            text = tell(
                "it was ordered to return or hold and does not: {refusal}", refusal=breach.refusal
            )
            action = tell("take over by the pilot's own radio; the order is given again meanwhile")
            found.append(finding("return_refused", "critical", text, action))
    return found
