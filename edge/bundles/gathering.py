"""Which files go into a bundle, and what they are called there."""

import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from config.flashed import BASE_FILE, OVERLAY_FILE
from config.language import tell
from edge.bundles.manifest import Kind
from edge.bundles.refusal import BundleError

# What the one YAML file of these is called in the bundle, whatever it was called before.
_ONE_FILE: dict[Kind, str] = {"config": BASE_FILE, "overlay": OVERLAY_FILE}
YAML = (".yaml", ".yml")


@dataclass(slots=True)
class Gathered:
    files: dict[str, Path] = field(default_factory=dict)  # in the order of their names
    left_out: list[str] = field(default_factory=list)  # hidden ones, such as macOS' `._*`


def gather(words: Iterable[str], kind: Kind) -> Gathered:
    """`FILE`, `NAME=FILE` or a folder, whose files keep their names below it.

    Raises BundleError for what is no regular file (a link is none), and for two of one name.
    """
    found = Gathered()
    for word in words:
        name, equals, path = word.partition("=")
        if equals and not Path(word).exists():
            _take(found, name, Path(path))
        elif Path(word).is_dir():
            _take_folder(found, Path(word))
        else:
            _take(found, Path(word).name, Path(word))
    _rename(found, kind)
    found.files = dict(sorted(found.files.items()))
    return found


def _take_folder(found: Gathered, folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in name.split("/")):
            if not path.is_dir():
                found.left_out.append(name)
        elif path.is_symlink() or not path.is_dir():
            _take(found, name, path)


def _take(found: Gathered, name: str, path: Path) -> None:
    if name in found.files:
        text = tell("{name} is given twice", name=name)
        raise BundleError("malformed", text, tell("give one of them another name: NAME=FILE"))
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        text = tell("{path} cannot be read: {why}", path=str(path), why=error.strerror or error)
        raise BundleError("malformed", text, tell("check the name")) from error
    if not stat.S_ISREG(mode):
        text = tell("{path} is no regular file", path=str(path))
        raise BundleError("malformed", text, tell("put the file itself there"))
    found.files[name] = path


def _rename(found: Gathered, kind: Kind) -> None:
    wanted = _ONE_FILE.get(kind)
    there = [name for name in found.files if name.endswith(YAML) and "/" not in name]
    if wanted is not None and len(there) == 1 and there[0] != wanted:
        found.files[wanted] = found.files.pop(there[0])
