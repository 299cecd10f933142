"""Where the unit's state lies, found without the whole configuration, which may be wrong."""

import os
from collections.abc import Mapping
from pathlib import Path

from config.document import UNIT_FILE
from config.nodes import Node, Scalar, find
from config.reading import read

VARIABLE = "PATROL_EDGE__STATE_DIR"
TRUST_VARIABLE = "PATROL_EDGE__SECURITY__TRUST"
TRUST = "trust.json"
USUAL = Path("/var/lib/patrol-edge")


def state_folder(unit_file: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """As the environment or the unit's file says, else the usual one. Never raises.

    A relative one is below the file's folder, as everywhere in that file.
    """
    return _state_folder(unit_file, read(unit_file, UNIT_FILE).root, environ)


def trust_file(unit_file: Path, state_dir: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """The list of keys that was installed by hand. Never raises."""
    return _trust_file(unit_file, read(unit_file, UNIT_FILE).root, state_dir, environ)


def state_and_trust(unit_file: Path, environ: Mapping[str, str] = os.environ) -> tuple[Path, Path]:
    """Both, for the start: the file is read once. Never raises."""
    root = read(unit_file, UNIT_FILE).root
    state_dir = _state_folder(unit_file, root, environ)
    return state_dir, _trust_file(unit_file, root, state_dir, environ)


def usual_trust(unit_file: Path, state_dir: Path) -> Path:
    """Where it is if the unit's file does not say. On a packaged unit beside that file, where only
    root writes: whoever has become the service must not decide whose signatures count."""
    return (_folder(unit_file) if state_dir == USUAL else state_dir) / TRUST


def _state_folder(unit_file: Path, root: Node | None, environ: Mapping[str, str]) -> Path:
    said = environ.get(VARIABLE) or _said(root, "state_dir")
    return _folder(unit_file) / said if said else USUAL


def _trust_file(
    unit_file: Path, root: Node | None, state_dir: Path, environ: Mapping[str, str]
) -> Path:
    said = environ.get(TRUST_VARIABLE) or _said(root, "security", "trust")
    return _folder(unit_file) / said if said else usual_trust(unit_file, state_dir)


def _folder(unit_file: Path) -> Path:
    return Path(os.path.abspath(unit_file)).parent  # noqa: PTH100 - keeps symlinks


def _said(root: Node | None, *path: str) -> str | None:
    node = None if root is None else find(root, path)
    return node.raw if isinstance(node, Scalar) and node.raw.strip() and node.value else None
