"""Whether there is room for a bundle, asked before its first byte is written."""

import os
from pathlib import Path

from config.language import tell
from edge.bundles.refusal import BundleError

KEPT_BYTES = 32 * 1024 * 1024  # for the queue of messages, which must never wait for a bundle
FILES_KEPT = 200
RUNTIME_GROWS = 5  # wheels and what is unpacked of them (they are compressed to a quarter)


def need_room(folder: Path, wanted_bytes: int, files: int) -> None:
    """Raises BundleError (`storage`) where it would not fit; OSError."""
    there = os.statvfs(folder)
    free_bytes = there.f_bavail * there.f_frsize
    # A file system without a fixed number of files (btrfs) tells none.
    few_files = there.f_files > 0 and there.f_favail < files + FILES_KEPT
    if free_bytes >= wanted_bytes + KEPT_BYTES and not few_files:
        return
    if few_files:
        told = tell("the disk of {folder} has too many files", folder=str(folder))
    else:
        told = tell(
            "it needs {wanted} MiB on the disk, and {free} MiB are free, of which {kept} stay so",
            wanted=_mib(wanted_bytes), free=free_bytes >> 20, kept=_mib(KEPT_BYTES),
        )  # fmt: skip
    cure = tell("delete what nobody needs: see `patrol-edge doctor` and `df -h {folder}`",
                folder=str(folder))  # fmt: skip
    raise BundleError("storage", told, cure)


def _mib(size: int) -> int:
    return -(-size >> 20)
