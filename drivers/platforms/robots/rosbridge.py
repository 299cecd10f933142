"""A robot with ROS behind a rosbridge: speeds out, odometry, battery and diagnostics in.

rosbridge has no dead-man of its own: the robot's base must stop when no speed comes for half a
second (`cmd_vel_timeout` of ros2_control's drive controllers, twist_mux's timeout). What this side
can do it does: speeds are said ten times a second while it moves, and a stop when it shall not.
"""

from collections import Counter, deque
from typing import Self

from config.language import tell
from config.robots import RosbridgePlatformConfig
from drivers.base import ACTIVE_READ_S, BadDataError, DeviceLostError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.platforms.orders import (
    Abilities,
    Drive,
    EmergencyStop,
    Hold,
    PlatformOrder,
    PlatformSample,
    ReleaseStop,
)
from drivers.platforms.robots.ros_messages import (
    MOST_FAULTS,
    StatusError,
    battery,
    diagnostics,
    emergency,
    odometry,
    openings,
    read_publish,
    speeds,
)
from drivers.platforms.robots.throttle import STILL, Throttle
from drivers.platforms.robots.websocket import TextSocket
from drivers.samples import Done, VehicleState

AGAIN_S = 0.1  # speeds while it moves, and the stop while it is stopped
STATE_EVERY_S = 0.5
MOST_MESSAGES_A_READ = 20
MOST_KEPT = 200  # faults, by the names of parts
STOPPED = "an emergency stop is on"


class Rosbridge:
    """One robot. One thread."""

    def __init__(
        self, name: str, line: TextSocket, config: RosbridgePlatformConfig, clock: Clock
    ) -> None:
        self._name = name
        self._line = line
        self._config = config
        self._clock = clock
        self._throttle = Throttle(config.max_speed_mps, config.max_turn_dps)
        self._drive = STILL
        self._due_s = self._state_due_s = 0.0
        self._heard_s = clock.mono_s()
        self._counts: Counter[str] = Counter()
        self._faults: dict[str, str] = {}
        self._complaint = ""
        self._waiting: deque[PlatformSample | Done] = deque([self._abilities()])

    @classmethod
    def open(cls, name: str, config: RosbridgePlatformConfig, clock: Clock) -> Self:
        """Raises DeviceUnavailableError, with the cure."""
        line = TextSocket.connect(config.host, config.net_port)
        try:
            for said in openings(config):
                line.send(said)
        except DeviceLostError as error:
            line.close()
            raise DeviceUnavailableError(str(error)) from error
        return cls(name, line, config, clock)

    def _abilities(self) -> Abilities:
        stops = {EmergencyStop, ReleaseStop} if self._config.estop is not None else set()
        orders = frozenset({Drive, Hold, *stops})
        return Abilities(orders=orders, max_speed_mps=self._config.max_speed_mps)

    # --- what a driver does ---

    def read(self) -> PlatformSample | Done | None:
        now_s = self._clock.mono_s()
        self._keep_driving(now_s)
        if not self._waiting:
            self._listen()
        self._tell_state(self._clock.mono_s())
        return self._waiting.popleft() if self._waiting else None

    def ask(self, token: int, request: PlatformOrder) -> None:
        why = self._begin(request, self._clock.mono_s())
        self._waiting.append(Done(token=token, ok=not why, text=why))

    def _begin(self, request: PlatformOrder, now_s: float) -> str:
        """Why not; empty: it is said. Raises DeviceLostError."""
        match request:
            case Drive():
                allowed = self._throttle.take(request, now_s)
                if allowed is None:
                    return STOPPED
                self._say(allowed, now_s)
            case Hold():
                self._throttle.take(STILL, now_s)
                self._say(STILL, now_s)
            case EmergencyStop() if self._config.estop is not None:
                self._throttle.emergency()
                self._say(STILL, now_s)
            case ReleaseStop() if self._config.estop is not None:
                self._throttle.stopped = False
                self._line.send(emergency(self._config.estop, on=False))
            case _:
                return f"it does not know {type(request).__name__}"
        return ""

    def close(self) -> None:
        try:
            if self._throttle.moving:
                self._line.send(speeds(self._config, STILL))
        except DeviceLostError:
            self._counts["not_sent"] += 1
        self._line.close()

    def counters(self) -> dict[str, int]:
        return dict(self._counts)

    # --- speaking ---

    def _say(self, drive: Drive, now_s: float) -> None:
        self._drive, self._due_s = drive, now_s + AGAIN_S
        if self._throttle.stopped and self._config.estop is not None:
            self._line.send(emergency(self._config.estop, on=True))
        self._line.send(speeds(self._config, drive))

    def _keep_driving(self, now_s: float) -> None:
        if self._throttle.must_stop(now_s):
            self._counts["not_repeated"] += 1
            self._say(STILL, now_s)
        elif now_s >= self._due_s and (self._throttle.moving or self._throttle.stopped):
            self._say(STILL if self._throttle.stopped else self._drive, now_s)

    # --- listening ---

    def _listen(self) -> None:
        wait_s = ACTIVE_READ_S
        for _ in range(MOST_MESSAGES_A_READ):
            text = self._line.receive(wait_s)
            if text is None:
                break
            wait_s = 0.0
            self._hear(text)
        if self._clock.mono_s() - self._heard_s > self._config.silent_after_s:
            said = tell("; it says: {why}", why=self._complaint) if self._complaint else ""
            raise DeviceLostError(
                tell(
                    "nothing comes from the robot behind {host}: are the topics right (ros2 "
                    "topic list){said}?",
                    host=self._config.host,
                    said=said,
                )
            )

    def _hear(self, text: str | bytes) -> None:
        try:
            publication = read_publish(text)
            if publication is not None:
                self._take(*publication)
        except StatusError as error:
            self._complaint = str(error)
            self._counts["complaints"] += 1
        except BadDataError:
            self._counts["bad_message"] += 1

    def _take(self, topic: str, msg: dict[str, object]) -> None:
        now_s, config = self._clock.mono_s(), self._config
        if topic == config.odom:
            self._waiting.append(odometry(msg, now_s))
        elif topic == config.battery:
            self._waiting.append(battery(msg, now_s))
        elif topic == config.diagnostics:
            told = self._faults | diagnostics(msg)
            bad = [(name, words) for name, words in told.items() if words]
            self._faults = dict(bad[-MOST_KEPT:])
        else:
            self._counts["unasked"] += 1
            return
        self._heard_s = now_s

    def _tell_state(self, now_s: float) -> None:
        """What there is to say of it, while it is heard."""
        if now_s < self._state_due_s or now_s - self._heard_s > STATE_EVERY_S * 2:
            return
        self._state_due_s = now_s + STATE_EVERY_S
        estop = self._throttle.stopped if self._config.estop is not None else None
        faults = tuple(sorted(self._faults.values())[:MOST_FAULTS])
        self._waiting.append(VehicleState(mono_s=now_s, estop=estop, faults=faults))
