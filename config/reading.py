"""From a file's name to its bytes, or to why there are none."""

import stat
from pathlib import Path

from config.document import Document, parse
from config.errors import Problem
from config.language import said, tell

MAX_BYTES = 256 * 1024


def read(path: Path, layer: str, source: str = "") -> Document:
    """Read one file, told of as `source`. Never raises: what is wrong is in the problems."""
    source = source or str(path)
    try:
        data = _bytes_of(path)
    except OSError as error:
        return _unreadable(source, _why_unreadable(error))
    except ValueError as error:  # a NUL in the name, or not a regular file
        return _unreadable(source, said(error))
    if len(data) > MAX_BYTES:
        return _unreadable(
            source,
            tell(
                "is larger than {size} KiB, which no unit file is; is it the right file?",
                size=MAX_BYTES // 1024,
            ),
        )
    return parse(data, source, layer)


def _bytes_of(path: Path) -> bytes:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError
    if not stat.S_ISREG(mode):  # opening a pipe would wait for ever
        raise ValueError(tell("is not a regular file; give the unit's YAML file"))
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _why_unreadable(error: OSError) -> str:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return tell("there is no such file; make one with: patrol-edge config init")
        case IsADirectoryError():
            return tell("is a folder; give the YAML file in it, e.g. unit.yaml")
        case PermissionError():
            return tell("may not be read by this user; run as root, or add the user to its group")
        case _:
            return tell("cannot be read: {why}", why=error.strerror or error)


def _unreadable(source: str, text: str) -> Document:
    return Document(None, (Problem(source=source, line=0, column=0, path="", text=text),))
