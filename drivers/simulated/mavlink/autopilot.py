"""The simulated autopilot: bytes in, bytes out, and time that passes as it is told to."""

import math
import random
from dataclasses import dataclass
from typing import Any

from drivers.platforms.mavlink.codec import Codec, Heard
from drivers.platforms.mavlink.numbers import (
    MAV_AUTOPILOT_ARDUPILOTMEGA,
    MAV_AUTOPILOT_PX4,
    MAV_COMP_ID_AUTOPILOT1,
    MAV_MODE_FLAG_CUSTOM_MODE_ENABLED,
    MAV_MODE_FLAG_SAFETY_ARMED,
    MAV_STATE_ACTIVE,
    MAV_STATE_STANDBY,
    MAV_TYPE_GROUND_ROVER,
    MAV_TYPE_QUADROTOR,
    MAV_TYPE_SURFACE_BOAT,
    MESSAGES,
)
from drivers.platforms.mavlink.signing import Signing
from drivers.platforms.mavlink.vehicle import Vehicle
from drivers.simulated.mavlink.battery import SimulatedBattery
from drivers.simulated.mavlink.commands import Commands
from drivers.simulated.mavlink.flight import Body, Spot
from drivers.simulated.mavlink.guidance import Guidance
from drivers.simulated.mavlink.missions import MissionStore
from drivers.simulated.mavlink.telemetry import message

TYPES = {
    "copter": MAV_TYPE_QUADROTOR,
    "rover": MAV_TYPE_GROUND_ROVER,
    "boat": MAV_TYPE_SURFACE_BOAT,
}
STACKS = {"ardupilot": MAV_AUTOPILOT_ARDUPILOTMEGA, "px4": MAV_AUTOPILOT_PX4}
STEP_S = 0.05
LAST_OF_1 = 255  # the highest number of a message in MAVLink 1


@dataclass(slots=True)
class Faults:
    """What befalls the line; a share of frames, each way."""

    lost: float = 0.0
    damaged: float = 0.0
    mute_until_s: float = -1.0  # in its own time


