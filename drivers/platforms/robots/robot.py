"""A robot over our own line protocol (docs/robot-adapter.md): JSON lines over TCP."""

from collections import Counter, deque
from typing import Self

from config.language import said, tell
from config.robots import RobotPlatformConfig
from drivers.base import ACTIVE_READ_S, BadDataError, DeviceLostError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.platforms.orders import (
    Abilities,
    Drive,
    EmergencyStop,
    PlatformOrder,
    PlatformSample,
)
from drivers.platforms.robots.messages import (
    MOST_LINE_BYTES,
    ORDERS,
    PROTOCOL,
    RobotAttitude,
    RobotBattery,
    RobotDone,
    RobotHello,
    RobotMessage,
    RobotOdometry,
    RobotState,
    RobotTemperature,
    UnknownTypeError,
    order_line,
    read_message,
    unit_hello,
)
from drivers.platforms.robots.throttle import STILL, Throttle
from drivers.samples import Ambient, Attitude, Battery, Done, Identity, Odometry, VehicleState
from drivers.stream import TcpStream

HELLO_WITHIN_S = 3.0
MOST_ASKED = 64  # orders whose answer is waited for
STOPPED = "an emergency stop is on"


class Robot:
    """One robot. One thread."""

    def __init__(
        self, name: str, stream: TcpStream, config: RobotPlatformConfig, clock: Clock
    ) -> None:
        self._name = name
        self._stream = stream
        self._config = config
        self._clock = clock
        self._throttle = Throttle(config.max_speed_mps, config.max_turn_dps)
        self._pending = b""
        self._counts: Counter[str] = Counter()
        self._waiting: deque[PlatformSample | Done] = deque()
        self._asked: dict[int, type] = {}
        self._hello: RobotHello | None = None
        self._heard_s = clock.mono_s()
        self._opened_s = self._heard_s

    @classmethod
    def open(cls, name: str, config: RobotPlatformConfig, clock: Clock) -> Self:
        """Greets it and waits for its hello. Raises DeviceUnavailableError, with the cure."""
        stream = TcpStream.connect(config.host, config.net_port)
        robot = cls(name, stream, config, clock)
        try:
            stream.send(unit_hello(name))
            robot._wait_for_hello()
        except (DeviceLostError, DeviceUnavailableError) as error:
            stream.close()
            raise DeviceUnavailableError(said(error)) from error
        return robot

    def _wait_for_hello(self) -> None:
        while self._hello is None:
            self._listen()
            if self._clock.mono_s() - self._opened_s > HELLO_WITHIN_S:
                raise DeviceUnavailableError(
                    tell(
                        "{where} says no hello: is it a robot adapter (docs/robot-adapter.md)?",
                        where=self._where(),
                    )
                )

    def _where(self) -> str:
        return f"{self._config.host}:{self._config.net_port}"

    # --- what a driver does ---

    def read(self) -> PlatformSample | Done | None:
        if self._throttle.must_stop(self._clock.mono_s()):
            self._counts["not_repeated"] += 1
            self._send(order_line(0, STILL))
        if not self._waiting:
            self._listen()
        if self._clock.mono_s() - self._heard_s > self._config.silent_after_s:
            raise DeviceLostError(
                tell(
                    "the robot at {where} says nothing: has its adapter stopped?",
                    where=self._where(),
                )
            )
        return self._waiting.popleft() if self._waiting else None

    def ask(self, token: int, request: PlatformOrder) -> None:
        now_s = self._clock.mono_s()
        if isinstance(request, Drive):
            allowed = self._throttle.take(request, now_s)
            if allowed is None:
                self._waiting.append(Done(token=token, ok=False, text=STOPPED))
                return
            request = allowed
        if isinstance(request, EmergencyStop):
            self._throttle.emergency()
        said = order_line(token, request)
        if said is None:
            text = f"it does not know {type(request).__name__}"
            self._waiting.append(Done(token=token, ok=False, text=text))
            return
        if len(self._asked) >= MOST_ASKED:  # it does not answer; the oldest is given up
            self._asked.pop(next(iter(self._asked)))
        self._asked[token] = type(request)
        self._send(said)

    def _send(self, said: bytes | None) -> None:
        if said is not None:
            self._stream.send(said)

    def close(self) -> None:
        try:
            self._send(order_line(0, STILL) if self._throttle.moving else None)
        except DeviceLostError:
            self._counts["not_sent"] += 1  # it stops by itself
        self._stream.close()

    def counters(self) -> dict[str, int]:
        return dict(self._counts)

    # --- listening ---

    def _listen(self) -> None:
        data = self._stream.read(ACTIVE_READ_S)
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > MOST_LINE_BYTES:
            self._pending = b""
            self._counts["line_too_long"] += 1
        for line in lines:
            if line.strip():
                self._hear(line)

    def _hear(self, line: bytes) -> None:
        try:
            message = read_message(line)
        except UnknownTypeError:
            self._counts["unknown_type"] += 1
            self._heard_s = self._clock.mono_s()
            return
        except BadDataError:
            self._counts["bad_message"] += 1
            return
        self._heard_s = self._clock.mono_s()
        if isinstance(message, RobotHello):
            self._greeted(message)
        elif isinstance(message, RobotDone):
            self._answered(message)
        elif self._hello is not None:
            self._waiting.append(self._sample(message, self._heard_s))

    def _greeted(self, hello: RobotHello) -> None:
        if hello.protocol != PROTOCOL:
            newer = "this unit's software" if hello.protocol > PROTOCOL else "the robot's adapter"
            raise DeviceUnavailableError(
                tell(
                    "the robot at {where} ({adapter}) speaks version {protocol} of the robot "
                    "protocol, this unit {ours}: update {newer}",
                    where=self._where(),
                    adapter=hello.adapter or "its adapter",
                    protocol=hello.protocol,
                    ours=PROTOCOL,
                    newer=newer,
                )
            )
        self._hello = hello
        known = (ORDERS[word] for word in hello.can if word in ORDERS)
        limits = [self._config.max_speed_mps, hello.max_speed_mps or self._config.max_speed_mps]
        self._throttle.max_speed_mps = min(limits)
        self._waiting += (
            Abilities(
                orders=frozenset(known),
                channels=hello.channels,
                max_speed_mps=min(limits),
            ),
            Identity(
                name=self._name,
                kind="robot",
                model=hello.model,
                serial=hello.serial,
                firmware=hello.firmware,
                hardware=hello.adapter,
            ),
        )

    def _answered(self, done: RobotDone) -> None:
        if self._asked.pop(done.id, None) is None:
            self._counts["unasked"] += done.id != 0  # 0: a stop of our own
            return
        self._waiting.append(Done(token=done.id, ok=done.ok, text=done.text))

    def _sample(self, message: RobotMessage, now_s: float) -> PlatformSample:
        told = message.model_dump(exclude={"type"})
        match message:
            case RobotState():
                if message.estop:
                    self._throttle.emergency()
                elif message.estop is False and EmergencyStop not in self._asked.values():
                    self._throttle.stopped = False
                return VehicleState(mono_s=now_s, **told)
            case RobotOdometry():
                told["speed_mps"] = told.pop("forward_mps")
                told["yaw_rate_dps"] = told.pop("turn_dps")
                return Odometry(mono_s=now_s, **told)
            case RobotAttitude():
                return Attitude(mono_s=now_s, **told)
            case RobotBattery():
                return Battery(mono_s=now_s, **told)
            case RobotTemperature():
                return Ambient(mono_s=now_s, **told)
        raise BadDataError("no measurement")
