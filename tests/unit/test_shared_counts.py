"""What several threads count is told without a crash: the reporter is a part the unit needs."""

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from config.cameras import PoseConfig
from edge.media.media import Media
from edge.seeing.poses import Poses
from telemetry.pictures.spool import PictureSpool

ROUNDS = 300
CAUSES = 400  # new keys, so that what is iterated changes its size


@contextmanager
def counting(count: Callable[[str], None]) -> Iterator[None]:
    """Another thread that counts ever new causes, switched to as often as can be."""
    stop, before = threading.Event(), sys.getswitchinterval()

    def work() -> None:
        while not stop.is_set():
            for number in range(CAUSES):
                count(f"cause {number}")

    thread = threading.Thread(target=work, daemon=True)
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(before)


def test_drops_of_pictures_are_told_while_they_are_counted(tmp_path: Path) -> None:
    def with_drops() -> Any:
        return SimpleNamespace(drops=Counter[str]())

    spool = PictureSpool(tmp_path, 1)
    media = cast(Any, SimpleNamespace(
        spool=spool, desk=with_drops(), board=with_drops(), studio=with_drops()
    ))  # fmt: skip

    def count(cause: str) -> None:
        if cause == "cause 0":
            media.desk.drops.clear()
        media.desk.drops[cause] += 1

    with counting(count):
        for _ in range(ROUNDS):
            Media.drops(media)
    media.board.drops["busy"] = 2
    media.desk.drops.clear()
    assert Media.drops(media) == {"busy": 2}


def test_refused_poses_are_told_while_they_are_counted() -> None:
    poses = Poses(PoseConfig())

    def count(cause: str) -> None:
        with poses._lock:  # as whoever tells it something
            if cause == "cause 0":
                poses.refused.clear()
            poses.refused[cause] += 1

    with counting(count):
        for _ in range(ROUNDS):
            poses.counts()
