"""What root does in the service's folder, it does as the service.

Whoever has become the service can put links and other files there while root works. As the service
one can do no more by that than the service could anyway; and what is made belongs to it.
"""

import os
import pwd
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
