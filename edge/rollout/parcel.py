"""A bundle as the hub gives it away: what it says of itself, and what the command has to say."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edge.bundles.container import Tape
from edge.bundles.judging import parsed
from edge.bundles.manifest import Manifest
from edge.bundles.refusal import BundleError
from edge.bundles.signatures import read_envelope

CUT = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One file. Its signatures are the units' to check, who know whose count."""

    path: Path
    sha256: str
    size_bytes: int
    manifest: Manifest


def parcel_of(path: Path) -> Parcel:
    """Raises BundleError for what is no bundle or is damaged, OSError."""
    manifest, _ = _read(path, None)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return Parcel(path=path, sha256=sha256, size_bytes=size, manifest=manifest)


def file_in(path: Path, name: str) -> bytes:
    """The content of one file of a small bundle. Raises BundleError, OSError."""
    _, content = _read(path, name)
    if content is None:
        raise BundleError("malformed", f"{path.name} holds no {name}")
    return content


def _read(path: Path, wanted: str | None) -> tuple[Manifest, bytes | None]:
    found = None
    with path.open("rb") as stream:
        tape = Tape(stream)
        manifest = parsed(read_envelope(tape.manifest()).content)
        for file in manifest.files:
            digest, kept = hashlib.sha256(), bytearray()
            for piece in tape.file(file.name, file.size_bytes):
                digest.update(piece)
                if file.name == wanted and len(kept) <= CUT:
                    kept += piece
            if digest.hexdigest() != file.sha256:
                raise BundleError("bad_signature", f"{path.name}: {file.name} was changed")
            found = bytes(kept) if file.name == wanted else found
        tape.end()
    return manifest, found
