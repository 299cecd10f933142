"""What a configuration text holds, before any meaning: values, each with its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from config.wording import one_line

ScalarValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something was written: a layer, and the line and column in its file."""

    layer: str  # "default", "profile", "unit file", "flashed base" (overlay, zones, model), ...
    source: str  # the file as the user named it, the bundle and its file, or the variable's name
    line: int = 0  # from 1; 0 where there is no line
    column: int = 0  # from 1; 0 where there is no column


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One value: as it was written, and as it reads by itself."""

    value: ScalarValue
    raw: str  # without quotes
    quoted: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list."""

    nodes: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Keys and their values, in the order of the file."""

    nodes: Mapping[str, "Node"]
    key_places: Mapping[str, Place]  # where each key stands
    place: Place


Node = Scalar | Items | Entries
Path = tuple[str | int, ...]


def dotted(path: Path) -> str:
    """`cameras.front.fps`: one line, however odd a key is."""
    return ".".join(one_line(str(part), 40) or "''" for part in path)


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None and not node.quoted


def plain(node: Node) -> object:
    """The same as bare Python values."""
    match node:
        case Scalar():
            return node.value
        case Items():
            return [plain(item) for item in node.nodes]
        case Entries():
            return {key: plain(item) for key, item in node.nodes.items()}


def child(node: Node, part: str | int) -> Node | None:
    """What stands below, or None."""
    match node:
        case Entries():
            return node.nodes.get(str(part))
        case Items() if isinstance(part, int) and part < len(node.nodes):
            return node.nodes[part]
        case _:
            return None


def find(node: Node, path: Path) -> Node | None:
    """What stands at this path, or None."""
    found: Node | None = node
    for part in path:
        found = child(found, part) if found is not None else None
    return found


def place_of(root: Node, path: Path) -> Place:
    """Where the key at this path stands; of a missing one, where its section stands."""
    for length in range(len(path), 0, -1):
        parent = find(root, path[: length - 1])
        last = path[length - 1]
        if isinstance(parent, Entries) and last in parent.key_places:
            return parent.key_places[str(last)]
        if isinstance(parent, Items) and (item := child(parent, last)) is not None:
            return item.place
    return root.place


def leaves(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every scalar and every list, with its path. Empty sections have none."""
    if isinstance(node, Entries):
        for key, item in node.nodes.items():
            yield from leaves(item, (*path, key))
    else:
        yield path, node


def with_entry(node: Entries, key: str, place: Place, value: Node) -> Entries:
    return replace(
        node,
        nodes={**node.nodes, key: value},
        key_places={**node.key_places, key: place},
    )


def without_entry(node: Entries, key: str) -> Entries:
    nodes = {name: item for name, item in node.nodes.items() if name != key}
    places = {name: place for name, place in node.key_places.items() if name != key}
    return replace(node, nodes=nodes, key_places=places)


def without_path(node: Entries, path: tuple[str, ...]) -> Entries:
    """Without what stands at this path; the same object where nothing does."""
    key, *rest = path
    inner = node.nodes.get(key)
    if inner is None:
        return node
    if not rest:
        return without_entry(node, key)
    smaller = without_path(inner, tuple(rest)) if isinstance(inner, Entries) else inner
    return node if smaller is inner else with_entry(node, key, node.key_places[key], smaller)


def chain(path: Path, node: Node, place: Place) -> Node:
    """Sections down to this node: `hub: {url: ...}` for ("hub", "url")."""
    for key in reversed(path):
        node = Entries(nodes={str(key): node}, key_places={str(key): place}, place=place)
    return node


@dataclass(slots=True)
class EntriesBuilder:
    """Entries while they are being read."""

    place: Place
    nodes: dict[str, Node] = field(default_factory=dict)
    key_places: dict[str, Place] = field(default_factory=dict)

    def done(self) -> Entries:
        return Entries(nodes=self.nodes, key_places=self.key_places, place=self.place)
