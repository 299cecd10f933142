"""What is wrong with the unit's boards and the lines to them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from config.language import said, tell
from drivers.samples import Identity
from edge.reporting.finding import Finding, about
from firmware_bridge.runtime.greeting import BoardRefusedError
from firmware_bridge.runtime.link import LinkFigures
from firmware_bridge.runtime.orders import BoardState

BAD_LINE_SHARE = 0.05  # of requests that had to be sent again; a good cable needs none
BAD_LINE_AFTER = 100  # requests


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a unit does not work with what is there, and what to do about it."""

    code: str
    action: str


REFUSALS = (
    Refusal(code="board_version", action=tell("bring both to the same version of the board link")),
    Refusal(
        code="board_other",
        action=tell("swap the cables, or enter what is there in the unit's file"),
    ),
    Refusal(
        code="board_stranger", action=tell("enter each device at its port: patrol-edge devices")
    ),
    Refusal(code="board_baud", action=tell("set boards.NAME.baud to the board's own speed")),
    Refusal(code="board_silent", action=tell("see to its power, its cable and its firmware")),
    Refusal(code="board_unfit", action=tell("switch it off and on, or flash its firmware again")),
)
FAULT_CURES = {
    "overheat": tell(
        "let it cool: shade, airflow; siren, searchlight and motion stay off meanwhile"
    ),
    "undervoltage": tell("charge the battery; look at the fuse and the wires of its supply"),
    "overcurrent": tell("look for a short circuit behind its outputs; a lamp too many?"),
    "output_stage": tell("a driver of its outputs has failed: have the board changed"),
    "settings": tell("its settings were lost: patrol-edge firmware config set"),
    "sensor": tell("one of its own sensors has failed: have the board changed"),
}


def board_findings(
    name: str,
    missing: Sequence[Finding],
    refusal: BoardRefusedError | None,
    state: BoardState | None,
    figures: LinkFigures | None,
) -> list[Finding]:
    """One that is not there has no other fault."""
    finding = about(name)
    if missing and refusal is not None:
        action = next(each.action for each in REFUSALS if each.code == refusal.code)
        return [finding(refusal.code, "error", said(refusal), action)]
    if missing or state is None:
        return list(missing)
    found = [
        finding(
            "board_fault",
            "warning",
            tell("the board reports: {each}", each=each),
            FAULT_CURES.get(each, tell("see what its maker's papers say of it")),
        )
        for each in state.faults
    ]
    if state.dead_man:
        text = tell("the board did not hear this unit, and has turned its outputs off")
        action = tell("if it goes on: see to the cable, and to the load of this computer")
        found.append(finding("board_dead_man", "warning", text, action))
    if figures is not None and figures.answered >= BAD_LINE_AFTER:
        share = figures.resent / (figures.answered + figures.resent)
        if share > BAD_LINE_SHARE:
            text = tell(
                "{share:.0%} of what is said to the board has to be said again", share=share
            )
            action = tell(
                "change the cable, keep it off motors and transmitters, look at its ground"
            )
            found.append(finding("board_line_bad", "warning", text, action))
    return found


def lent_finding(name: str, borrower: str) -> Finding:
    """Somebody has its port, to flash it."""
    told = tell("{borrower} has the board, for its firmware or settings", borrower=borrower)
    finding = about(name)
    return finding("board_lent", "info", told, tell("wait: it comes back by itself"))


def twin_findings(identities: Sequence[Identity | None]) -> list[Finding]:
    """Two boards with one serial number: nobody can know which one is where."""
    there = [each for each in identities if each is not None and each.serial]
    counts = Counter((each.model, each.serial) for each in there)
    found = []
    for each in there:
        if counts[each.model, each.serial] > 1:
            others = [one.name for one in there if one.serial == each.serial and one != each]
            text = tell(
                "it has the serial number {serial}, and so has {others}",
                serial=each.serial,
                others=", ".join(others),
            )
            action = tell(
                "give each its own: patrol-edge firmware config set; or is one entered twice?"
            )
            finding = about(each.name)
            found.append(finding("board_twin", "error", text, action))
    return found
