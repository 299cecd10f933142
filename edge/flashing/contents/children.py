"""Something that is tried in a process of its own, for so long, as the unit's own user."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.flashing.as_service import groups_of, may_become_others

MOST_TOLD = 2000  # characters of what it says


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended. `code` None: not within its time."""

    code: int | None
    stdout: str
    stderr: str

    @property
    def words(self) -> str:
        """The last thing it said, in a line."""
        lines = [line.strip() for line in (self.stdout + "\n" + self.stderr).splitlines()]
        said = [line for line in lines if line]
        return said[-1][:300] if said else self.how

    @property
    def how(self) -> str:
        if self.code is None:
            return "it did not end in time"
        if self.code < 0:
            return f"it was ended by {signal.Signals(-self.code).name}"
        return f"it ended with code {self.code}"


def run(
    command: Sequence[str],
    *,
    home: Path,
    time_s: float,
    environ: Mapping[str, str] | None = None,
) -> Ended:
    """Run it in the folder `home`; for root, as the user and groups that own that folder's parent.

    Raises OSError where it cannot be started.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            cwd=home,
            env=dict(os.environ if environ is None else environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=time_s,
            check=False,
            **_as_owner(home),
        )
    except subprocess.TimeoutExpired:
        return Ended(None, "", "")
    return Ended(done.returncode, _text(done.stdout), _text(done.stderr))


def _as_owner(home: Path) -> dict[str, Any]:
    """Root tries nothing as root that the service will run."""
    owner = home.stat()
    if os.geteuid() != 0 or owner.st_uid == 0 or not may_become_others():
        return {}
    groups = groups_of(owner.st_uid, owner.st_gid)
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": groups}


def _text(data: bytes) -> str:
    return data[-MOST_TOLD:].decode("utf-8", "replace")
