"""How the vehicle is: mode, armed, mission, fence, remote identification; from its messages."""

from dataclasses import dataclass
from typing import Any

from drivers.platforms.mavlink.codec import Heard
from drivers.platforms.mavlink.numbers import (
    MAV_LANDED_STATE_IN_AIR,
    MAV_LANDED_STATE_ON_GROUND,
    MAV_MODE_FLAG_SAFETY_ARMED,
    MAV_ODID_ARM_STATUS_GOOD_TO_ARM,
    MAV_STATE_CRITICAL,
    MAV_STATE_EMERGENCY,
    MISSION_STATE_ACTIVE,
    MISSION_STATE_COMPLETE,
    MISSION_STATE_NO_MISSION,
    MISSION_STATE_NOT_STARTED,
    MISSION_STATE_PAUSED,
    NO_UINT16,
)
from drivers.platforms.mavlink.plan import Plan
from drivers.platforms.mavlink.telling import Telling, printable
from drivers.platforms.mavlink.vehicle import Vehicle
from drivers.samples import MissionState, VehicleState

REMOTE_ID_LOST_S = 5.0  # a transmitter that was heard and is silent does not broadcast any more
IN_THE_AIR_M = 1.0  # above the take-off place, where nothing else says whether it flies

MISSION_STATES: dict[int, MissionState] = {
    MISSION_STATE_NO_MISSION: "none",
    MISSION_STATE_NOT_STARTED: "loaded",
    MISSION_STATE_ACTIVE: "active",
    MISSION_STATE_PAUSED: "paused",
    MISSION_STATE_COMPLETE: "done",
}


@dataclass(slots=True)
class _Mission:
    plan: Plan | None = None  # None: not known yet
    current: int | None = None
    state: int = 0
    total: int | None = None
    reached: int = -1
    begun: bool = False


class Condition:
    """Takes messages; `state` gives the whole."""

    def __init__(self, *, asks: bool = True) -> None:
        """`asks`: the mission will be read from the autopilot; else only its own count is known."""
        self._asks = asks
        self.telling = Telling()
        self._heartbeat: Any = None
        self._landed = 0
        self._breached: bool | None = None
        self._remote_id: tuple[float, bool, str] | None = None
        self._mission = _Mission()

    # --- mission ---

    def note_plan(self, plan: Plan | None) -> None:
        """What the autopilot holds, as it was sent or read back; None: that is not known."""
        self._mission = _Mission(plan, self._mission.current)

    @property
    def holds_another_plan(self) -> bool:
        """Whether somebody else has changed it: its length is another one."""
        plan, total = self._mission.plan, self._mission.total
        return plan is not None and total is not None and total != _total(plan)

    # --- messages ---

    def take(self, message: Heard, heard_s: float) -> None:
        fields = message.fields
        match message.name:
            case "HEARTBEAT":
                self._heartbeat = fields
            case "EXTENDED_SYS_STATE":
                self._landed = fields.landed_state
            case "FENCE_STATUS":
                self._breached = bool(fields.breach_status)
            case "OPEN_DRONE_ID_ARM_STATUS":
                good = fields.status == MAV_ODID_ARM_STATUS_GOOD_TO_ARM
                self._remote_id = (heard_s, good, printable(fields.error))
            case "MISSION_CURRENT":
                self._note_current(fields)
            case "MISSION_ITEM_REACHED":
                self._mission.reached = fields.seq
            case "STATUSTEXT":
                self.telling.hear(fields, heard_s)
            case "SYS_STATUS":
                self.telling.note_parts(fields)
            case _:
                return

    def _note_current(self, fields: Any) -> None:
        mission = self._mission
        mission.current = fields.seq
        if mission.plan is not None and mission.plan.points[:1] >= (fields.seq,):
            mission.reached = -1  # it begins anew
        mission.state = getattr(fields, "mission_state", 0)
        total = getattr(fields, "total", 0)
        mission.total = {0: None, NO_UINT16: 0}.get(total, total)
        if mission.state == MISSION_STATE_NO_MISSION:
            mission.total = 0

    # --- the whole ---

    @property
    def armed(self) -> bool | None:
        beat = self._heartbeat
        return None if beat is None else bool(beat.base_mode & MAV_MODE_FLAG_SAFETY_ARMED)

    def mode(self, vehicle: Vehicle) -> str | None:
        beat = self._heartbeat
        return None if beat is None else vehicle.mode_name(beat.custom_mode)

    def in_the_air(self, height_m: float | None) -> bool | None:
        """None where nothing says."""
        if self._landed in (MAV_LANDED_STATE_ON_GROUND, MAV_LANDED_STATE_IN_AIR):
            return self._landed == MAV_LANDED_STATE_IN_AIR
        if self._landed:
            return True  # taking off or landing
        return None if height_m is None else height_m > IN_THE_AIR_M

    def state(self, now_s: float, vehicle: Vehicle, doubts: str, *, mixed: bool) -> VehicleState:
        """`mixed`: others of its sort speak on the same line."""
        item, items = self._progress(vehicle)
        return VehicleState(
            mono_s=now_s,
            mode=self.mode(vehicle),
            armed=self.armed,
            fence_breached=self._breached,
            remote_id=self._broadcasts(now_s),
            mission=self._mission_state(vehicle),
            mission_item=item,
            mission_items=items,
            faults=(*self._alarms(now_s), *((doubts,) if doubts else ())),
            troubles=("autopilots_mixed",) if mixed else (),
        )

    def _progress(self, vehicle: Vehicle) -> tuple[int | None, int | None]:
        """Which point is under way, from 0, and of how many."""
        mission = self._mission
        if mission.plan is not None:
            current = mission.current
            under_way = None if current is None else mission.plan.point_under_way(current)
            return under_way, len(mission.plan.points)
        if self._asks or mission.current is None or not mission.total:
            return None, None
        first = int(vehicle.stack == "ardupilot")  # whose item 0 is its home
        return min(max(0, mission.current - first), mission.total - 1), mission.total

    def _mission_state(self, vehicle: Vehicle) -> MissionState | None:
        """As it says, or as mode and progress show, where its firmware does not say."""
        mission = self._mission
        plan = mission.plan
        if plan is not None and not plan.points:
            return "none"
        if plan is not None and mission.begun and mission.reached >= plan.points[-1]:
            return "done"
        in_mission = self.mode(vehicle) == vehicle.mission_mode and bool(self.armed)
        mission.begun = mission.begun or in_mission
        if mission.state in MISSION_STATES:
            return MISSION_STATES[mission.state]
        if plan is None:
            return None
        if in_mission:
            return "active"
        return "paused" if mission.begun else "loaded"

    def _broadcasts(self, now_s: float) -> bool | None:
        if self._remote_id is None:
            return None
        heard_s, good, _ = self._remote_id
        return good and now_s - heard_s < REMOTE_ID_LOST_S

    def _alarms(self, now_s: float) -> list[str]:
        found = list(self.telling.faults(now_s))
        beat = self._heartbeat
        if beat is not None and beat.system_status == MAV_STATE_EMERGENCY:
            found.insert(0, "it has an emergency: it lost control of something")
        elif beat is not None and beat.system_status == MAV_STATE_CRITICAL:
            found.insert(0, "it is in a failsafe, and does what was set for that")
        if self._remote_id is not None and not self._broadcasts(now_s):
            why = self._remote_id[2] or "its transmitter is silent"
            found.append(f"its remote identification is off: {why}")
        return found


def _total(plan: Plan) -> int:
    """As MISSION_CURRENT counts: without a home that is kept as item 0."""
    return len(plan.items) - plan.home_items
