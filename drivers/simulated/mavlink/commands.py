"""How the simulated autopilot answers commands."""

import math
from typing import TYPE_CHECKING

from drivers.platforms.mavlink.codec import Heard
from drivers.platforms.mavlink.numbers import (
    MAV_CMD_COMPONENT_ARM_DISARM,
    MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW,
    MAV_CMD_DO_SET_MODE,
    MAV_CMD_MISSION_START,
    MAV_CMD_NAV_RETURN_TO_LAUNCH,
    MAV_CMD_REQUEST_MESSAGE,
    MAV_CMD_SET_CAMERA_ZOOM,
    MAV_CMD_SET_MESSAGE_INTERVAL,
    MAV_RESULT_ACCEPTED,
    MAV_RESULT_DENIED,
    MAV_RESULT_FAILED,
    MAV_RESULT_IN_PROGRESS,
    MAV_RESULT_TEMPORARILY_REJECTED,
    MAV_RESULT_UNSUPPORTED,
    MESSAGES,
)

if TYPE_CHECKING:
    from drivers.simulated.mavlink.autopilot import SimulatedAutopilot

OTHERS = {"HOME_POSITION": 242}
MAV_CMD_NAV_TAKEOFF, MAV_CMD_DO_PAUSE_CONTINUE = 22, 193
TAKEOFF_M = 10.0


class Commands:
    """COMMAND_LONG and COMMAND_INT; what comes again is done again, as commands allow."""

    def __init__(self, autopilot: "SimulatedAutopilot") -> None:
        self._autopilot = autopilot
        self._later: list[tuple[float, int, int, int, int]] = []  # when, command, result, to whom
        self.slow_s = 0.0  # it says IN_PROGRESS, and is done so much later
        self.refuses: dict[int, int] = {}  # commands: with which result
        self.taken: list[int] = []

    def take(self, heard: Heard) -> None:
        command = int(heard.fields.command)
        self.taken.append(command)
        refused = self.refuses.get(command)
        result = self._do(command, heard) if refused is None else refused
        if result == MAV_RESULT_ACCEPTED and self.slow_s > 0:
            due_s = self._autopilot.time_s + self.slow_s
            self._later.append((due_s, command, result, heard.system, heard.component))
            result = MAV_RESULT_IN_PROGRESS
        self._answer(command, result, heard.system, heard.component)

    def tick(self, now_s: float) -> None:
        due = [each for each in self._later if each[0] <= now_s]
        self._later = [each for each in self._later if each[0] > now_s]
        for _, command, result, system, component in due:
            self._answer(command, result, system, component)

    def _answer(self, command: int, result: int, system: int, component: int) -> None:
        progress = 50 if result == MAV_RESULT_IN_PROGRESS else 0
        self._autopilot.send(
            "COMMAND_ACK",
            command=command,
            result=result,
            progress=progress,
            result_param2=0,
            target_system=system,
            target_component=component,
        )

    def _do(self, command: int, heard: Heard) -> int:
        pilot, fields = self._autopilot, heard.fields
        match command:
            case n if n == MAV_CMD_SET_MESSAGE_INTERVAL:
                known = pilot.set_interval(_whole(fields.param1), fields.param2)
                return MAV_RESULT_ACCEPTED if known else MAV_RESULT_DENIED
            case n if n == MAV_CMD_REQUEST_MESSAGE:
                names = {number: name for name, number in (MESSAGES | OTHERS).items()}
                said = pilot.say(names.get(_whole(fields.param1), ""))
                return MAV_RESULT_ACCEPTED if said else MAV_RESULT_DENIED
            case n if n == MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW:
                pilot.turn_gimbal(fields.param1, fields.param2)
                return MAV_RESULT_ACCEPTED
            case n if n == MAV_CMD_SET_CAMERA_ZOOM:
                return MAV_RESULT_ACCEPTED
            case _:
                return self._fly(command, heard)

    def _fly(self, command: int, heard: Heard) -> int:
        pilot, fields = self._autopilot, heard.fields
        match command:
            case n if n == MAV_CMD_DO_SET_MODE:
                return self._set_mode(fields.param2, fields.param3)
            case n if n == MAV_CMD_NAV_RETURN_TO_LAUNCH:
                pilot.set_mode("RTL")
            case n if n == MAV_CMD_MISSION_START:
                if not pilot.armed or pilot.missions.total == 0:
                    return MAV_RESULT_FAILED
                pilot.set_mode(pilot.vehicle.mission_mode)
            case n if n == MAV_CMD_COMPONENT_ARM_DISARM:
                if fields.param1 == 0 and pilot.body.spot.height_m > 1:
                    return MAV_RESULT_FAILED
                pilot.armed = fields.param1 == 1
            case n if n == MAV_CMD_NAV_TAKEOFF:
                if not pilot.armed:
                    return MAV_RESULT_FAILED
                pilot.take_off(TAKEOFF_M)
            case n if n == MAV_CMD_DO_PAUSE_CONTINUE:
                pilot.set_mode("LOITER" if fields.param1 == 0 else pilot.vehicle.mission_mode)
            case _:
                return MAV_RESULT_UNSUPPORTED
        return MAV_RESULT_ACCEPTED

    def _set_mode(self, main: float, sub: float) -> int:
        pilot = self._autopilot
        px4 = pilot.vehicle.stack == "px4"
        custom = _whole(main) << 16 | _whole(sub) << 24 if px4 else _whole(main)
        name = pilot.vehicle.mode_name(custom)
        if name is None:
            return MAV_RESULT_DENIED
        needs_place = name in ("BRAKE", "LOITER", "RTL", "GUIDED", "AUTO", "MISSION")
        if needs_place and pilot.gps_fix < 3:
            return MAV_RESULT_TEMPORARILY_REJECTED
        pilot.set_mode(name)
        return MAV_RESULT_ACCEPTED


def _whole(value: float) -> int:
    """A parameter as a number; -1 for one that was left open."""
    return int(value) if math.isfinite(value) else -1
