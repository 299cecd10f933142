"""What is remembered of missions and of an emergency stop, over a restart."""

from dataclasses import dataclass, replace

from drivers.samples import MissionState

KEPT = 16  # missions: the hub may ask what became of one


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """One mission that was loaded, and how far it went."""

    id: str
    carrier: str
    items: int
    state: MissionState = "loaded"
    item: int | None = None  # the last one that was under way, from 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveBook:
    """All of it; the newest mission last."""

    missions: tuple[Mission, ...] = ()
    stopped_by: str | None = None  # an emergency stop that nobody has released yet

    def newest(self, carrier: str) -> Mission | None:
        """The one that this carrier holds."""
        return next((each for each in reversed(self.missions) if each.carrier == carrier), None)

    def with_mission(self, mission: Mission) -> "MoveBook":
        """A mission changed, or added as the newest."""
        if any(each.id == mission.id for each in self.missions):
            changed = (mission if each.id == mission.id else each for each in self.missions)
            return replace(self, missions=tuple(changed))
        return replace(self, missions=(*self.missions, mission)[-KEPT:])

    def without(self, mission: str) -> "MoveBook":
        return replace(self, missions=tuple(one for one in self.missions if one.id != mission))
