"""Bundles are made here: the same input gives the same bytes, whoever signs and when.

Whoever signs second need not be able to build: a signature is put into `manifest.jws`, and all
that follows is copied as it is, and checked on the way.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from config.language import tell
from edge.bundles.container import MOST_MANIFEST_BYTES, PIECE_BYTES, Tape, header, pieces
from edge.bundles.judging import parsed
from edge.bundles.manifest import MOST_FILE_BYTES, BundleFile, Manifest
from edge.bundles.reading import Progress, checked, no_progress
from edge.bundles.refusal import BundleError
from edge.bundles.signatures import Envelope, read_envelope, unsigned
from telemetry.commands.jws import MAX_TOKEN_BYTES, PrivateKey
from telemetry.commands.strict_json import canonical

Source = Path | bytes


def described(name: str, source: Source) -> BundleFile:
    """One file as the manifest lists it. Raises BundleError, OSError, ValidationError."""
    digest, size = hashlib.sha256(), 0
    for piece in _pieces_of(source):
        digest.update(piece)
        size += len(piece)
        if size > MOST_FILE_BYTES:
            raise BundleError("too_large", tell("{name} is too large", name=name))
    try:
        header(name, size)
    except ValueError as error:
        text = tell("{name}: this name is too long", name=name)
        raise BundleError(
            "malformed", text, tell("at most 100 characters: NAME=FILE gives it another one")
        ) from error
    return BundleFile(name=name, sha256=digest.hexdigest(), size_bytes=size)


def content_of(manifest: Manifest) -> bytes:
    """The bytes that are signed. Raises BundleError if they are too many for a signature."""
    content = canonical(manifest.model_dump(mode="json", exclude_none=True))
    if 4 * len(content) > 3 * (MAX_TOKEN_BYTES - 1024):
        text = tell("the manifest is too large: {size} bytes", size=len(content))
        raise BundleError("too_large", text, tell("fewer files, or shorter names"))
    return content


def write_bundle(
    path: Path,
    manifest: Manifest,
    sources: Mapping[str, Source],
    keys: Iterable[tuple[PrivateKey, str]] = (),
    progress: Progress = no_progress,
) -> Envelope:
    """Make the file, signed by these keys. Raises BundleError, OSError; then there is none."""
    envelope = unsigned(content_of(manifest))
    for key, kid in keys:
        envelope = envelope.signed_by(key, kid)
    whole = sum(file.size_bytes for file in manifest.files)
    files = (
        (file.name, file.size_bytes, checked(file, _pieces_of(sources[file.name])))
        for file in manifest.files
    )
    _put(path, pieces(_bounded(envelope), files), whole, progress)
    return envelope


def add_signature(
    bundle: Path, out: Path, key: PrivateKey, kid: str, progress: Progress = no_progress
) -> Envelope:
    """Copy the bundle with one signature more; of the same key it is replaced.

    All of it is checked but for who signed. `out` may be the bundle itself. Raises BundleError,
    OSError; then nothing has changed.
    """
    with bundle.open("rb") as stream:
        tape = Tape(stream)
        envelope = read_envelope(tape.manifest()).signed_by(key, kid)
        manifest = parsed(envelope.content)
        whole = sum(file.size_bytes for file in manifest.files)
        files = (
            (file.name, file.size_bytes, checked(file, tape.file(file.name, file.size_bytes)))
            for file in manifest.files
        )
        _put(out, _and_end(pieces(_bounded(envelope), files), tape), whole, progress)
    return envelope


def _bounded(envelope: Envelope) -> bytes:
    if len(envelope.raw) > MOST_MANIFEST_BYTES:
        raise BundleError("too_large", tell("too many signatures"))
    return read_envelope(envelope.raw).raw


def _and_end(content: Iterator[bytes], tape: Tape) -> Iterator[bytes]:
    yield from content
    tape.end()


def _pieces_of(source: Source) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        yield from _read(file)


def _read(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _put(path: Path, content: Iterator[bytes], whole: int, progress: Progress) -> None:
    """In place of what is there, once all of it is right and on the disk."""
    handle, name = tempfile.mkstemp(prefix=".bundle-", dir=path.parent)
    done = 0
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in content:
                file.write(piece)
                done += len(piece)
                progress(min(done, whole), whole)
            os.fchmod(file.fileno(), 0o644)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
