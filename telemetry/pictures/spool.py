"""Pictures that wait for the link: files in a folder of their own, bounded.

Two sides. The keeper's thread does all that touches the disk: `put`, `work`. The publisher's
thread never waits for a disk: it looks at the one picture that was read ahead (`newest`), and says
what became of it (`gone`, `failed`). A picture that is not redacted never comes near the disk: it
waits in memory, for as long as it may leave, and goes with the process.
"""

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from telemetry.bell import Bell
from telemetry.commands.files import replace
from telemetry.pictures.picture import (
    MAX_HEAD_BYTES,
    MAX_JPEG_BYTES,
    BadPictureError,
    Picture,
    from_bytes,
)

MOST_IN_MEMORY = 2  # pictures that are not redacted
MOST_FILES = 4096
LEAST_FREE_BYTES = 128 * 2**20  # of the disk: what is left below this is for events


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolStats:
    waiting: int
    size_bytes: int
    limit_bytes: int
    sent: int
    drops: dict[str, int]  # by cause
    fault: str | None  # why the disk takes none


class PictureSpool:
    """See the module. Making one touches no disk."""

    def __init__(
        self, folder: Path, max_bytes: int, free_bytes: Callable[[Path], int] | None = None
    ) -> None:
        """`free_bytes`: of the disk that this folder is on."""
        self._free_bytes = free_bytes or (lambda path: shutil.disk_usage(path).free)
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._files: dict[str, int] = {}  # size by name
        self._ahead: Picture | None = None  # read from the disk, for the publisher
        self._memory: list[Picture] = []
        self._gone: list[str] = []  # names of files to be removed
        self._drops: Counter[str] = Counter()
        self._sent = 0
        self._fault: str | None = None
        self._loaded = False
        self._bell: Bell | None = None

    # --- the keeper's thread ---

    def put(self, picture: Picture) -> bool:
        """Keep a picture: on the disk when this returns true. False: dropped, and counted."""
        if not picture.redacted:
            return self._put_in_memory(picture)
        self._load()
        data = picture.to_bytes()
        if not self._make_room(len(data), picture.name):
            self._drop("disk_low" if self._disk_is_low() else "spool_full")
            return False
        try:
            self._write(picture.name, data)
        except OSError as error:
            self._fault = error.strerror or str(error)
            self._drop("disk")
            return False
        self._fault = None
        with self._lock:
            self._files[picture.name] = len(data)
        self.work()
        return True

    def work(self) -> None:
        """Remove what has left, and read the next picture ahead. Never raises for the disk."""
        self._load()
        self._remove_gone()
        self._make_room(0, "")  # somebody else may have filled the disk
        while (name := self._better_than_ahead()) is not None:
            found = self._read(name)
            if found is not None:
                with self._lock:
                    self._ahead = found
                    bell = self._bell
                if bell is not None:
                    bell.set()

    def review(self, may_leave: Callable[[Picture], bool]) -> None:
        """Forget at once what waits in memory and may not leave any more."""
        with self._lock:
            kept = [picture for picture in self._memory if may_leave(picture)]
            if len(kept) < len(self._memory):
                self._drops["locked"] += len(self._memory) - len(kept)
            self._memory = kept

    # --- the publisher's thread ---

    def attach(self, bell: Bell) -> None:
        """Ring this bell whenever there may be something to send."""
        with self._lock:
            self._bell = bell

    def newest(self) -> Picture | None:
        """The picture that shall go next; None where there is none, or none is read yet."""
        with self._lock:
            return self._memory[0] if self._memory else self._ahead

    def gone(self, picture: Picture) -> None:
        """It is with the broker."""
        self._sent += 1
        self._forget(picture)

    def failed(self, picture: Picture, cause: str) -> None:
        """It shall not be tried again."""
        self._drop(cause)
        self._forget(picture)

    # --- anyone ---

    def stats(self) -> SpoolStats:
        with self._lock:
            return SpoolStats(
                waiting=len(self._files) + len(self._memory),
                size_bytes=sum(self._files.values()),
                limit_bytes=self._max_bytes,
                sent=self._sent,
                drops=dict(self._drops),
                fault=self._fault,
            )

    # --- within ---

    def _better_than_ahead(self) -> str | None:
        """What should be read, since it goes before what was; None where that is right."""
        with self._lock:
            best, ahead = _first(self._files), self._ahead
        if best is None or (ahead is not None and _first((ahead.name, best)) == ahead.name):
            return None
        return best

    def _put_in_memory(self, picture: Picture) -> bool:
        with self._lock:
            self._memory.append(picture)
            if crowded := len(self._memory) > MOST_IN_MEMORY:
                self._memory.pop(0)
            bell = self._bell
        if crowded:
            self._drop("memory_full")
        if bell is not None:
            bell.set()
        return True

    def _drop(self, cause: str) -> None:
        with self._lock:
            self._drops[cause] += 1

    def _forget(self, picture: Picture) -> None:
        with self._lock:
            self._memory = [kept for kept in self._memory if kept.id != picture.id]
            if self._ahead is not None and self._ahead.id == picture.id:
                self._ahead = None
            if picture.name in self._files:
                self._files.pop(picture.name)
                self._gone.append(picture.name)

    def _load(self) -> None:
        """What an earlier run has left."""
        if self._loaded:
            return
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            for path in self._folder.glob("*.new"):
                path.unlink()
            paths = self._folder.glob("*.picture")
            found = {path.name: path.stat().st_size for path in paths}
        except OSError as error:
            self._fault = error.strerror or str(error)
            return
        with self._lock:
            self._files = found | self._files
        self._loaded = True
        self._make_room(0, "")

    def _write(self, name: str, data: bytes) -> None:
        replace(self._folder / name, data, 0o600)

    def _make_room(self, size_bytes: int, name: str) -> bool:
        """Give up what is least, and of that the oldest. False: nothing is less than this one."""
        while True:
            with self._lock:
                used, least = sum(self._files.values()), _last(self._files)
            low = self._disk_is_low()
            if used + size_bytes <= self._max_bytes and len(self._files) < MOST_FILES and not low:
                return True
            if least is None or (name and _rank(least) < _rank(name)):
                return False
            self._drop("disk_low" if low else "spool_full")
            self._give_up(least)

    def _disk_is_low(self) -> bool:
        try:
            return self._free_bytes(self._folder) < LEAST_FREE_BYTES
        except OSError:
            return False  # writing will tell

    def _give_up(self, name: str) -> None:
        with self._lock:
            self._files.pop(name, None)
            if self._ahead is not None and self._ahead.name == name:
                self._ahead = None
        with suppress(OSError):
            (self._folder / name).unlink(missing_ok=True)

    def _remove_gone(self) -> None:
        with self._lock:
            names, self._gone = self._gone, []
        for name in names:
            try:
                (self._folder / name).unlink(missing_ok=True)
            except OSError as error:
                # It may go twice then, and the hub knows it by its SHA-256.
                self._fault = error.strerror or str(error)

    def _read(self, name: str) -> Picture | None:
        path = self._folder / name
        try:
            with path.open("rb") as file:
                picture = from_bytes(file.read(MAX_HEAD_BYTES + MAX_JPEG_BYTES + 1))
            if picture.name != name or not picture.redacted:
                raise BadPictureError("it is not what its name says")  # noqa: TRY301
        except (OSError, BadPictureError):
            self._drop("damaged")
            self._give_up(name)
            return None
        return picture


def _rank(name: str) -> str:
    return name.partition("-")[0]


def _first(names: Collection[str]) -> str | None:
    """What goes first: of the lowest rank the newest."""
    rank = min(map(_rank, names), default="")
    return max((name for name in names if _rank(name) == rank), default=None)


def _last(names: Collection[str]) -> str | None:
    """What is given up first: of the highest rank the oldest."""
    rank = max(map(_rank, names), default="")
    return min((name for name in names if _rank(name) == rank), default=None)
