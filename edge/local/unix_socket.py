"""A Unix socket under a name in a folder: made, replaced when it is stale, found by a long path."""

import hashlib
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOCKET_NAME = "control.sock"
SPARE_FOLDER = Path("/run/patrol-edge")  # RuntimeDirectory= of the service
SOCKET_MODE = 0o660
LONGEST_PATH = 100  # of sockaddr_un's 108 bytes (unix(7))


@contextmanager
def listening(path: Path, waiting: int) -> Iterator[socket.socket]:
    """The socket under its name; one that a dead process left behind is replaced.

    `waiting`: how many may wait to be accepted. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with address_of(path) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        _clear_away(path, address)
        listener.bind(address)
        ours = identity(path)
        try:
            path.chmod(SOCKET_MODE)  # nobody can have connected: it does not listen yet
            listener.setblocking(False)
            listener.listen(waiting)
            yield listener
        finally:
            if identity(path) == ours:
                path.unlink(missing_ok=True)


def _clear_away(path: Path, address: str) -> None:
    """Remove a socket that nobody serves. Raises OSError for anything else of that name."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(f"{path} is in the way; move it")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(address)
        except (BlockingIOError, TimeoutError):
            pass  # somebody listens, and has no time
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise OSError("another process answers there")


def identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """What to call the socket: a long path goes by way of its folder's descriptor (proc(5))."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    handle = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{path.name}"
    finally:
        os.close(handle)


def socket_paths(state_dir: Path) -> tuple[Path, Path]:
    """Where the unit of this folder listens, and where if the folder takes no socket."""
    name = hashlib.sha256(os.fsencode(state_dir.absolute())).hexdigest()[:16]
    return state_dir / SOCKET_NAME, SPARE_FOLDER / f"{name}.sock"
