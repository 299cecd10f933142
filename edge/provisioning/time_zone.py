"""The computer's time zone, as /etc/localtime says it (localtime(5))."""

import os
from contextlib import suppress
from pathlib import Path

from telemetry.commands.files import sync_folder

ROOT = Path("/")


def set_time_zone(zone: str, root: Path | None = None) -> bool:
    """Whether it was changed. Hours in rules and on duty are local ones. Raises OSError."""
    root = root or ROOT
    target = root / "usr/share/zoneinfo" / zone
    link = root / "etc/localtime"
    if not target.is_file() or link.resolve() == target.resolve():
        return False
    new = link.with_name(".localtime.new")
    with suppress(FileNotFoundError):
        new.unlink()
    new.symlink_to(os.path.relpath(target, link.parent))
    new.replace(link)
    sync_folder(link.parent)
    return True
