"""Is what lies in a slot still what was signed?"""

import base64
import csv
import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.language import said, tell
from config.slots import FILES, MANIFEST, Lane, Slot, SlotsFile, slot_folder
from edge.booting.runtime import SITE
from edge.bundles.chain import load_trust, trust_folder
from edge.bundles.manifest import Manifest
from edge.bundles.refusal import BundleError
from edge.bundles.slot_check import slot_manifest, verify_slot
from edge.bundles.trust import Trust
from edge.slots.mending import rebuilt
from edge.slots.serials import read_second, second_place

# What installing a wheel adds to it, or puts elsewhere (packaging.python.org, binary distribution
# format); none of it is imported from where it lies.
ADDED = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json")
ELSEWHERE = (".bin", ".headers", ".data")
PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Inspector:
    """Looks at the slots of one unit. Nothing raises."""

    state_dir: Path
    folder: Path  # of the slots
    trust: Trust | None
    blind: str | None = None  # why nothing, or not surely, can be verified

    @classmethod
    def of(cls, state_dir: Path, folder: Path, anchor: Path) -> "Inspector":
        highest = read_second(second_place(state_dir)).content.trust
        try:
            found = load_trust(anchor, trust_folder(folder), highest)
        except (BundleError, OSError) as error:
            return cls(state_dir, folder, None, said(error))
        lost = found.trust.serial < highest  # keys of the older list may be revoked by now
        return cls(state_dir, folder, found.trust, found.faults[-1] if lost else None)

    def why_not(self, lane: Lane, slot: Slot) -> str | None:
        """What is wrong with it; None: nothing that can be seen."""
        home = slot_folder(self.folder, lane, slot)
        if not (home / MANIFEST).is_file() or not (home / FILES).is_dir():
            return tell("its files are not there")
        if self.trust is None or (self.blind is not None and lane == "runtime"):
            return self.blind if lane == "runtime" else None  # no code that cannot be proved
        try:
            manifest = verify_slot(home, self.trust)
            return _why_not_runtime(home, manifest) if lane == "runtime" else None
        except BundleError as refusal:
            return said(refusal)
        except OSError as error:
            return tell("it cannot be read: {why}", why=error.strerror or str(error))

    def rebuilt(self) -> SlotsFile:
        """What is to be in use where the slots' file is damaged, by what is signed in them."""
        trust = self.trust
        if trust is None:
            return SlotsFile()

        def look(slot: Path) -> Manifest:
            return slot_manifest(slot, trust)

        second = read_second(second_place(self.state_dir))
        try:
            return rebuilt(self.folder, second, look)
        except OSError:
            return SlotsFile()


# --- a runtime: its wheels are what was signed, its packages were unpacked from them -------------


def _why_not_runtime(home: Path, manifest: Manifest) -> str | None:
    """Each unpacked file by its wheel, and nothing besides. Raises OSError."""
    wheels = [home / FILES / file.name for file in manifest.files if file.name.endswith(".whl")]
    try:
        wanted = {name: digest for wheel in wheels for name, digest in _recorded(wheel)}
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        return tell("a wheel of it cannot be read: {why}", why=error)
    return _why_not_unpacked(home / FILES / SITE, wanted)


def _recorded(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """Names of what it unpacks beside each other, with their SHA-256 (PEP 376, RECORD)."""
    with zipfile.ZipFile(wheel) as archive:
        record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        text = archive.read(record).decode()
    for row in csv.reader(io.StringIO(text)):
        name, _, digest = row[0], *row[1].partition("=")[::2]
        if digest:
            yield _place(name), base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4))


def _place(name: str) -> str:
    """Where installing puts a file: what is below X.data/purelib/ goes to the top."""
    first, _, rest = name.partition("/")
    if first.endswith(".data") and rest.startswith(("purelib/", "platlib/")):
        return rest.partition("/")[2]
    return name


def _why_not_unpacked(site: Path, wanted: dict[str, bytes]) -> str | None:
    """Raises OSError."""
    if site.is_symlink():
        return tell("its packages are a link to somewhere else")
    missing = {name for name in wanted if not _is_elsewhere(name)}
    for path in _files(site):
        name = str(path.relative_to(site))
        missing.discard(name)
        if not stat.S_ISREG(path.lstat().st_mode) and not path.is_symlink():
            # Opening a pipe would wait for ever.
            return tell("{file} of its packages is no file", file=name)
        if path.is_symlink():
            return tell("{file} of its packages is a link", file=name)
        if _is_elsewhere(name) or (path.name in ADDED and ".dist-info" in path.parent.name):
            continue
        if wanted.get(name) != _sha256(path):
            return tell("{file} of its packages is not what was signed", file=name)
    return tell("{file} of its packages is missing", file=min(missing)) if missing else None


def _is_elsewhere(name: str) -> bool:
    first = name.partition("/")[0]
    return first in ELSEWHERE or first.endswith(".data")


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        yield from (Path(place) / name for name in names)
        yield from (path for name in folders if (path := Path(place) / name).is_symlink())


def _sha256(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return digest.digest()
