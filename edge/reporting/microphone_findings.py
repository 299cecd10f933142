"""What is wrong with microphones that are open and give sound, as findings."""

from collections.abc import Collection
from dataclasses import replace

from config.language import tell
from edge.reporting.finding import Finding
from perception.hearing.soundness import Deafness

OF_ANY = "a microphone"  # until it is known which

FOUND: dict[Deafness, Finding] = {
    Deafness.CLIPPING: Finding(
        code="microphone_clipping",
        severity="warning",
        component=OF_ANY,
        text=tell("it is at full clip: levels are too low, and sounds cannot be told apart"),
        action=tell(
            "turn its gain down (`alsamixer`, F4), or take it away from the engine, the "
            "wind, the siren; then calibrate it anew"
        ),
    ),
    Deafness.DEAD: Finding(
        code="microphone_dead",
        severity="error",
        component=OF_ANY,
        text=tell("it gives nothing but zeros"),
        action=tell("unmute it (`alsamixer`, F4, M); check its plug, its power and `channel`"),
    ),
    Deafness.QUIET: Finding(
        code="microphone_quiet",
        severity="warning",
        component=OF_ANY,
        text=tell("it has been far too quiet for a minute, quieter than any place outside"),
        action=tell(
            "turn its gain up (`alsamixer`, F4); look whether something covers it, and "
            "whether its plug is all the way in"
        ),
    ),
}


def microphone_findings(name: str, deafness: Collection[Deafness]) -> list[Finding]:
    """None where it hears."""
    return [replace(FOUND[each], component=name) for each in deafness]
