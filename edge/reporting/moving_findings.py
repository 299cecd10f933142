"""What is wrong with orders to move: a stop that is on, missions that would be forgotten."""

from edge.moving.moving import Moving
from edge.reporting.finding import Finding, about


def moving_findings(moving: Moving) -> list[Finding]:
    missions = moving.missions
    finding, found = about("moving"), []
    if missions.book.stopped_by is not None:
        text = f"an emergency stop is on, by {missions.book.stopped_by}: nothing moves"
        action = "make sure that nobody is in its way, then on the spot: patrol-edge move release"
        found.append(finding("estop_on", "error", text, action))
    wrong = missions.memory.fault or missions.memory.lost
    if wrong:
        text = f"missions were forgotten, or would be by a restart: {wrong}"
        action = "make room in state_dir; let the hub load the mission again"
        found.append(finding("moves_not_stored", "error", text, action))
    return found
