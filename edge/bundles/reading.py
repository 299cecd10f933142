"""A bundle from outside: proved before it is looked into, then unpacked in one pass.

    opened = open_bundle(stream, trust, now, here, highest)     # nothing was written so far
    opened.unpack(slot_folder, progress)                        # manifest.jws and files/…

The order of the checks: the length, the signatures over the raw bytes, the form, whom it is for,
whose keys and how many, the serial, the dates; then each file's size and hash.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from config.language import tell
from config.slots import FILES, MANIFEST
from edge.bundles.container import AGAIN, Tape, whole_bytes
from edge.bundles.judging import (
    Here,
    check_dates,
    check_made_for,
    check_runtime,
    check_serial,
    parsed,
)
from edge.bundles.manifest import BundleFile, Manifest
from edge.bundles.refusal import BundleError
from edge.bundles.shelf import Shelf, write_all
from edge.bundles.signatures import (
    Envelope,
    Signer,
    proved,
    read_envelope,
    require_enough,
    signers_of,
)
from edge.bundles.trust import Trust

Highest = Callable[[Manifest], int]  # the highest serial that was in use where this one goes
Progress = Callable[[int, int], None]  # bytes that have come, of how many
MOST_IN_MEMORY = 1024 * 1024


def no_progress(_done: int, _of: int) -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class OpenedBundle:
    """A bundle whose manifest is proved and may be used here. Its files have not come yet."""

    manifest: Manifest
    signers: tuple[Signer, ...]
    raw: bytes  # manifest.jws, as it is kept in the slot
    envelope: Envelope
    _tape: Tape

    @property
    def size_bytes(self) -> int:
        """Of the whole bundle."""
        return whole_bytes(len(self.raw), (file.size_bytes for file in self.manifest.files))

    def unpack(self, slot: Path, progress: Progress = no_progress) -> None:
        """Fill the empty folder `slot`: first `files/`, then `manifest.jws`; all on the disk.

        Takes bytes as they come. What is there after an error is to be deleted: it has no
        manifest. Raises BundleError: `malformed`, `bad_signature` for a file that is not the one
        that was signed, `storage`.
        """
        with _storage_told(), Shelf(slot) as shelf:
            for file in self.manifest.files:
                with shelf.new(f"{FILES}/{file.name}") as handle:
                    for piece in self._content(file, progress):
                        write_all(handle, piece)
            self._tape.end()
            shelf.sync()
            with shelf.new(MANIFEST) as handle:
                write_all(handle, self.raw)
            shelf.sync()
        progress(self.size_bytes, self.size_bytes)

    def contents(self, most_bytes: int = MOST_IN_MEMORY) -> dict[str, bytes]:
        """All files, in memory, instead of `unpack`. Raises BundleError, also for large ones."""
        if sum(file.size_bytes for file in self.manifest.files) > most_bytes:
            raise BundleError("too_large", tell("its files are too large"))
        found = {
            file.name: b"".join(self._content(file, no_progress)) for file in self.manifest.files
        }
        self._tape.end()
        return found

    def pass_by(self, progress: Progress = no_progress) -> None:
        """Check all files instead of `unpack`, and keep none. Raises BundleError."""
        for file in self.manifest.files:
            for _ in self._content(file, progress):
                pass
        self._tape.end()

    def _content(self, file: BundleFile, progress: Progress) -> Iterator[bytes]:
        whole = self.size_bytes
        for piece in checked(file, self._tape.file(file.name, file.size_bytes)):
            yield piece
            progress(self._tape.passed, whole)


def checked(file: BundleFile, content: Iterable[bytes]) -> Iterator[bytes]:
    """The content, as it passes by. Raises BundleError where it is not what the manifest says."""
    digest, size = hashlib.sha256(), 0
    for piece in content:
        digest.update(piece)
        size += len(piece)
        yield piece
    if size != file.size_bytes or digest.hexdigest() != file.sha256:
        raise other_file(file.name)


def other_file(name: str) -> BundleError:
    text = tell("{name} is not the file that was signed", name=name)
    return BundleError("bad_signature", text, AGAIN)


def open_bundle(
    stream: BinaryIO, trust: Trust, now: datetime, here: Here, highest: Highest
) -> OpenedBundle:
    """Take the manifest from the stream and judge it. Raises BundleError."""
    tape = Tape(stream)
    raw = tape.manifest()
    envelope = read_envelope(raw)
    fitting = proved(envelope, trust)
    manifest = parsed(envelope.content)
    check_made_for(manifest, here)
    signers = signers_of(envelope, fitting, trust, manifest.kind, now)
    require_enough(signers, trust, manifest.kind)
    check_serial(manifest, highest(manifest))
    check_dates(manifest, now)
    check_runtime(manifest, here)
    return OpenedBundle(manifest, signers, raw, envelope, tape)


def proved_again(raw: bytes, trust: Trust) -> tuple[Envelope, Manifest, tuple[Signer, ...]]:
    """The manifest of what was taken before, by keys that are not revoked since. Dates do not
    matter any more. Raises BundleError."""
    envelope = read_envelope(raw)
    fitting = proved(envelope, trust)
    manifest = parsed(envelope.content)
    signers = signers_of(envelope, fitting, trust, manifest.kind, None)
    require_enough(signers, trust, manifest.kind)
    return envelope, manifest, signers


@contextmanager
def _storage_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        text = tell("it cannot be put onto the disk: {why}", why=error.strerror or error)
        cure = tell("make room in the state folder; is it the service's own?")
        raise BundleError("storage", text, cure) from error
