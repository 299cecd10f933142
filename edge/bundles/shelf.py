"""Files of a bundle as they are put into an empty folder: never through a link, never over one.

Root may do this in a folder of the service's, so no path is trusted: each step is opened below the
one before, and what is made belongs to whoever has the folder.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

FILE_MODE, FOLDER_MODE = 0o600, 0o700
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Shelf:
    """One folder that is filled. To be closed."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self._handles = {"": os.open(folder, _FOLDER)}
        owner = os.fstat(self._handles[""])
        self._owner = (owner.st_uid, owner.st_gid) if os.geteuid() == 0 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for handle in self._handles.values():
            os.close(handle)

    @contextmanager
    def new(self, name: str) -> Iterator[int]:
        """A new file to write into, by its handle; on the disk afterwards. Raises OSError."""
        folder, _, last = name.rpartition("/")
        handle = os.open(last, _NEW, FILE_MODE, dir_fd=self._folder(folder))
        try:
            self._give(handle)
            yield handle
            os.fsync(handle)
        finally:
            os.close(handle)

    def sync(self) -> None:
        """All folders are on the disk, the innermost first. Raises OSError."""
        for name in sorted(self._handles, key=lambda each: (-each.count("/"), each == "")):
            os.fsync(self._handles[name])

    def _folder(self, name: str) -> int:
        """Made where it is not one of ours yet; one that was there already is refused."""
        if name not in self._handles:
            above, _, last = name.rpartition("/")
            parent = self._folder(above)
            os.mkdir(last, FOLDER_MODE, dir_fd=parent)
            self._handles[name] = os.open(last, _FOLDER, dir_fd=parent)
            self._give(self._handles[name])
        return self._handles[name]

    def _give(self, handle: int) -> None:
        if self._owner is not None:
            os.fchown(handle, *self._owner)


def write_all(handle: int, data: bytes) -> None:
    """Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
