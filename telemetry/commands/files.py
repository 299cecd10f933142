"""Files that must survive a power cut and be nobody else's to change: keys and keyrings."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


def create_private(path: Path, data: bytes) -> None:
    """Make a file, mode 0600, on the disk when this returns. Never replaces one. Raises OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        hand_to_owner(file.fileno(), path.parent)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def replace(path: Path, data: bytes, mode: int) -> None:
    """Write a file anew: the old one or the new one, whole, whenever the power goes.

    Raises OSError.
    """
    new = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        new.unlink()
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)  # whatever the umask says
            hand_to_owner(file.fileno(), path.parent)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise
    sync_folder(path.parent)


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
