"""Files that must survive a power cut and be nobody else's to change: keys and keyrings."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from config.language import halves, said
from config.secrets import Keeping, SecretFileError, SecretMissingError, read_kept


class FileRefusedError(Exception):
    """The file cannot be used. The text says why, `cure` what to do."""

    def __init__(self, text: str, cure: str = "") -> None:
        super().__init__(text)
        self.cure = cure


def read_private(path: Path, max_bytes: int = 64 * 1024) -> bytes:
    """A file that only its owner may read. Raises FileRefusedError, FileNotFoundError."""
    return _read(path, max_bytes, "secret")


def read_guarded(path: Path, max_bytes: int = 1024 * 1024) -> bytes:
    """A file that only its owner may write; its owner is this user, or root.

    Raises FileRefusedError, FileNotFoundError.
    """
    return _read(path, max_bytes, "intact")


def _read(path: Path, max_bytes: int, keeping: Keeping) -> bytes:
    try:
        return read_kept(path, keeping, max_bytes)
    except SecretMissingError:
        raise FileNotFoundError(errno.ENOENT, "there is no such file", str(path)) from None
    except SecretFileError as error:
        text, cure = halves(said(error))
        raise FileRefusedError(text, cure) from None


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a file shall be. Only root can give files away; else it is the caller's anyway."""

    user: int
    group: int

    @classmethod
    def of(cls, path: Path) -> "Owner":
        """Of the next folder above it that is there."""
        there = next(each for each in (path, *path.parents) if each.exists())
        found = there.stat()
        return cls(found.st_uid, found.st_gid)

    @classmethod
    def caller(cls) -> "Owner":
        return cls(os.geteuid(), os.getegid())


def create_private(path: Path, data: bytes) -> None:
    """`create`, for a secret: mode 0600."""
    create(path, data, 0o600)


def create(path: Path, data: bytes, mode: int, owner: Owner | None = None) -> None:
    """Make a file, whole and on the disk when this returns. Never replaces one.

    A file made in place could be found empty after a power cut or on a full disk, and an empty key
    is a lost unit: so it is written under another name, and gets its own when it is whole (link(2)
    never replaces). `owner` None: the folder's. Raises FileExistsError, OSError.
    """
    staged = _staged(path, data, mode, owner)
    try:
        os.link(staged, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, such as a stick's
        if path.exists():
            raise FileExistsError(errno.EEXIST, "is there already", str(path)) from None
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)
    sync_folder(path.parent)


def replace(path: Path, data: bytes, mode: int, owner: Owner | None = None) -> None:
    """Write a file anew: the old one or the new one, whole, whenever the power goes.

    `owner` None: the folder's. Raises OSError.
    """
    staged = _staged(path, data, mode, owner)
    try:
        staged.replace(path)
    except OSError:
        with suppress(OSError):
            staged.unlink()
        raise
    sync_folder(path.parent)


def _staged(path: Path, data: bytes, mode: int, owner: Owner | None) -> Path:
    """The whole file beside its place, on the disk. Nothing is left of one that failed."""
    new = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        new.unlink()
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            if owner is None:
                hand_to_owner(file.fileno(), path.parent)
            elif os.geteuid() == 0:
                os.fchown(file.fileno(), owner.user, owner.group)
            os.fchmod(file.fileno(), mode)  # whatever the umask says
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise
    return new


def hand_to_owner(handle: int, folder: Path) -> None:
    """What root makes in the service's folder belongs to the service."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)


def sync_folder(folder: Path) -> None:
    """Make what was renamed or made in this folder survive a power cut. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait until no other process changes the files of this folder in this way (flock(2))."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
