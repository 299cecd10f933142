"""Which bundle on a USB stick is meant: exactly one, or a clear refusal.

Looked at are the stick's own folder and `patrol-edge/` in it; where there is a folder with the
unit's name in one of them, that folder alone. So a stick can carry bundles for many units.
"""

from collections.abc import Iterable
from pathlib import Path

from config.language import tell
from edge.bundles.manifest import ENDING, MOST_BYTES

FOLDER = "patrol-edge"
MOST_LOOKED_AT = 5000  # entries of one folder
MOST_NAMED = 5


class StickError(Exception):
    """There is not exactly one. `meant`: somebody wanted to flash with this stick."""

    def __init__(self, text: str, cure: str, *, meant: bool) -> None:
        super().__init__(text)
        self.cure = cure
        self.meant = meant


def bundle_on(root: Path, unit: str) -> Path:
    """The bundle that this unit is to take from what is mounted at `root`. Raises StickError."""
    try:
        folders = [folder for folder in (root, root / FOLDER) if _is_folder(folder)]
        own = [folder / unit for folder in folders if _is_folder(folder / unit)]
        looked_at = own or folders
        found = [path for folder in looked_at for path in _entries(folder) if _is_bundle(path)]
        if len(found) == 1:
            return _fit(found[0])
        if found:
            raise _too_many(found, root)
        raise _none(looked_at, root, meant=bool(own) or len(folders) > 1)
    except OSError as error:
        raise StickError(
            tell("the stick cannot be read: {why}", why=error.strerror or str(error)),
            tell("copy the bundle onto another stick (FAT, exFAT or ext4)"),
            meant=True,
        ) from error


def _entries(folder: Path) -> Iterable[Path]:
    """What lies in it, without what macOS and others hide there (`._name` beside each file)."""
    for number, path in enumerate(sorted(folder.iterdir())):
        if number >= MOST_LOOKED_AT:
            return
        if not path.name.startswith("."):
            yield path


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_bundle(path: Path) -> bool:
    return path.suffix.lower() == ENDING and path.is_file() and not path.is_symlink()


def _fit(path: Path) -> Path:
    size_bytes = path.stat().st_size
    if 0 < size_bytes <= MOST_BYTES:
        return path
    raise StickError(
        tell("{name} has {size} bytes: it is no bundle", name=path.name, size=size_bytes),
        tell("copy it onto the stick again, and eject the stick before you pull it"),
        meant=True,
    )


def _too_many(found: list[Path], root: Path) -> StickError:
    names = ", ".join(str(path.relative_to(root)) for path in found[:MOST_NAMED])
    return StickError(
        tell("{count} bundles are on the stick: {names}", count=len(found), names=names),
        tell("leave one; or put each into a folder with its unit's name"),
        meant=True,
    )


def _none(looked_at: list[Path], root: Path, *, meant: bool) -> StickError:
    """Nothing is there; what somebody may have taken for it is named."""
    near = [
        path.name
        for folder in looked_at
        for path in _entries(folder)
        if ENDING in path.name.lower() and not _is_bundle(path)
    ]
    if near:
        return StickError(
            tell("{name} is no bundle as it is", name=near[0]),
            tell("unpack or rename it: the file that is flashed ends in .peb"),
            meant=True,
        )
    places = ", ".join("/" + str(folder.relative_to(root)).strip(".") for folder in looked_at)
    return StickError(
        tell("no bundle is on the stick (looked in {places})", places=places),
        tell("copy the .peb file into the stick's own folder"),
        meant=meant,
    )
