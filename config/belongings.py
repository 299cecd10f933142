"""What of the unit's configuration a bundle may say, and which files it may name.

A bundle is signed by whoever edits configurations. That must not be enough to become another unit,
to decide whose signatures count, or to have the unit read files that are none of its business and
send them home: those come from the unit's own file, which only root writes.
"""

import os.path
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

from config.checking import MODEL, looks_like_file, problem, shape_below
from config.errors import Problem
from config.flashed import is_below
from config.language import tell
from config.nodes import Entries, Items, Node, Path, Scalar, find, is_null
from config.secrets import CREDENTIAL
from config.shape import Leaf, ListOf, Shape

# Who the unit is. A bundle may repeat it, so that a unit's whole file can be signed as it is.
IDENTITY = (("unit", "id"), ("unit", "kind"), ("unit", "class"))
# The unit's own, whatever is flashed: where its state lies, whose signatures count (on bundles and
# on commands), its key, programs that it starts, and folders that it writes to. A program of a
# bundle would be code that one key has signed; code needs two.
OWN = (
    "state_dir",
    "security",
    "sleep.command",
    "acting.speech.program",
    "perception.models_dir",
    "perception.provider_options.tensorrt_cache",
)
KEPT_IN = "/etc/patrol-edge/"  # keys and passwords may be named there


def misplaced(root: Node, own: Node) -> Iterator[Problem]:
    """What a bundle says and may not. `own`: the unit's file, with the environment over it."""
    for path, node in ends(root):
        if path == ("unit",) and not is_null(node):
            yield problem(node.place, path, tell("holds no keys; delete it"))
        elif path in IDENTITY and not _is_same(node, find(own, path)):
            text = tell(
                "is not that of this unit, and a bundle cannot change it; delete it, or flash the "
                "bundle that was made for this unit"
            )
            yield problem(node.place, path, text)
        elif any(is_below(path, key) for key in OWN):
            text = tell("belongs in the unit's own file, and cannot be flashed; delete it here")
            yield problem(node.place, path, text)


def _is_same(node: Node, known: Node | None) -> bool:
    return isinstance(node, Scalar) and isinstance(known, Scalar) and node.raw == known.raw


def not_allowed(root: Node, keys: tuple[str, ...]) -> Iterator[Problem]:
    """What an overlay says beside the keys that its base leaves to overlays."""
    for path, node in ends(root):
        if not any(is_below(path, key) for key in keys):
            text = tell(
                "may not be changed by an overlay; delete it, or sign a base that has it in its "
                "overlay_keys"
            )
            yield problem(node.place, path, text)


def ends(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Everything that has nothing below it: values, lists, and sections without a key."""
    if isinstance(node, Entries) and node.nodes:
        for key, item in node.nodes.items():
            yield from ends(item, (*path, key))
    elif path:
        yield path, node


# --- files -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Anchor:
    """Makes the paths in a bundle's file absolute: they are relative to what the bundle carries."""

    files: FilePath
    problems: list[Problem] = field(default_factory=list)

    def anchored(self, node: Node, shape: Shape | None, path: Path = ()) -> Node:
        match node:
            case Entries():
                nodes = {
                    key: self.anchored(item, shape_below(shape, node, key), (*path, key))
                    for key, item in node.nodes.items()
                }
                return replace(node, nodes=nodes)
            case Items():
                inner = shape.item if isinstance(shape, ListOf) else None
                items = (
                    self.anchored(item, inner, (*path, i)) for i, item in enumerate(node.nodes)
                )
                return replace(node, nodes=tuple(items))
            case Scalar():
                names_file = isinstance(shape, Leaf) and (
                    FilePath in shape.types or (path == MODEL and looks_like_file(node.raw))
                )
                return self._file(node, shape, path) if names_file else node

    def _file(self, node: Scalar, shape: Shape | None, path: Path) -> Node:
        raw, kept = node.raw, isinstance(shape, Leaf) and shape.kept is not None
        if is_null(node) or not raw.strip() or raw.startswith(("~", CREDENTIAL)):
            return node  # nothing, or told by whoever reads it
        whole = os.path.normpath(self.files / raw)  # what is absolute stays as it is
        below = f"{self.files}/" if not raw.startswith("/") else KEPT_IN if kept else None
        if below is None or not whole.startswith(below):
            self.problems.append(problem(node.place, path, _outside(kept=kept)))
            return node
        return replace(node, raw=whole, value=whole, quoted=True)


def _outside(*, kept: bool) -> str:
    if kept:
        return tell(
            "is neither in the bundle nor in {folder}; put the file there, or name a credential: "
            "credential:NAME",
            folder=KEPT_IN,
        )
    return tell(
        "is not in the bundle; put the file into the bundle and write its path there, or set this "
        "in the unit's own file"
    )
