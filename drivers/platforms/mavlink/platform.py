"""A drone, rover or boat whose autopilot speaks MAVLink: what it tells, and what it is told.

The unit is a companion computer on the same vehicle (mavlink.io/en/services/heartbeat.html): it has
the vehicle's system number and a component number of its own, and its heartbeat comes from the
thread that reads, so that it ends when the unit does.
"""

from collections import Counter, deque
from contextlib import suppress
from typing import Any, Self

from config.language import tell
from config.platforms import MavlinkPlatformConfig
from config.secrets import SecretFileError, read_line
from drivers.base import ACTIVE_READ_S, DeviceLostError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.platforms.mavlink.battery import Batteries
from drivers.platforms.mavlink.census import Census
from drivers.platforms.mavlink.codec import Codec, Heard
from drivers.platforms.mavlink.gimbal import gimbal, identity
from drivers.platforms.mavlink.link import Link, open_link
from drivers.platforms.mavlink.numbers import (
    MAV_AUTOPILOT_INVALID,
    MAV_COMP_ID_ONBOARD_COMPUTER,
    MAV_STATE_ACTIVE,
    MAV_TYPE_ONBOARD_CONTROLLER,
)
from drivers.platforms.mavlink.position import Motion
from drivers.platforms.mavlink.signing import Signing, key_from
from drivers.platforms.mavlink.state import Condition
from drivers.platforms.mavlink.steering import Steering
from drivers.platforms.orders import PlatformOrder, PlatformSample
from drivers.samples import VehicleState

HEARTBEAT_S = 1.0
STATE_S = 1.0
FIRST_S = 3.0  # a heartbeat comes every second, and until it is heard nothing else is asked for
OWN_SYSTEM = 255  # until the vehicle's number is known
# Messages that name whom they are for: those for others are left alone.
ADDRESSED = frozenset({"COMMAND_ACK", "MISSION_ACK", "MISSION_COUNT", "MISSION_ITEM_INT",
                       "MISSION_REQUEST", "MISSION_REQUEST_INT"})  # fmt: skip


