"""The layers beside the unit file: the profile below it, the environment above it."""

from collections.abc import Mapping
from importlib import resources

from config.document import Document, parse
from config.errors import Problem
from config.language import tell
from config.merging import merged
from config.models import Settings
from config.nodes import (
    Entries,
    Items,
    Node,
    Place,
    Scalar,
    chain,
    dotted,
    with_entry,
    without_entry,
)
from config.scalars import UNUSABLE, NotFiniteError, resolve
from config.secrets import CREDENTIAL
from config.shape import Kinds, Leaf, ListOf, Named, at_path, every_path, shape_of
from config.wording import SECRET_PARAMETER, nearest, one_line, shown

PREFIX = "PATROL_EDGE__"
EVERY = "*"  # in a profile: every device of this section that the unit has
NOT_HERE = tell(
    "seems to hold a secret, and others can read the environment; write the "
    "secret into a file (mode 0600), and into the variable the whole path, or "
    "credential:NAME"
)
EMPTY = Entries(nodes={}, key_places={}, place=Place(layer="default", source=""))


def profile(kind: str) -> Document:
    """The packaged profile of this kind of unit. The kind must be known."""
    data = resources.files("config.profiles").joinpath(f"{kind}.yaml").read_bytes()
    return parse(data, f"profile {kind}", "profile")


def for_every_device(profile_root: Entries, devices: Entries) -> Entries:
    """The profile with its `*` entries written out for the devices that the unit has."""
    result = profile_root
    for section, node in profile_root.nodes.items():
        if not isinstance(node, Entries) or EVERY not in node.nodes:
            continue
        there = devices.nodes.get(section)
        names = list(there.nodes) if isinstance(there, Entries) else []
        if not names:
            result = without_entry(result, section)
            continue
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
    shape = shape_of(Settings)
    problems: list[Problem] = []
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        path = tuple(name[len(PREFIX) :].lower().split("__"))
        if (problem := _unknown(name, path)) is not None:
            problems.append(problem)
            continue
        if _is_secret(path, environ[name]):
            problems.append(_problem(path, tell("{name} {why}", name=name, why=NOT_HERE)))
            continue
        if UNUSABLE.search(environ[name]):
            problems.append(
                _problem(path, tell("{name} holds an invisible character; set it again", name=name))
            )
            continue
        try:
            root = merged(root, _variable(name, path, environ[name]), shape)
        except NotFiniteError:
            problems.append(
                _problem(
                    path,
                    tell("{name}: {value} is not finite", name=name, value=shown(environ[name])),
                )
            )
    return Document(root, tuple(problems))


def _is_secret(path: tuple[str, ...], raw: str) -> bool:
    """True for a secret itself where the environment may only say in which file it is.

    A relative path is taken for one, too: the warning that there is no such file would show it.
    """
    below = at_path(shape_of(Settings), path[:2])
    shapes = (
        [at_path(kind, path[2:]) for kind in below.by_kind.values()]
        if isinstance(below, Kinds)
        else [at_path(shape_of(Settings), path)]
    )
    kept = any(isinstance(shape, Leaf) and shape.kept is not None for shape in shapes)
    named = raw.startswith(("/", CREDENTIAL)) or raw.strip() in ("", "null", "~")
    return (kept and not named) or bool("-----BEGIN" in raw or SECRET_PARAMETER.search(raw))


def _variable(name: str, path: tuple[str, ...], raw: str) -> Node:
    place = Place(layer="environment", source=name)
    if isinstance(at_path(shape_of(Settings), path), ListOf):
        items = [item.strip() for item in raw.strip("[] ").split(",")]
        nodes = tuple(Scalar(value=resolve(i), raw=i, quoted=False, place=place) for i in items)
        return chain(path, Items(nodes=nodes, place=place), place)
    return chain(path, Scalar(value=resolve(raw), raw=raw, quoted=False, place=place), place)


def _unknown(name: str, path: tuple[str, ...]) -> Problem | None:
    if at_path(shape_of(Settings), path) is not None or _of_some_kind(path):
        return None
    known = [PREFIX + "__".join(parts).upper() for parts in _writable(path)]
    near = nearest(name, known)
    hint = (
        tell("do you mean {near}?", near=near)
        if near
        else tell("see the list in docs/configuration.md")
    )
    return _problem((), tell("{name} sets nothing that exists; {hint}", name=name, hint=hint))


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
    text = one_line(text, 400)  # a variable may have any name
    return Problem(source="environment", line=0, column=0, path=dotted(path), text=text)
