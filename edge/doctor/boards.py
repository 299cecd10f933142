"""Boards: whether the right one answers, in the right version, and how well the line carries."""

import threading
from collections.abc import Iterator
from functools import partial

from config.boards import BoardConfig
from edge.body.boards import Boards
from edge.doctor import words
from edge.doctor.case import Case
from edge.doctor.line import NOT_CONFIGURED, Line, judged, none
from edge.doctor.look import side_by_side

LISTEN_S = 5.0
ANSWERS_ENOUGH = 40


def examine(case: Case) -> Iterator[Line]:
    if not case.settings.boards:
        yield none("boards", NOT_CONFIGURED)
    configs = case.settings.boards
    if case.unit is not None:
        for name in configs:
            yield from case.unit.device("board", name)
        return
    jobs = {name: partial(_tried, case, name, config) for name, config in configs.items()}
    yield from side_by_side(case, jobs)


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
            stop.set()  # while it is open: closed, it has no state any more

    boards.works()[f"board.{name}"](beat, stop)
    yield from lines