class MavlinkPlatform:
    """An ActiveDriver."""

    def __init__(
        self, name: str, config: MavlinkPlatformConfig, clock: Clock, link: Link, codec: Codec
    ) -> None:
        self._name = name
        self._config = config
        self._clock = clock
        self._link = link
        self._codec = codec
        self._census = Census(config.system)
        self._condition = Condition(asks=self._may_talk)
        self._steering = Steering(self, self._condition, config, talks=self._may_talk)
        self._samples: deque[PlatformSample] = deque()
        self._told: VehicleState | None = None
        self._began_s = self._beaten_s = clock.mono_s()
        self._beaten_s -= HEARTBEAT_S
        self._reboots = 0
        self._start_over()

    @classmethod
    def open(cls, name: str, config: MavlinkPlatformConfig, clock: Clock) -> Self:
        """Raises DeviceUnavailableError, with the cure."""
        signing = _signing(config, clock)
        codec = Codec(OWN_SYSTEM, MAV_COMP_ID_ONBOARD_COMPUTER, signing)
        return cls(name, config, clock, open_link(config, clock), codec)

    def _start_over(self) -> None:
        """The autopilot is new, or was started anew: what it said before is over."""
        self._motion = Motion(self._census.boot)
        self._batteries = Batteries(self._config.battery_mah, self._config.battery_cells)

    @property
    def _may_talk(self) -> bool:
        return self._link.talks and self._config.commands

    # --- as a driver ---

    def read(self) -> PlatformSample | None:
        """The next sample, waiting at most ACTIVE_READ_S.

        Raises DeviceLostError where no autopilot is heard, with what to look for.
        """
        if self._samples:
            return self._samples.popleft()
        data = self._link.read(ACTIVE_READ_S)
        now_s = self._clock.mono_s()
        for message in self._codec.feed(data, whole=self._link.datagrams):
            self._hear(message, now_s)
        self._beat(now_s)
        self._samples += self._steering.tick(now_s)
        self._tell_state(now_s)
        self._mind_silence(now_s)
        return self._samples.popleft() if self._samples else None

    def ask(self, token: int, request: PlatformOrder) -> None:
        """See ActiveDriver."""
        now_s = self._clock.mono_s()
        mixed = bool(self._census.strangers(now_s))
        height_m = self._motion.relative_height_m()
        self._samples += self._steering.ask(token, request, height_m, mixed=mixed)

    def close(self) -> None:
        """What is driven from afar stands still."""
        with suppress(DeviceLostError):  # then it stops by itself (GUID_TIMEOUT)
            self._steering.stand_still()
        self._link.close()

    def counters(self) -> dict[str, int]:
        counted = Counter(self._codec.counters)
        counted["foreign_system"] = self._census.foreign
        if self._census.ours is not None:
            counted["lost_messages"] = self._codec.lost[self._census.ours[0]]
        return dict(counted)

    # --- as a port for talks ---

    def now_s(self) -> float:
        return self._clock.mono_s()

    def send(self, name: str, **fields: Any) -> None:
        """To our autopilot. Raises DeviceLostError."""
        ours = self._census.ours
        if ours is None or not self._may_talk:
            return
        addressed = {"target_system": ours[0], "target_component": ours[1]}
        version = self._steering.version
        self._link.send(self._codec.encode(name, version=version, **addressed, **fields))

    def _beat(self, now_s: float) -> None:
        """Always in MAVLink 2, which has an autopilot answer in it if it can."""
        if not self._may_talk or now_s - self._beaten_s < HEARTBEAT_S:
            return
        self._beaten_s = now_s
        frame = self._codec.encode(
            "HEARTBEAT",
            type=MAV_TYPE_ONBOARD_CONTROLLER,
            autopilot=MAV_AUTOPILOT_INVALID,
            base_mode=0,
            custom_mode=0,
            system_status=MAV_STATE_ACTIVE,
            mavlink_version=3,
        )
        self._link.send(frame)

    # --- what it tells ---

    def _hear(self, message: Heard, now_s: float) -> None:
        if not self._census.take(message, now_s):
            return
        vehicle, ours = self._census.vehicle, self._census.ours
        if vehicle is None or ours is None or self._for_another(message):
            return
        if self._codec.system != ours[0]:
            self._codec.system = ours[0]
        self._steering.hear(message, vehicle)
        self._condition.take(message, now_s)
        self._samples += self._motion.take(message, now_s, vehicle)
        self._samples += self._batteries.take(message, now_s)
        turned = gimbal(message, now_s, self._motion.bow_deg())
        if turned is not None:
            self._steering.has_gimbal = True
            self._samples.append(turned)
        if message.name == "AUTOPILOT_VERSION":
            self._samples.append(identity(self._name, message.fields, vehicle))
        self._mind_reboot(now_s)

    def _for_another(self, message: Heard) -> bool:
        """Whether an answer is for a ground station beside us."""
        if message.name not in ADDRESSED:
            return False
        system = getattr(message.fields, "target_system", 0)
        component = getattr(message.fields, "target_component", 0)
        return system not in (0, self._codec.system) or component not in (0, self._codec.component)

    def _mind_reboot(self, now_s: float) -> None:
        if self._census.boot.reboots == self._reboots:
            return
        self._reboots = self._census.boot.reboots
        self._census.note_restart(now_s)
        self._steering.set_up_again()
        self._start_over()

    def _tell_state(self, now_s: float) -> None:
        vehicle = self._census.vehicle
        if vehicle is None:
            return
        mixed = bool(self._census.strangers(now_s))
        state = self._condition.state(now_s, vehicle, self._motion.doubts, mixed=mixed)
        told = self._told
        changed = told is None or not _alike(told, state)
        if told is None or changed or now_s - told.mono_s >= STATE_S:
            self._told = state
            self._samples.append(state)

    def _mind_silence(self, now_s: float) -> None:
        if not self._link.talks:
            return  # a recording ends by itself
        heard_s, patience_s = self._census.heard_s, self._config.silent_after_s
        silent_s = now_s - (self._began_s if heard_s is None else heard_s)
        if silent_s > (max(patience_s, FIRST_S) if heard_s is None else patience_s):
            raise DeviceLostError(self._census.silence(self._codec, silent_s))


def _alike(one: VehicleState, two: VehicleState) -> bool:
    """Whether nothing but the time has changed."""
    return all(
        getattr(one, name) == getattr(two, name) for name in one.__slots__ if name != "mono_s"
    )


def _signing(config: MavlinkPlatformConfig, clock: Clock) -> Signing | None:
    """Raises DeviceUnavailableError."""
    if config.signing_key_file is None:
        return None
    try:
        return Signing(key_from(read_line(config.signing_key_file, "the key")), clock)
    except (SecretFileError, ValueError) as error:
        raise DeviceUnavailableError(tell("signing_key_file: {error}", error=error)) from error
