"""Folders and files of the slots: whose they are, and that they are on the disk.

What root makes belongs to the service, which owns the state folder: it reads, cleans up and
replaces it later.
"""

import os
import shutil
from pathlib import Path

from telemetry.commands.files import sync_folder

FOLDER_MODE = 0o750  # the unit's group may look


def make_folder(path: Path) -> None:
    """With those above it; each is on the disk when this returns. Raises OSError."""
    if path.is_dir():
        return
    if not path.parent.is_dir():
        make_folder(path.parent)
    path.mkdir(mode=FOLDER_MODE)
    give_away(path)
    sync_folder(path.parent)


def give_away(path: Path) -> None:
    """To the owner of the folder it is in, if root made it. Raises OSError."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def give_all_away(folder: Path) -> None:
    """With all that is in it. Raises OSError."""
    if os.geteuid() != 0:
        return
    owner = folder.parent.stat()
    for where, folders, files in os.walk(folder):
        for name in ("", *folders, *files):
            os.chown(os.path.join(where, name), owner.st_uid, owner.st_gid, follow_symlinks=False)  # noqa: PTH118


def sync_all(folder: Path) -> None:
    """Each file and folder below it, and itself. Raises OSError.

    Their contents first, their names after: a folder that survives a power cut has whole files.
    """
    for where, _, files in os.walk(folder, topdown=False):
        for name in files:
            sync_file(Path(where) / name)
        sync_folder(Path(where))


def sync_file(path: Path) -> None:
    """Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(folder: Path) -> None:
    """If it is there; whatever of it. Raises OSError."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
