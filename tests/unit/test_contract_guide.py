"""The contract's guide names all that a unit tells of its body, and who may ask what of it."""

import re
from itertools import product
from pathlib import Path

import pytest

from edge.body.board_news import OTHERS, event_name
from edge.moving.limits import TOLD as LIMITS
from edge.moving.missions import TOLD as MISSIONS
from edge.moving.tales import JOURNALED
from edge.resting.switches import SWITCHES
from firmware_bridge.runtime.orders import BoardIncident
from telemetry.contract.commands import COMMANDS

GUIDE = (Path(__file__).parents[2] / "docs/contract/README.md").read_text(encoding="utf-8")
WHAT = GUIDE.partition("\n## What befalls a unit\n")[2].partition("\n## ")[0]
BY_BOARDS = [
    event_name(BoardIncident(mono_s=0.0, boot=1, number=1, what=what, input_kind=kind))
    for what, kind in product(
        ("pressed", "released", *OTHERS), ("emergency_stop", "light_bar", "siren", "cover", "other")
    )
]
BY_SWITCHES = [f"{name}_{way}" for name in SWITCHES for way in ("on", "off")]
ALONE = ["mission_item", "estop", "estop_released", "asleep", "awake"]
WORDS = {*LIMITS.values(), *MISSIONS.values(), *JOURNALED, *BY_BOARDS, *BY_SWITCHES, *ALONE}
ROWS = re.findall(r"^\| (`[^|]+`) \| (operator|commander|technician) \|", GUIDE, re.MULTILINE)
MAY = [(name, role) for names, role in ROWS for name in re.findall(r"`([a-z.]+)`", names)]
BODY = {
    name
    for name in COMMANDS
    if name.startswith(("move.", "mission."))
    or name in ("speak", "play", "talk", "light", "beacon", "relay", "siren", "ptz", "quiet")
}


@pytest.mark.parametrize("word", sorted(word for word in WORDS if word))
def test_the_guide_says_what_each_word_of_the_body_means(word: str) -> None:
    assert f"`{word}`" in WHAT


@pytest.mark.parametrize(("name", "role"), MAY)
def test_the_guide_says_who_may_give_a_command(name: str, role: str) -> None:
    roles = COMMANDS[name].roles
    assert role in roles
    assert ("operator" in roles) == (role == "operator")


def test_the_guide_leaves_out_no_command_of_the_body() -> None:
    assert {name for name, _ in MAY} >= BODY
