"""What kind of vehicle an autopilot steers, and what its modes are called.

Mode numbers: ArduPilot's `custom_mode` by vehicle (ArduCopter/mode.h, ArduPlane/mode.h,
Rover/mode.h; as in `mode_mapping_*` of pymavlink's mavutil), PX4's main and sub mode
(px4_custom_mode.h).
"""

from dataclasses import dataclass
from typing import Literal

from drivers.platforms.mavlink.numbers import (
    MAV_AUTOPILOT_ARDUPILOTMEGA,
    MAV_AUTOPILOT_PX4,
    MAV_TYPE_FIXED_WING,
    MAV_TYPE_GROUND_ROVER,
    MAV_TYPE_SUBMARINE,
    MAV_TYPE_SURFACE_BOAT,
)

Kind = Literal["copter", "plane", "rover", "boat", "submarine", "other"]
Stack = Literal["ardupilot", "px4", "other"]

# MAV_TYPE (mavlink.io, minimal.xml)
_COPTERS = frozenset({2, 3, 4, 13, 14, 15, 29, 35, 43})  # quad, coaxial, heli, hexa, octo, tri, ...
_PLANES = frozenset({MAV_TYPE_FIXED_WING, 19, 20, 21, 22, 23, 24, 25})  # and what takes off upright
# MAV_TYPE of what carries an autopilot that is no vehicle's: stations, cameras, gimbals, radios.
_VEHICLES = _COPTERS | _PLANES | {0, 7, 8, 9, 10, 11, 12, 16, 17, 28, 33, 34, 44, 45}

_COPTER_MODES = {
    0: "STABILIZE", 1: "ACRO", 2: "ALT_HOLD", 3: "AUTO", 4: "GUIDED", 5: "LOITER", 6: "RTL",
    7: "CIRCLE", 9: "LAND", 11: "DRIFT", 13: "SPORT", 14: "FLIP", 15: "AUTOTUNE", 16: "POSHOLD",
    17: "BRAKE", 18: "THROW", 19: "AVOID_ADSB", 20: "GUIDED_NOGPS", 21: "SMART_RTL",
    22: "FLOWHOLD", 23: "FOLLOW", 24: "ZIGZAG", 25: "SYSTEMID", 26: "AUTOROTATE", 27: "AUTO_RTL",
    28: "TURTLE",
}  # fmt: skip
_PLANE_MODES = {
    0: "MANUAL", 1: "CIRCLE", 2: "STABILIZE", 3: "TRAINING", 4: "ACRO", 5: "FBWA", 6: "FBWB",
    7: "CRUISE", 8: "AUTOTUNE", 10: "AUTO", 11: "RTL", 12: "LOITER", 13: "TAKEOFF",
    14: "AVOID_ADSB", 15: "GUIDED", 17: "QSTABILIZE", 18: "QHOVER", 19: "QLOITER", 20: "QLAND",
    21: "QRTL", 22: "QAUTOTUNE", 23: "QACRO", 24: "THERMAL",
}  # fmt: skip
_ROVER_MODES = {
    0: "MANUAL", 1: "ACRO", 3: "STEERING", 4: "HOLD", 5: "LOITER", 6: "FOLLOW", 7: "SIMPLE",
    8: "DOCK", 9: "CIRCLE", 10: "AUTO", 11: "RTL", 12: "SMART_RTL", 15: "GUIDED",
}  # fmt: skip
_SUB_MODES = {
    0: "STABILIZE", 1: "ACRO", 2: "ALT_HOLD", 3: "AUTO", 4: "GUIDED", 7: "CIRCLE", 9: "SURFACE",
    16: "POSHOLD", 19: "MANUAL",
}  # fmt: skip
_ARDUPILOT_MODES: dict[Kind, dict[int, str]] = {
    "copter": _COPTER_MODES,
    "plane": _PLANE_MODES,
    "rover": _ROVER_MODES,
    "boat": _ROVER_MODES,
    "submarine": _SUB_MODES,
    "other": {},
}
# PX4: main mode, sub mode. 4 is AUTO, whose sub modes have names of their own.
_PX4_MODES = {
    (1, 0): "MANUAL", (2, 0): "ALTCTL", (3, 0): "POSCTL", (5, 0): "ACRO", (6, 0): "OFFBOARD",
    (7, 0): "STABILIZED", (4, 1): "READY", (4, 2): "TAKEOFF", (4, 3): "LOITER", (4, 4): "MISSION",
    (4, 5): "RTL", (4, 6): "LAND", (4, 8): "FOLLOWME",
}  # fmt: skip

