"""Files of older schemas: what moved since, in memory and in the text of a file.

A unit must start with the file that it has, whatever version of the runtime was installed over it,
so what is read is brought up to date in memory. `config.rewriting` does the same to the text.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from config.language import tell
from config.nodes import (
    Entries,
    Node,
    Scalar,
    chain,
    dotted,
    find,
    with_entry,
    without_entry,
    without_path,
)

CURRENT = 1  # the schema of this runtime; a file without `schema_version` is of schema 1
KEY = "schema_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What stood at one key stands at another. `*` is any name, the same in both."""

    since: int  # the schema that has the new key
    before: str  # "perception.fps", "cameras.*.rate"
    after: str


MOVES: tuple[Move, ...] = ()  # in the order of `since`


class MigrationError(Exception):
    """It cannot be brought up to date. The text says why, and what to do."""


def version_of(root: Entries) -> int:
    """The schema that a file says it has. Raises MigrationError."""
    node = root.nodes.get(KEY)
    if node is None:
        return 1
    value = node.value if isinstance(node, Scalar) else None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise MigrationError(tell("is no version; write {version}", version=CURRENT))
    check_known(value)
    return value


def check_known(version: int) -> None:
    """Raises MigrationError for a schema of a later runtime."""
    if version > CURRENT:
        text = tell(
            "is {version}, and this runtime knows up to {known}; install a newer runtime, or use "
            "the file that was made for this one",
            version=version,
            known=CURRENT,
        )
        raise MigrationError(text)


def up_to_date(root: Entries, version: int) -> Entries:
    """The content of a file of this schema as it is said now. Raises MigrationError."""
    for move in MOVES:
        if move.since > version:
            for before, after in places(root, move):
                root = _moved(root, before, after)
    return without_entry(root, KEY)


def places(root: Entries, move: Move) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """From where to where, for each place that the move applies to."""
    found: list[tuple[Node, tuple[str, ...], tuple[str, ...]]] = [(root, (), ())]
    for part in move.before.split("."):
        found = [
            (below, (*path, key), (*names, key) if part == "*" else names)
            for node, path, names in found
            if isinstance(node, Entries)
            for key, below in node.nodes.items()
            if part in ("*", key)
        ]
    return [(path, _named(move.after, names)) for _, path, names in found]


def _named(pattern: str, names: Iterable[str]) -> tuple[str, ...]:
    rest = iter(names)
    return tuple(next(rest) if part == "*" else part for part in pattern.split("."))


def _moved(root: Entries, before: tuple[str, ...], after: tuple[str, ...]) -> Entries:
    """Raises MigrationError where both keys are there."""
    node = find(root, before)
    if node is None or find(root, after) is not None:
        text = tell(
            "{before} and {after} are the same in two schemas; delete one of them",
            before=dotted(before),
            after=dotted(after),
        )
        raise MigrationError(text)
    return _with(without_path(root, before), after, node)


def _with(root: Entries, path: tuple[str, ...], node: Node) -> Entries:
    below = root.nodes.get(path[0])
    if len(path) > 1 and isinstance(below, Entries):
        return with_entry(root, path[0], root.key_places[path[0]], _with(below, path[1:], node))
    return with_entry(root, path[0], node.place, chain(path[1:], node, node.place))
