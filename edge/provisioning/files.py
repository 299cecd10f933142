"""Files of an identity: whole or not there whenever the power goes, and never replaced unasked."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from telemetry.commands.files import Owner, create, replace, sync_folder

SECRET = 0o600
PUBLIC = 0o644
FOR_GROUP = 0o640  # as a unit file: root writes, the service reads


def put(path: Path, data: bytes, mode: int, owner: Owner | None = None) -> None:
    """Write in place of what is there: the old or the new, never half. `owner` None: whoever calls.

    Raises OSError.
    """
    replace(path, data, mode, owner or Owner.caller())


def put_new(path: Path, data: bytes, mode: int, owner: Owner | None = None) -> None:
    """As `put`, where there is nothing yet. Raises FileExistsError, OSError."""
    create(path, data, mode, owner or Owner.caller())


def same_or_put(path: Path, data: bytes, mode: int, owner: Owner | None = None) -> bool:
    """Write it where it is not so already. Returns whether it was written. Raises OSError."""
    with suppress(OSError):
        if path.read_bytes() == data:
            return False
    put(path, data, mode, owner)
    return True


def make_folder(path: Path, mode: int, owner: Owner | None = None) -> None:
    """With its parents, on the disk. Raises OSError."""
    if path.is_dir():
        return
    make_folder(path.parent, 0o755, owner)
    with suppress(FileExistsError):
        path.mkdir(mode=mode)
        path.chmod(mode)  # whatever the umask says
        if owner is not None and os.geteuid() == 0:
            os.chown(path, owner.user, owner.group)
        sync_folder(path.parent)


def read_below(folder: Path, path: Path) -> bytes:
    """A file below the folder, by no link: the folder is the service's, and root reads in it.

    Raises OSError.
    """
    *above, name = path.relative_to(folder).parts
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for each in above:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner = os.open(each, flags, dir_fd=place)
            os.close(place)
            place = inner
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, dir_fd=place), "rb") as file:
            return file.read()
    finally:
        os.close(place)


def wiped(path: Path, told: Callable[[str], None] | None = None) -> None:
    """Remove a small secret, written over first. Raises OSError.

    Flash memory and file systems that copy on write keep what was there until they need the room:
    that this cannot be helped from here is said in docs/provisioning.md.
    """
    size = path.lstat().st_size if not path.is_symlink() and path.is_file() else 0
    if 0 < size <= 1024 * 1024:
        with suppress(OSError):
            handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(handle, "wb") as file:
                file.write(bytes(size))
                file.flush()
                os.fsync(file.fileno())
    path.unlink()
    if told is not None:
        told(str(path))