# To stay where it is, the first that it accepts. A copter brakes: in LOITER the throttle stick of
# a radio that nobody holds would have it sink (ArduPilot, Copter: Brake Mode, Loiter Mode).
_HOLDS: dict[Kind, tuple[str, ...]] = {
    "copter": ("BRAKE", "LOITER"),
    "plane": ("LOITER",),
    "rover": ("HOLD",),
    "boat": ("LOITER", "HOLD"),  # on the water only LOITER stays where it is
    "submarine": ("POSHOLD", "ALT_HOLD"),
    "other": (),
}


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle, as its heartbeat says."""

    kind: Kind
    stack: Stack

    @classmethod
    def of(cls, mav_type: int, autopilot: int) -> "Vehicle":
        stacks: dict[int, Stack] = {
            MAV_AUTOPILOT_ARDUPILOTMEGA: "ardupilot",
            MAV_AUTOPILOT_PX4: "px4",
        }
        return cls(_kind(mav_type), stacks.get(autopilot, "other"))

    @property
    def flies(self) -> bool:
        return self.kind not in ("rover", "boat", "submarine")

    @property
    def words(self) -> str:
        """For people: `ArduPilot copter`."""
        names = {"ardupilot": "ArduPilot", "px4": "PX4", "other": "MAVLink"}
        return f"{names[self.stack]} {'vehicle' if self.kind == 'other' else self.kind}"

    def mode_name(self, custom_mode: int) -> str | None:
        """None for one that is not known, and for an autopilot of another make."""
        if self.stack == "px4":
            main, sub = custom_mode >> 16 & 0xFF, custom_mode >> 24 & 0xFF
            return _PX4_MODES.get((main, sub if main == 4 else 0))
        if self.stack == "ardupilot":
            return _ARDUPILOT_MODES[self.kind].get(custom_mode)
        return None

    def mode_params(self, name: str) -> tuple[float, float]:
        """The second and third parameter of MAV_CMD_DO_SET_MODE. Raises KeyError."""
        if self.stack == "px4":
            main, sub = next(pair for pair, known in _PX4_MODES.items() if known == name)
            return float(main), float(sub)
        modes = _ARDUPILOT_MODES[self.kind]
        return float({known: number for number, known in modes.items()}[name]), 0.0

    def custom_mode(self, name: str) -> int:
        """As a heartbeat has it. Raises KeyError."""
        if self.stack == "px4":
            main, sub = next(pair for pair, known in _PX4_MODES.items() if known == name)
            return main << 16 | sub << 24
        return int(self.mode_params(name)[0])

    @property
    def holds(self) -> tuple[str, ...]:
        return ("LOITER",) if self.stack == "px4" else _HOLDS[self.kind]

    @property
    def mission_mode(self) -> str:
        return "MISSION" if self.stack == "px4" else "AUTO"

    @property
    def drives(self) -> bool:
        """Whether it takes velocities from a companion computer without more ado.

        PX4 needs a stream of them before and after it is switched to OFFBOARD: not built.
        """
        return self.stack == "ardupilot" and self.kind in ("copter", "rover", "boat")


def carries_a_vehicle(mav_type: int) -> bool:
    """Whether this MAV_TYPE is of something that moves, no station, camera or gimbal."""
    return mav_type in _VEHICLES


def _kind(mav_type: int) -> Kind:
    if mav_type in _COPTERS:
        return "copter"
    if mav_type in _PLANES:
        return "plane"
    kinds: dict[int, Kind] = {
        MAV_TYPE_GROUND_ROVER: "rover",
        MAV_TYPE_SURFACE_BOAT: "boat",
        MAV_TYPE_SUBMARINE: "submarine",
    }
    return kinds.get(mav_type, "other")
