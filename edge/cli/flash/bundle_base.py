"""A bundle unpacked at the desk, to be looked into; nothing of it is proved."""

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from config.slots import FILES
from edge.cli.flash.bundle_errors import told_as_errors

if TYPE_CHECKING:
    from edge.bundles.desk import Draft


def unpacked(path: Path) -> "tuple[Draft, Path]":
    """Its manifest and files, and the folder with both, as a slot. Raises CommandError."""
    from edge.bundles.container import Tape
    from edge.bundles.desk import Draft
    from edge.bundles.judging import parsed
    from edge.bundles.reading import OpenedBundle
    from edge.bundles.signatures import read_envelope

    folder = Path(tempfile.mkdtemp(prefix="bundle-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with told_as_errors(path), path.open("rb") as stream:
        tape = Tape(stream)
        envelope = read_envelope(tape.manifest())
        manifest = parsed(envelope.content)
        OpenedBundle(manifest, (), envelope.raw, envelope, tape).unpack(folder)
    files = {file.name: folder / FILES / file.name for file in manifest.files}
    return Draft(manifest=manifest, files=files), folder


def draft_of(path: Path) -> "Draft":
    """Raises CommandError."""
    return unpacked(path)[0]
