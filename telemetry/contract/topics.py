"""The topic tree: `{root}/{unit}/{leaf}`, and what is said on each leaf."""

import re
from dataclasses import dataclass
from typing import Literal

from config.section import UNIT_ID_PATTERN

Leaf = Literal["status", "state", "position", "health", "event", "reply", "snapshot"]

UP_LEAVES: tuple[Leaf, ...] = (
    "status",
    "state",
    "position",
    "health",
    "event",
    "reply",
    "snapshot",
)
RETAINED_LEAVES: frozenset[Leaf] = frozenset({"status", "state", "health"})

_UNIT = re.compile(UNIT_ID_PATTERN)


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one unit. `root` has no wildcard and no slash at its ends."""

    root: str
    unit: str

    def up(self, leaf: Leaf) -> str:
        return f"{self.root}/{self.unit}/{leaf}"

    @property
    def ack(self) -> str:
        return f"{self.root}/{self.unit}/ack"

    @property
    def command(self) -> str:
        return f"{self.root}/{self.unit}/command"

    @property
    def hub_state(self) -> str:
        return hub_state_topic(self.root)


def hub_state_topic(root: str) -> str:
    """Where the primary hub says that it is there. No unit may be called `hub`."""
    return f"{root}/hub/state"


def up_filters(root: str, unit: str | None) -> tuple[str, ...]:
    """What a hub subscribes to: everything units say, and nothing that hubs say."""
    who = unit or "+"
    plain = tuple(f"{root}/{who}/{leaf}" for leaf in UP_LEAVES if leaf != "snapshot")
    return (*plain, f"{root}/{who}/snapshot/+")


def split_up(root: str, topic: str) -> tuple[str, Leaf] | None:
    """The unit and the leaf of a topic that a unit may publish to; None for any other."""
    if not topic.startswith(f"{root}/"):
        return None
    unit, _, leaf = topic.removeprefix(f"{root}/").partition("/")
    leaf = leaf.partition("/")[0] if leaf.startswith("snapshot/") else leaf
    known = next((each for each in UP_LEAVES if each == leaf), None)
    if known is None or unit == "hub" or not _UNIT.fullmatch(unit):
        return None
    return unit, known
