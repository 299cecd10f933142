"""An actuator that a board of the unit drives: asked through the board's own thread."""

from collections import deque
from typing import Self

from drivers.actuators.actuator import ActuatorReport, ActuatorRequest, Output
from drivers.base import ACTIVE_READ_S, DeviceLostError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.platforms.orders import Aim
from drivers.samples import Done
from edge.body.boards import UnitBoard
from firmware_bridge.runtime.orders import BoardRequest, BoardState, SetChannel, TurnHead

ANSWER_S = 0.3  # on a good line it takes 10 ms
REPORT_S = 0.5


class BoardOutput:
    """One channel, as an Actuator (drivers/actuators/actuator.py). What it reports is measured.

    A temperature that the board calls like the channel is the channel's.
    """

    def __init__(self, board: UnitBoard, channel: str, clock: Clock) -> None:
        self._board = board
        self._channel = channel
        self._clock = clock
        self._answers: deque[Done] = deque()
        self._seen: BoardState | None = None
        self._told: ActuatorReport | None = None
        self._asked = self._refused = 0

    @classmethod
    def open(cls, board: UnitBoard, channel: str, clock: Clock) -> Self:
        """Raises DeviceUnavailableError while the board is away, or has no such channel."""
        state = board.state
        if state is None:
            raise DeviceUnavailableError(f"its board {board.name} is not there")
        if channel not in state.channels:
            raise DeviceUnavailableError(no_channel(board.name, channel, state))
        actuator = cls(board, channel, clock)
        board.requests.post(SetChannel(channel=channel, level=0.0))
        return actuator

    def ask(self, token: int, request: ActuatorRequest) -> None:
        """Waits for the board's answer, at most ANSWER_S."""
        wire = self._request(request)
        self._asked += 1
        if isinstance(wire, str):
            done = Done(token=token, ok=False, text=wire)
        else:
            said = self._board.requests.ask(wire, ANSWER_S)
            done = Done(token=token, ok=said.ok, text=said.text)
        self._refused += not done.ok
        self._answers.append(done)

    def read(self) -> ActuatorReport | Done | None:
        """Raises DeviceLostError when the board goes."""
        if self._answers:
            return self._answers.popleft()
        board = self._board
        with board.changed:
            board.changed.wait_for(lambda: board.state is not self._seen, ACTIVE_READ_S)
            state = board.state
        if state is None:
            raise DeviceLostError(f"its board {board.name} has gone")
        self._seen = state
        report = self._report(state)
        told = self._told
        same = told is not None and _but_for_time(told) == _but_for_time(report)
        if told is not None and same and report.mono_s - told.mono_s < REPORT_S:
            return None
        self._told = report
        return report

    def close(self) -> None:
        self._board.requests.post(SetChannel(channel=self._channel, level=0.0))

    def counters(self) -> dict[str, int]:
        return {"frames": self._asked, "refused": self._refused}

    def _request(self, request: ActuatorRequest) -> BoardRequest | str:
        """What to ask the board for; or why it cannot be asked."""
        match request:
            case Output():
                return SetChannel(
                    channel=self._channel, level=request.level, pattern=request.pattern
                )
            case Aim():
                return self._turn(request)
            case _:
                return "a board's channel makes no sound of its own"

    def _turn(self, aim: Aim) -> BoardRequest | str:
        if aim.zoom is not None or aim.preset is not None:
            return "this head has neither zoom nor presets"
        state = self._board.state
        now = None if state is None else state.channels.get(self._channel)
        pan_deg = aim.pan_deg if now is None or aim.pan_deg is not None else now.pan_deg
        tilt_deg = aim.tilt_deg if now is None or aim.tilt_deg is not None else now.tilt_deg
        if pan_deg is None or tilt_deg is None:
            return "it does not tell where it looks: give both pan and tilt"
        return TurnHead(channel=self._channel, pan_deg=pan_deg, tilt_deg=tilt_deg)

    def _report(self, state: BoardState) -> ActuatorReport:
        now = state.channels.get(self._channel)
        if now is None:
            raise DeviceLostError(f"the board {self._board.name} has no {self._channel} any more")
        faults = [*state.faults, *(["output_stage"] if now.faulty else [])]
        return ActuatorReport(
            mono_s=state.mono_s,
            level=now.level if now.on else 0.0,
            pattern=now.pattern,
            pan_deg=now.pan_deg,
            tilt_deg=now.tilt_deg,
            celsius=state.celsius.get(self._channel),
            fault=", ".join(dict.fromkeys(faults)) or None,
            measured=True,
        )


def _but_for_time(report: ActuatorReport) -> tuple[object, ...]:
    return (
        report.level,
        report.pattern,
        report.pan_deg,
        report.tilt_deg,
        report.celsius,
        report.fault,
    )


def no_channel(board: str, channel: str, state: BoardState) -> str:
    """The words for an output that a board has not."""
    has = ", ".join(state.channels) or "none"
    return f"the board {board} has no channel {channel!r}; it has: {has}"
