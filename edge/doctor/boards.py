"""Boards: whether the right one answers, in the right version, and how well the line carries."""

import threading
from collections.abc import Iterator
from functools import partial

from config.actuators import BoardVia
from config.boards import BoardConfig
from edge.acting.board_output import no_channel
from edge.body.boards import Boards
from edge.doctor import words
from edge.doctor.case import Case
from edge.doctor.line import Line, fault, judged
from edge.doctor.look import of_each
from edge.reporting.device_findings import DEVICE_ACTIONS
from firmware_bridge.runtime.orders import BoardState

LISTEN_S = 5.0
ANSWERS_ENOUGH = 40


def examine(case: Case) -> Iterator[Line]:
    configs = case.settings.boards
    jobs = {name: partial(_tried, case, name, config) for name, config in configs.items()}
    yield from of_each(case, "board", "boards", jobs)


def _tried(case: Case, name: str, config: BoardConfig) -> Iterator[Line]:
    """With the unit's own worker for it, for some seconds."""
    clock, stop = case.host.clock, threading.Event()
    boards = Boards({name: config}, clock)
    board, ends_s = boards.all[name], clock.mono_s() + LISTEN_S
    lines: list[Line] = []

    def beat() -> None:
        now_s, figures = clock.mono_s(), board.figures
        enough = figures is not None and figures.answered >= ANSWERS_ENOUGH
        if (enough or now_s >= ends_s or case.stop.is_set()) and not stop.is_set():
            told = words.of_board(board.identity, figures, board.health.totals())
            lines.extend(judged(name, boards.findings(now_s), told))
            lines.extend(_channels(case, name, board.state))
            stop.set()  # while it is open: closed, it has no state any more

    boards.works()[f"board.{name}"](beat, stop)
    yield from lines


def _channels(case: Case, name: str, state: BoardState | None) -> Iterator[Line]:
    """The actuators that the unit's file puts on this board, and it has no such output."""
    for actuator, config in case.settings.actuators.items():
        via = config.via
        if state is None or not isinstance(via, BoardVia) or via.board != name:
            continue
        if via.channel not in state.channels:
            text = no_channel(name, via.channel, state)
            cure = DEVICE_ACTIONS["actuator", "missing"]
            yield fault("actuator_missing", actuator, text, cure)
