"""What is wrong with microphones that are open and give sound, as findings."""

from collections.abc import Collection

from edge.reporting.finding import Finding, about
from perception.hearing.soundness import Deafness


def microphone_findings(name: str, deafness: Collection[Deafness]) -> list[Finding]:
    """None where it hears."""
    finding, found = about(name), []
    for each in deafness:
        match each:
            case Deafness.CLIPPING:
                told = "it is at full clip: levels are too low, and sounds cannot be told apart"
                action = (
                    "turn its gain down (`alsamixer`, F4), or take it away from the engine, the "
                    "wind, the siren; then calibrate it anew"
                )
                found.append(finding("microphone_clipping", "warning", told, action))
            case Deafness.DEAD:
                told = "it gives nothing but zeros"
                action = "unmute it (`alsamixer`, F4, M); check its plug, its power and `channel`"
                found.append(finding("microphone_dead", "error", told, action))
            case Deafness.QUIET:
                told = "it has been far too quiet for a minute, quieter than any place outside"
                action = (
                    "turn its gain up (`alsamixer`, F4); look whether something covers it, and "
                    "whether its plug is all the way in"
                )
                found.append(finding("microphone_quiet", "warning", told, action))
    return found
