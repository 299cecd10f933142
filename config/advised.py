"""One warning about a value of the unit's file, and what is to be said of any file it names."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Literal

from config.host_files import Files
from config.language import tell
from config.nodes import Path
from config.secrets import Keeping, credstore, is_credential, missing, unfit


@dataclass(frozen=True, slots=True)
class Advice:
    """One warning, before it has a place."""

    path: Path
    text: str
    severity: Literal["error", "warning"] = "warning"  # error: it will not be used as it is


def on_file(path: Path, file: FilePath, files: Files) -> Iterator[Advice]:
    if not files.exists(str(file)):
        yield Advice(
            path, tell("{file} is not there; copy it there, or correct the path", file=file)
        )


def on_kept(
    path: Path,
    file: FilePath,
    files: Files,
    keeping: Keeping = "secret",
    severity: Literal["error", "warning"] = "error",
) -> Iterator[Advice]:
    """A file that is not there, or not fit to be trusted. An error is what the unit will refuse to
    use; it does not keep the unit from starting."""
    if not files.exists(str(file)):
        # It is handed over at the start only; here it is enough that the service will find it.
        if not (is_credential(file) and files.exists(str(credstore(file)))):
            yield Advice(path, missing(file))
        return
    standing = files.standing(str(file))
    if standing is not None and (text := unfit(file, standing, keeping)) is not None:
        yield Advice(path, text, severity)
