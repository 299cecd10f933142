"""A mission as MAVLink items, and back: which item is which of our points.

ArduPilot keeps its home as item 0, whatever is sent for it; PX4 does not (mavlink.io/en/services/
mission.html, "Mission File Formats and Home").
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drivers.platforms.mavlink.numbers import (
    MAV_CMD_DO_CHANGE_SPEED,
    MAV_CMD_NAV_LAND,
    MAV_CMD_NAV_LOITER_UNLIM,
    MAV_CMD_NAV_RETURN_TO_LAUNCH,
    MAV_CMD_NAV_WAYPOINT,
    MAV_FRAME_GLOBAL,
    MAV_FRAME_GLOBAL_RELATIVE_ALT,
    MAV_FRAME_GLOBAL_RELATIVE_ALT_INT,
    MAV_FRAME_MISSION,
)
from drivers.platforms.mavlink.vehicle import Vehicle
from drivers.platforms.orders import LoadMission, Waypoint

DEG_E7 = 1e7
GROUND_SPEED = 1.0  # SPEED_TYPE of MAV_CMD_DO_CHANGE_SPEED
# What an autopilot may round when it stores an item: heights to centimetres, holds to seconds.
_HEIGHT_M, _PARAM, _PLACE_E7 = 0.02, 0.51, 1
# Coordinates that come back in their other spelling (mavlink.io, MAV_FRAME).
_SAME_FRAME = {
    5: MAV_FRAME_GLOBAL,
    MAV_FRAME_GLOBAL_RELATIVE_ALT_INT: MAV_FRAME_GLOBAL_RELATIVE_ALT,
}
_WITH_PLACE = frozenset({MAV_CMD_NAV_WAYPOINT})


@dataclass(frozen=True, slots=True)
class Item:
    """One MISSION_ITEM_INT, without its number."""

    command: int
    frame: int = MAV_FRAME_MISSION
    param1: float = 0.0
    param2: float = 0.0
    x: int = 0  # latitude, degrees E7
    y: int = 0
    z: float = 0.0
    param3: float = 0.0
    param4: float = 0.0

    def fields(self, number: int) -> dict[str, Any]:
        """As the message has them."""
        return {
            "seq": number,
            "frame": self.frame,
            "command": self.command,
            "current": int(number == 0),
            "autocontinue": 1,
            "param1": self.param1,
            "param2": self.param2,
            "param3": self.param3,
            "param4": self.param4,
            "x": self.x,
            "y": self.y,
            "z": self.z,
        }

    @classmethod
    def of(cls, fields: Any) -> "Item":
        names = ("command", "frame", "param1", "param2", "x", "y", "z", "param3", "param4")
        return cls(*(getattr(fields, name) for name in names))

    def same_as(self, other: "Item") -> bool:
        """Whether this is the other one, as an autopilot may have rounded it."""
        if self.command != other.command:
            return False
        if self.command in _WITH_PLACE:
            return (
                _frame(self) == _frame(other)
                and abs(self.x - other.x) <= _PLACE_E7
                and abs(self.y - other.y) <= _PLACE_E7
                and abs(self.z - other.z) <= _HEIGHT_M
                and abs(self.param1 - other.param1) <= _PARAM
            )
        if self.command == MAV_CMD_DO_CHANGE_SPEED:
            return abs(self.param2 - other.param2) <= _PARAM
        return True


@dataclass(frozen=True, slots=True)
class Plan:
    """The items of a mission, and the numbers of those that are points of ours."""

    items: tuple[Item, ...]
    points: tuple[int, ...]
    home_items: int = 0  # 1 where the first item is the autopilot's home

    @classmethod
    def of(cls, wanted: LoadMission, vehicle: Vehicle) -> "Plan":
        items, points = _home(vehicle, wanted.points[0]), list[int]()
        height_m = None
        for point in wanted.points:
            if point.speed_mps is not None:
                speed = float(point.speed_mps)
                items.append(Item(MAV_CMD_DO_CHANGE_SPEED, param1=GROUND_SPEED, param2=speed))
            points.append(len(items))
            height_m = height_m if point.height_m is None else point.height_m
            items.append(_waypoint(point, height_m or 0.0))
        end = _end(wanted, vehicle)
        whole = (*items, *([end] if end else []))
        return cls(whole, tuple(points), _home_items(vehicle))

    @classmethod
    def found(cls, items: Sequence[Item], vehicle: Vehicle) -> "Plan":
        """What an autopilot holds, whoever loaded it."""
        first = _home_items(vehicle)
        points = [
            number
            for number, item in enumerate(items)
            if number >= first and item.command == MAV_CMD_NAV_WAYPOINT
        ]
        return cls(tuple(items), tuple(points), min(first, len(items)))

    def point_under_way(self, number: int) -> int | None:
        """Which of our points is gone to while this item is under way; the last one after it."""
        if not self.points:
            return None
        return min(sum(point < number for point in self.points), len(self.points) - 1)

    def matches(self, others: Sequence[Item]) -> str:
        """Why what was read back is not this plan; "" if it is."""
        if len(others) != len(self.items):
            return f"it holds {len(others)} items instead of {len(self.items)}"
        for number in range(self.home_items, len(self.items)):
            if not self.items[number].same_as(others[number]):
                return f"item {number} came back as another one"
        return ""


def _home_items(vehicle: Vehicle) -> int:
    return int(vehicle.stack == "ardupilot")


def _home(vehicle: Vehicle, first: Waypoint) -> list[Item]:
    """A place holder, which ArduPilot replaces by its own home."""
    if not _home_items(vehicle):
        return []
    place = (round(first.lat_deg * DEG_E7), round(first.lon_deg * DEG_E7))
    return [Item(MAV_CMD_NAV_WAYPOINT, MAV_FRAME_GLOBAL, x=place[0], y=place[1])]


def _waypoint(point: Waypoint, height_m: float) -> Item:
    return Item(
        MAV_CMD_NAV_WAYPOINT,
        MAV_FRAME_GLOBAL_RELATIVE_ALT_INT,
        param1=point.hold_s,
        x=round(point.lat_deg * DEG_E7),
        y=round(point.lon_deg * DEG_E7),
        z=height_m,
        param4=math.nan,  # it turns as it likes
    )


def _end(wanted: LoadMission, vehicle: Vehicle) -> Item | None:
    """What it does at the end; on wheels it stands there anyway."""
    last = wanted.points[-1]
    place = {"x": round(last.lat_deg * DEG_E7), "y": round(last.lon_deg * DEG_E7)}
    frame = MAV_FRAME_GLOBAL_RELATIVE_ALT_INT
    if wanted.on_end == "home":
        return Item(MAV_CMD_NAV_RETURN_TO_LAUNCH)
    if not vehicle.flies:
        return None
    if wanted.on_end == "land":
        return Item(MAV_CMD_NAV_LAND, frame, **place)
    heights = [point.height_m for point in wanted.points if point.height_m is not None]
    return Item(MAV_CMD_NAV_LOITER_UNLIM, frame, **place, z=heights[-1] if heights else 0.0)


def _frame(item: Item) -> int:
    return _SAME_FRAME.get(item.frame, item.frame)


def unfit(wanted: LoadMission, vehicle: Vehicle) -> str:
    """Why this vehicle cannot have this mission; "" if it can."""
    if vehicle.flies and wanted.points[0].height_m is None:
        return "a vehicle that flies needs height_m with the first point"
    if not vehicle.flies and wanted.on_end == "land":
        return "what does not fly cannot land at the end"
    return ""
