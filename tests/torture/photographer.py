"""A unit's spool of pictures, filled and sent from in a process that is killed again and again.

Two threads, as in the unit: the keeper makes pictures and keeps them, the publisher sends the best
and waits a moment for the broker's answer. What they were told, and what the broker has, goes into
`told`, one line each, which a kill cannot take back.
"""

import os
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from telemetry.pictures.picture import Picture
from telemetry.pictures.spool import PictureSpool
from tests.pictures import picture

MIB = 2**20
ANSWER_S = 0.01  # of the broker, for one picture
PAUSE_S = 0.002  # between two pictures: they come faster than they go

Way = Literal["safe", "early"]


def spool_in(folder: Path, max_bytes: int = 64 * MIB) -> PictureSpool:
    return PictureSpool(folder / "pictures", max_bytes, lambda _folder: 1024 * MIB)


class Diary:
    """Lines of three words: what, which picture, its SHA-256."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, what: str, number: int, sha256: str = "-") -> None:
        os.write(self._file, f"{what} {number} {sha256}\n".encode())


def noted(path: Path) -> list[tuple[str, int, str]]:
    if not path.exists():
        return []
    lines = [line.split() for line in path.read_text().splitlines()]
    return [(what, int(number), sha256) for what, number, sha256 in lines]


def work(folder: Path, told: Path, last: int, way: Way, go: Connection) -> None:
    """Go on where the process before was killed, up to picture `last`; then send what is left.

    The control `early` forgets a picture when it goes, not when the broker has it.
    """
    diary, spool, done = Diary(told), spool_in(folder), threading.Event()
    first = 1 + max((number for what, number, _ in noted(told) if what == "begun"), default=0)
    go.recv()
    publisher = threading.Thread(target=publish, args=(spool, diary, way, done), daemon=True)
    publisher.start()
    for number in range(first, last + 1):
        diary.note("begun", number)
        made = picture(seed=number)
        if spool.put(made):
            diary.note("kept", number, made.properties.sha256)
        time.sleep(PAUSE_S)
    while spool.stats().waiting:
        spool.work()
        time.sleep(PAUSE_S)
    done.set()
    publisher.join()
    spool.work()


def publish(spool: PictureSpool, diary: Diary, way: Way, done: threading.Event) -> None:
    while not done.is_set():
        found = spool.newest()
        if found is None:
            time.sleep(PAUSE_S)
        elif way == "early":
            spool.gone(found)
            spool._remove_gone()
            time.sleep(ANSWER_S)
            _arrived(diary, found)
        else:
            time.sleep(ANSWER_S)
            _arrived(diary, found)
            spool.gone(found)


def _arrived(diary: Diary, found: Picture) -> None:
    diary.note("arrived", 0, found.properties.sha256)
