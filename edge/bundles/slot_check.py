"""A slot that was filled before, checked again before it is used: at each start of the unit."""

import hashlib
import os
import stat
from pathlib import Path

from config.language import tell
from config.slots import FILES, MANIFEST
from edge.bundles.container import MOST_MANIFEST_BYTES, PIECE_BYTES
from edge.bundles.manifest import Manifest
from edge.bundles.reading import other_file, proved_again
from edge.bundles.refusal import BundleError
from edge.bundles.trust import Trust

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
UNPACKED = "site/"
FLASH_AGAIN = tell("flash it again")


def verify_slot(slot: Path, trust: Trust) -> Manifest:
    """The manifest of a slot that holds just what was signed. Raises BundleError.

    Revoked keys no longer count. Dates do not matter any more, of keys and of the bundle: what was
    taken in time stays good, and a unit without a battery for its clock starts in 1970.
    """
    manifest = slot_manifest(slot, trust)
    folder = slot / FILES
    try:
        there = _files_below(folder)
        if manifest.kind == "runtime":  # what was unpacked of its wheels when it was flashed
            there = {name for name in there if not name.startswith(UNPACKED)}
        if there != {file.name for file in manifest.files}:
            text = tell("the slot {slot} holds other files than were signed", slot=_told(slot))
            raise BundleError("bad_signature", text, FLASH_AGAIN)
        for file in manifest.files:
            if _digest(folder / file.name, file.size_bytes) != file.sha256:
                raise other_file(file.name)
    except OSError as error:
        raise _unreadable(slot, error) from error
    return manifest


def slot_manifest(slot: Path, trust: Trust) -> Manifest:
    """The manifest alone, proved as in `verify_slot`. Raises BundleError."""
    try:
        handle = os.open(slot / MANIFEST, _OPEN)
        with os.fdopen(handle, "rb") as file:
            raw = file.read(MOST_MANIFEST_BYTES + 1)
    except OSError as error:
        raise _unreadable(slot, error) from error
    _, manifest, _ = proved_again(raw, trust)
    return manifest


def _files_below(folder: Path) -> set[str]:
    """Names of all that is there and is no folder. Raises OSError, BundleError for odd things."""
    found: set[str] = set()
    for place, folders, files in os.walk(folder, onerror=_raise):
        for name in (*folders, *files):
            path = Path(place, name)
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                text = tell("the slot {slot} holds a link or a device", slot=_told(folder.parent))
                raise BundleError("bad_signature", text, FLASH_AGAIN)
        found |= {str(Path(place, name).relative_to(folder)) for name in files}
    return found


def _raise(error: OSError) -> None:
    raise error


def _digest(path: Path, size: int) -> str | None:
    """SHA-256; None if it has another size. Raises OSError."""
    with os.fdopen(os.open(path, _OPEN), "rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size != size:
            return None
        digest = hashlib.sha256()
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _told(slot: Path) -> str:
    return f"{slot.parent.name}/{slot.name}"


def _unreadable(slot: Path, error: OSError) -> BundleError:
    text = tell("the slot {slot} cannot be read: {why}",
                slot=_told(slot), why=error.strerror or error)  # fmt: skip
    return BundleError("storage", text, FLASH_AGAIN)
