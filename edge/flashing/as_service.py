"""What root does in the service's folder, it does as the service.

Whoever has become the service can put links and other files there while root works. As the service
one can do no more by that than the service could anyway; and what is made belongs to it.
"""

import os
import pwd
from collections.abc import Callable
from pathlib import Path

SETGID, SETUID = 6, 7  # of capabilities(7)


def owner_of(folder: Path) -> tuple[int, int] | None:
    """User and group of the service, by the state folder; None where there is none yet."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_uid, found.st_gid


def groups_of(uid: int, gid: int) -> list[int]:
    try:
        return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        return [gid]


def become_service(state_dir: Path) -> None:
    """For good, in this process. Nothing is done by others than root, in a folder of root's, and
    where systemd has taken away what it needs: that root is confined already."""
    owner = owner_of(state_dir)
    if os.geteuid() != 0 or owner is None or owner[0] == 0 or not may_become_others():
        return
    uid, gid = owner
    os.setgroups(groups_of(uid, gid))
    os.setgid(gid)
    os.setuid(uid)


def may_become_others() -> bool:
    """Whether the kernel would let this process (proc(5), CapEff)."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    line = next((line for line in status.splitlines() if line.startswith("CapEff:")), "CapEff: 0")
    held = int(line.split()[1], 16)
    return bool(held >> SETUID & 1 and held >> SETGID & 1)


def in_service(state_dir: Path, work: Callable[[], str]) -> str:
    """What `work` says; done by a child that is the service, if this is root. Raises OSError."""
    if os.geteuid() != 0 or (owner_of(state_dir) or (0, 0))[0] == 0:
        return work()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        _end_with(state_dir, work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().decode("utf-8", "replace")
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != 0:
        raise OSError(max(code, 0), told or "it ended early")
    return told


def _end_with(state_dir: Path, work: Callable[[], str], writing: int) -> None:
    """In the child: never returns. Its exit code is the error's number."""
    told, code = "", 255
    try:
        become_service(state_dir)
        told, code = work(), 0
    except OSError as error:
        told, code = error.strerror or str(error), error.errno or 255
    finally:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(told.encode()[:60_000])
        os._exit(code)
