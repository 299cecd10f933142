"""How one layer is laid over another."""

from dataclasses import replace

from config.nodes import Entries, Node, Scalar, is_null, with_entry
from config.shape import Kinds, Named, Section, Shape


def merged(below: Node, above: Node, shape: Shape | None) -> Node:
    """`above` laid over `below`; `shape` is what stands here.

    Sections merge key by key; lists and single values replace. A device of another `kind`
    replaces the whole device, since the keys of one kind mean nothing to another.
    """
    if not isinstance(below, Entries):
        return above
    if is_null(above):  # `gnss:` with nothing under it says nothing
        return below
    if not isinstance(above, Entries):
        return above
    if isinstance(shape, Kinds) and _other_kind(below, above):
        return above
    result = below
    for key, node in above.nodes.items():
        old = below.nodes.get(key)
        value = node if old is None else merged(old, node, _below(shape, key))
        result = with_entry(result, key, above.key_places[key], value)
    # Where something is missing from a section, the file is the place to add it.
    keeps = above.place.layer in ("environment", "default") and below.place.layer != "default"
    return result if keeps else replace(result, place=above.place)


def _other_kind(below: Entries, above: Entries) -> bool:
    old, new = below.nodes.get("kind"), above.nodes.get("kind")
    if not isinstance(old, Scalar) or not isinstance(new, Scalar):
        return False
    return old.raw != new.raw


def _below(shape: Shape | None, key: str) -> Shape | None:
    match shape:
        case Section():
            return shape.fields.get(key)
        case Named():
            return shape.value
        case _:
            return None
