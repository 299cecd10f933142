"""What happens on the boards, and who must know: a button for help, an emergency stop, a switch."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from edge.body.boards import UnitBoard
from edge.running.worker import Beat
from edge.seeing.witness import Witness
from firmware_bridge.runtime.orders import BoardIncident
from telemetry.commands.handling import OrderFailedError
from telemetry.contract.events import BodyEvent, SosCause
from telemetry.contract.wire_types import short, text

MOST_WAITING = 256
WAIT_S = 0.5
SWITCHES = {"light_bar": "light_bar", "siren": "siren"}
OTHERS = {"dead_man": "dead_man", "boot": "board_started", "fault": "board_fault"}

CallForHelp = Callable[[SosCause, str, str], Any]  # cause, who, words
StopAll = Callable[[str], Any]  # by whom


class BoardNews:
    """`hear` in the boards' threads; the rest by a worker: nobody's heartbeat waits for a disk.

    But for the call for help: that one is on the disk before the board is told to forget it. And
    an emergency stop waits for nothing that is to be told, which may wait for a disk.
    """

    def __init__(self, call: CallForHelp, stop_all: StopAll, witness: Witness) -> None:
        self.overflow = 0
        self._call = call
        self._stop_all = stop_all
        self._witness = witness
        self._stops: deque[str] = deque(maxlen=MOST_WAITING)  # by whom
        self._waiting: deque[tuple[str, BoardIncident]] = deque()
        self._changed = threading.Condition()
        self._buttons: frozenset[tuple[str, str]] = frozenset()  # boards' emergency-stop buttons

    def stop_held(self, boards: Mapping[str, UnitBoard]) -> str | None:
        """The emergency-stop button that is still pressed; a board that is away holds none."""
        for board, button in sorted(self._buttons):
            state = boards[board].state if board in boards else None
            if state is not None and state.inputs.get(button):
                return f"the button {button} of board {board}"
        return None

    def hear(self, board: str, incident: BoardIncident) -> None:
        structlog.get_logger().info(
            "board_incident", board=board, what=incident.what, text=incident.text
        )
        if incident.what == "pressed" and incident.input_kind == "sos":
            self._call("button", f"board {board}", f"the button {incident.subject}")
            return
        if incident.input_kind == "emergency_stop":
            self._buttons |= {(board, incident.subject)}
        with self._changed:
            if incident.what == "pressed" and incident.input_kind == "emergency_stop":
                self._stops.append(f"the button {incident.subject} of board {board}")
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append((board, incident))
            else:
                self.overflow += 1
            self._changed.notify()

    def work(self, beat: Beat, stop: threading.Event) -> None:
        while not stop.is_set():
            beat()
            with self._changed:
                self._changed.wait_for(lambda: bool(self._stops or self._waiting), WAIT_S)
            self.tell()
        self.tell()

    def tell(self) -> None:
        """All that waits; stops first."""
        while self._stops or self._waiting:
            if self._stops:
                with suppress(OrderFailedError):  # what did not obey is told where it is stopped
                    self._stop_all(self._stops.popleft())
            else:
                self._tell(*self._waiting.popleft())

    def _tell(self, board: str, incident: BoardIncident) -> None:
        what = event_name(incident)
        if what is None:
            return
        event = BodyEvent(
            what=what,
            component=short(board),
            text=text(incident.text),
            pose=self._witness.pose_at(incident.mono_s)[0],
        )
        self._witness.tell(event, incident.mono_s)


def event_name(incident: BoardIncident) -> str | None:
    """What the hub is told; None: nothing."""
    pressed = incident.what == "pressed"
    if incident.what not in ("pressed", "released"):
        return OTHERS.get(incident.what)
    if incident.input_kind == "emergency_stop":
        return "estop" if pressed else "estop_released"
    switch = SWITCHES.get(incident.input_kind)
    if switch is not None:
        return f"{switch}_{'on' if pressed else 'off'}"
    return f"cover_{'open' if pressed else 'closed'}" if incident.input_kind == "cover" else None
