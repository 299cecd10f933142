"""Where the unit's state lies, found without the whole configuration, which may be wrong."""

import os
from collections.abc import Mapping
from pathlib import Path

from config.document import UNIT_FILE
from config.nodes import Scalar, find
from config.reading import read

VARIABLE = "PATROL_EDGE__STATE_DIR"
USUAL = Path("/var/lib/patrol-edge")


def state_folder(unit_file: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """As the environment or the unit's file says, else the usual one. Never raises.

    A relative one is below the file's folder, as everywhere in that file.
    """
    said = environ.get(VARIABLE) or _in_file(unit_file)
    folder = Path(os.path.abspath(unit_file)).parent  # noqa: PTH100 - keeps symlinks
    return folder / said if said else USUAL


def _in_file(unit_file: Path) -> str | None:
    root = read(unit_file, UNIT_FILE).root
    node = None if root is None else find(root, ("state_dir",))
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
        return node.value
    return None