class SimulatedAutopilot:
    """A Port for its own parts. `step` from one thread, with what was heard before."""

    def __init__(
        self,
        kind: str = "copter",
        stack: str = "ardupilot",
        *,
        system: int = 1,
        home: Spot = Spot(36.6512, 117.1201),  # noqa: B008 - immutable
        unix_s: float = 1_780_300_800.0,
        talkative: bool = False,
        signing: Signing | None = None,
        seed: int = 1,
    ) -> None:
        """`talkative`: speaks without being asked to, at the usual rates."""
        self.vehicle = Vehicle.of(TYPES[kind], STACKS[stack])
        self.codec = Codec(system, MAV_COMP_ID_AUTOPILOT1, signing)
        self.home = home
        self.body = Body(home)
        self.battery = SimulatedBattery()
        self.faults = Faults()
        self.version = 2  # of MAVLink
        self.time_s = 0.0  # since boot
        self.armed = False
        self.mode = "LOITER" if stack == "px4" else {"copter": "STABILIZE"}.get(kind, "MANUAL")
        self.gps_fix = 6
        self.pan_deg = self.tilt_deg = 0.0
        self.own_fence_breached: bool | None = None
        self.remote_id: bool | None = None
        self.mission_begun = False
        self.texts: list[tuple[int, str]] = []  # to be said: severity, words
        self.missions = MissionStore(self, keeps_home=stack == "ardupilot", home=home)
        self.commands = Commands(self)
        self.guidance = Guidance(self)
        self._type, self._stack = TYPES[kind], STACKS[stack]
        self._unix_s = unix_s
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._out: list[bytes] = []
        self._other = (0, 0)  # whom an answer is for
        self._intervals_s: dict[str, float] = {"HEARTBEAT": 1.0}
        self._due_s: dict[str, float] = {}
        if talkative:
            self._intervals_s |= {"ATTITUDE": 0.2, "GLOBAL_POSITION_INT": 0.2, "GPS_RAW_INT": 0.5,
                                  "SYS_STATUS": 1.0, "BATTERY_STATUS": 1.0, "SYSTEM_TIME": 1.0,
                                  "EXTENDED_SYS_STATE": 0.5, "MISSION_CURRENT": 0.5,
                                  "HOME_POSITION": 1.0}  # fmt: skip

    # --- as a port for its own parts ---

    def now_s(self) -> float:
        return self.time_s

    @property
    def boot_ms(self) -> int:
        return int(self.time_s * 1000)

    @property
    def unix_us(self) -> int:
        return int((self._unix_s + self.time_s) * 1e6)

    def send(self, name: str, **fields: Any) -> None:
        if name.startswith("MISSION_") and name not in ("MISSION_CURRENT", "MISSION_ITEM_REACHED"):
            fields |= {"target_system": self._other[0], "target_component": self._other[1]}
        if self.version == 1 and MESSAGES.get(name, 0) > LAST_OF_1:
            return
        frame = self.codec.encode(name, version=self.version, **fields)
        if self.time_s < self.faults.mute_until_s or self._random.random() < self.faults.lost:
            return
        if self._random.random() < self.faults.damaged:
            at = self._random.randrange(len(frame))
            frame = (
                frame[:at] + bytes([frame[at] ^ 1 << self._random.randrange(8)]) + frame[at + 1 :]
            )
        self._out.append(frame)

    def output(self) -> list[bytes]:
        """The frames since the last call."""
        out, self._out = self._out, []
        return out

    # --- what it hears ---

    def hear(self, data: bytes, *, whole: bool = False) -> None:
        for heard in self.codec.feed(data, whole=whole):
            if self._random.random() >= self.faults.lost:
                self._take(heard)

    def _take(self, heard: Heard) -> None:
        fields = heard.fields
        target = getattr(fields, "target_system", self.codec.system)
        if target not in (0, self.codec.system) or self.time_s < self.faults.mute_until_s:
            return
        self._other = (heard.system, heard.component)
        if heard.name == "SET_POSITION_TARGET_LOCAL_NED":
            self.guidance.want(fields.vx, fields.vy, math.degrees(fields.yaw_rate))
        elif heard.name in ("COMMAND_LONG", "COMMAND_INT"):
            self.commands.take(heard)
        else:
            self.missions.hear(heard)

    def set_interval(self, number: int, interval_us: float) -> bool:
        """MAV_CMD_SET_MESSAGE_INTERVAL; False for a message that it does not have."""
        name = next((each for each, known in MESSAGES.items() if known == number), "")
        if message(self, name) is None and name not in ("FENCE_STATUS", "HEARTBEAT"):
            return False
        if interval_us < 0:
            self._intervals_s.pop(name, None)
        else:
            self._intervals_s[name] = interval_us / 1e6 or 1.0
        return True

    def say(self, name: str) -> bool:
        """One message, now."""
        fields = message(self, name)
        if fields is not None:
            self.send(name, **fields)
        return fields is not None

    # --- what a pilot does ---

    def take_off(self, height_m: float) -> None:
        """As if somebody with a radio had armed it and flown it up."""
        self.armed, self.mode = True, "GUIDED" if self.vehicle.stack == "ardupilot" else "LOITER"
        self.body.spot = Spot(self.body.spot.lat_deg, self.body.spot.lon_deg, height_m)

    def set_mode(self, name: str) -> None:
        if name == self.vehicle.mission_mode:
            store = self.missions
            done = store.item() is None
            store.current = store.first if done else max(store.current, store.first)
        self.mode = name
        self.guidance.begin()

    def turn_gimbal(self, tilt_deg: float, pan_deg: float) -> None:
        """NaN: as it is."""
        self.tilt_deg = self.tilt_deg if math.isnan(tilt_deg) else tilt_deg
        self.pan_deg = self.pan_deg if math.isnan(pan_deg) else pan_deg

    @property
    def in_mission(self) -> bool:
        return self.armed and self.mode == self.vehicle.mission_mode

    # --- time ---

    def step(self, seconds: float) -> None:
        """Time passes, in small steps."""
        end_s = self.time_s + seconds
        while self.time_s < end_s - 1e-9:
            dt = min(STEP_S, end_s - self.time_s)
            self.time_s += dt
            self.guidance.fly(dt)
            self.commands.tick(self.time_s)
            self.missions.tick(self.time_s)
            self._speak()

    # --- what it says ---

    def _speak(self) -> None:
        for severity, words in self.texts:
            self.send("STATUSTEXT", severity=severity, text=words.encode()[:50])
        self.texts = []
        for name, interval_s in list(self._intervals_s.items()):
            if self.time_s < self._due_s.get(name, 0.0):
                continue
            self._due_s[name] = self.time_s + interval_s - 1e-6
            if name == "HEARTBEAT":
                self._beat()
            else:
                self.say(name)
        if self.remote_id is not None and self.time_s >= self._due_s.get("remote_id", 0.0):
            self._due_s["remote_id"] = self.time_s + 1.0
            self.say("OPEN_DRONE_ID_ARM_STATUS")

    def _beat(self) -> None:
        flags = MAV_MODE_FLAG_CUSTOM_MODE_ENABLED
        self.send(
            "HEARTBEAT",
            type=self._type,
            autopilot=self._stack,
            base_mode=flags | (MAV_MODE_FLAG_SAFETY_ARMED if self.armed else 0),
            custom_mode=self.vehicle.custom_mode(self.mode),
            system_status=MAV_STATE_ACTIVE if self.armed else MAV_STATE_STANDBY,
            mavlink_version=3,
        )
