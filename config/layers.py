"""Layers: built-in defaults ← profile ← unit file ← environment, and how they merge.

Mappings merge key by key; lists and single values replace. A device of another `kind` replaces
the whole device, since the keys of one kind mean nothing to another.
"""

from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path as FilePath

from config.document import Document, parse
from config.errors import Problem
from config.models import Settings
from config.nodes import (
    Entries,
    EntriesBuilder,
    Node,
    Place,
    Scalar,
    is_null,
    with_entry,
)
from config.scalars import NotFiniteError, resolve
from config.shape import Named, at_path, every_path, shape_of
from config.wording import nearest, shown

PREFIX = "PATROL_EDGE__"
EVERY = "*"  # in a profile: every device of this section that the unit has
EMPTY = Entries(nodes={}, key_places={}, place=Place(layer="default", source=""))


def profile(kind: str) -> Document:
    """The packaged profile of this kind of unit. The kind must be known."""
    data = resources.files("config.profiles").joinpath(f"{kind}.yaml").read_bytes()
    return parse(data, f"profile {kind}", "profile")


def merged(below: Node, above: Node) -> Node:
    """`above` laid over `below`."""
    if not isinstance(below, Entries):
        return above
    if is_null(above):  # `gnss:` with nothing under it says nothing
        return below
    if not isinstance(above, Entries) or _other_kind(below, above):
        return above
    result = below
    for key, node in above.nodes.items():
        old = below.nodes.get(key)
        value = node if old is None else merged(old, node)
        result = with_entry(result, key, above.key_places[key], value)
    # Where something is missing from a section, the file is the place to add it.
    keeps = above.place.layer == "environment" and below.place.layer != "default"
    return result if keeps else replace(result, place=above.place)


def _other_kind(below: Entries, above: Entries) -> bool:
    old, new = below.nodes.get("kind"), above.nodes.get("kind")
    if not isinstance(old, Scalar) or not isinstance(new, Scalar):
        return False
    return old.value != new.value


def for_every_device(profile_root: Entries, devices: Entries) -> Entries:
    """The profile with its `*` entries written out for the devices that the unit has."""
    result = profile_root
    for section, node in profile_root.nodes.items():
        if not isinstance(node, Entries) or EVERY not in node.nodes:
            continue
        there = devices.nodes.get(section)
        names = list(there.nodes) if isinstance(there, Entries) else []
        pattern, place = node.nodes[EVERY], node.key_places[EVERY]
        result = with_entry(
            result,
            section,
            profile_root.key_places[section],
            Entries(
                nodes=dict.fromkeys(names, pattern),
                key_places=dict.fromkeys(names, place),
                place=node.place,
            ),
        )
    return result


def environment(environ: Mapping[str, str]) -> Document:
    """What PATROL_EDGE__SECTION__KEY=value variables say."""
    root: Node = EMPTY
    problems: list[Problem] = []
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        path = tuple(name[len(PREFIX) :].lower().split("__"))
        if (problem := _unknown(name, path)) is not None:
            problems.append(problem)
            continue
        try:
            root = merged(root, _chain(name, path, environ[name]))
        except NotFiniteError:
            problems.append(_problem(path, f"{name}: {shown(environ[name])} is not finite"))
    return Document(root, tuple(problems))


def _chain(name: str, path: tuple[str, ...], raw: str) -> Node:
    place = Place(layer="environment", source=name)
    node: Node = Scalar(value=resolve(raw), raw=raw, quoted=False, place=place)
    for key in reversed(path):
        builder = EntriesBuilder(place, nodes={key: node}, key_places={key: place})
        node = builder.done()
    return node


def _unknown(name: str, path: tuple[str, ...]) -> Problem | None:
    if at_path(shape_of(Settings), path) is not None or _of_some_kind(path):
        return None
    known = [PREFIX + "__".join(parts).upper() for parts in _writable(path)]
    near = nearest(name, known)
    hint = f"do you mean {near}?" if near else "see the list in docs/configuration.md"
    return _problem((), f"{name} sets nothing that exists; {hint}")


def _writable(path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Every settable path, with the device name that this variable has."""
    name = path[1] if len(path) > 1 else "main"
    return [
        tuple(name if part == EVERY else part for part in parts)
        for parts in every_path(shape_of(Settings))
    ]


def _of_some_kind(path: tuple[str, ...]) -> bool:
    is_device = len(path) > 2 and isinstance(at_path(shape_of(Settings), path[:1]), Named)
    return is_device and path in _writable(path)


def _problem(path: tuple[str, ...], text: str) -> Problem:
    return Problem(source="environment", line=0, column=0, path=".".join(path), text=text)


def profile_path(kind: str) -> FilePath:
    """Where the packaged profile lies, for messages and tests."""
    return FilePath(str(resources.files("config.profiles").joinpath(f"{kind}.yaml")))
