"""From the layers to one configuration: which of them has the last word about what.

profile ← the unit's own file ← flashed base ← flashed overlay ← flashed zones and model
  ← of the own file again: who the unit is, and what the base leaves to it ← environment
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from config.belongings import Anchor, misplaced, not_allowed
from config.checking import MODEL, problem
from config.errors import ConfigError, Problem
from config.flashed import BASE_FILE, LAID, OVERLAY_FILE, FlashedError, Part, is_below
from config.language import tell
from config.layers import EMPTY, for_every_device, profile
from config.merging import merged
from config.migrations import KEY, MigrationError, check_known, up_to_date, version_of
from config.models import Settings
from config.nodes import (
    Entries,
    Items,
    Node,
    Place,
    Scalar,
    chain,
    dotted,
    find,
    leaves,
    plain,
    with_entry,
)
from config.reading import read
from config.shape import Leaf, at_path, shape_of
from config.slots import Lane

LAYERS: Mapping[Lane, str] = {
    "config": "flashed base", "overlay": "flashed overlay",
    "zones": "flashed zones", "model": "flashed model",
}  # fmt: skip
ZONE_FILES = ("zones", "files")
ZONE_ENDING, MODEL_ENDING = ".geojson", ".onnx"
MOST_NAMED = 12  # keys, in one warning


@dataclass(slots=True)
class Layered:
    """What came of it."""

    root: Node
    in_effect: dict[Lane, Part] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    overruled: tuple[str, ...] = ()  # keys of the own file that a bundle sets otherwise
    kept: tuple[str, ...] = ()  # keys that the base leaves to the own file, and that it sets


def layered(
    own: Node, variables: Node | None, parts: Mapping[Lane, Part], tried: Iterable[Lane] = ()
) -> Layered:
    """All layers, laid over each other. `own`: the unit's file. What cannot be read of a lane that
    is `tried` is an error; of the others it is left out, with a warning."""
    if not isinstance(own, Entries):
        return Layered(own)
    done = Layered(own)
    shape = shape_of(Settings)
    known = own if variables is None else merged(own, variables, shape)
    for lane in LAID:
        if lane not in parts:
            continue
        part = parts[lane]
        try:
            above = _READERS[lane](part, known, done)
        except FlashedError as error:
            if lane in tried:
                done.problems.append(_about(part, error.args[0]))
            else:
                done.warnings.append(_left_out(part, error.args[0]))
            continue
        done.root = merged(done.root, above, shape)
        done.in_effect[lane] = part
    _give_back(done, own)
    if variables is not None:
        done.root = merged(done.root, variables, shape)
    done.root = _on_profile(done.root)
    return done


def _about(part: Part, text: str) -> Problem:
    return problem(Place(layer=LAYERS[part.lane], source=part.told), (), text)


def _left_out(part: Part, why: str) -> Problem:
    text = tell("{why}; it is not in effect: the unit runs without it", why=why)
    return replace(_about(part, text), severity="warning")


# --- what each lane says ---------------------------------------------------------------------


def _base(part: Part, known: Node, done: Layered) -> Node:
    return _file(part, BASE_FILE, known, done)


def _overlay(part: Part, known: Node, done: Layered) -> Node:
    base = done.in_effect.get("config")
    if base is None or base.content.bundle != part.base:
        raise FlashedError(
            tell("this overlay was made for another configuration than the one in use")
        )
    root = _file(part, OVERLAY_FILE, known, done)
    done.problems += not_allowed(root, base.overlay_keys)
    return root


def _file(part: Part, name: str, known: Node, done: Layered) -> Node:
    """A bundle's file, with its paths made absolute."""
    document = read(part.files / name, LAYERS[part.lane], f"{part.told}/{name}")
    if document.root is None and not any(item.line for item in document.problems):
        raise FlashedError(tell("{file} cannot be read", file=str(part.files / name)))
    done.problems += document.problems
    root = document.root or EMPTY
    if not isinstance(root, Entries):
        done.problems.append(problem(root.place, (), tell("the file holds no sections")))
        return EMPTY
    root = _current(root, part)
    done.problems += misplaced(root, known)
    anchor = Anchor(part.files)
    root = anchor.anchored(root, shape_of(Settings))
    done.problems += anchor.problems
    return root


def _current(root: Entries, part: Part) -> Entries:
    """What it says, as it is said now. Raises FlashedError for a schema of a later runtime."""
    try:
        check_known(part.schema_version)
        version = version_of(root) if KEY in root.nodes else part.schema_version
        return up_to_date(root, version)
    except MigrationError as error:
        raise FlashedError(tell("its schema_version {why}", why=error.args[0])) from error


def _zones(part: Part, _known: Node, done: Layered) -> Node:
    """Its zone files, beside those that the layers below name."""
    place = Place(layer=LAYERS[part.lane], source=part.told)
    before = find(done.root, ZONE_FILES)
    files = _files(part, ZONE_ENDING, place)
    if isinstance(before, Items):
        return chain(ZONE_FILES, Items(nodes=(*before.nodes, *files), place=before.place), place)
    return chain(ZONE_FILES, Items(nodes=files, place=place), place)


def _model(part: Part, _known: Node, _done: Layered) -> Node:
    place = Place(layer=LAYERS[part.lane], source=part.told)
    files = _files(part, MODEL_ENDING, place)
    if len(files) > 1:
        raise FlashedError(tell("the bundle holds more than one model"))
    return chain(MODEL, files[0], place)


def _files(part: Part, ending: str, place: Place) -> tuple[Scalar, ...]:
    """Raises FlashedError where there is none."""
    try:
        names = [str(path) for path in part.found(ending)]
    except OSError as error:
        why = error.strerror or str(error)
        raise FlashedError(tell("the bundle's files cannot be read ({why})", why=why)) from error
    if not names:
        raise FlashedError(tell("the bundle holds no file {name}", name=f"*{ending}"))
    return tuple(Scalar(value=name, raw=name, quoted=True, place=place) for name in names)


_READERS: Mapping[Lane, Callable[[Part, Node, Layered], Node]] = {
    "config": _base, "overlay": _overlay, "zones": _zones, "model": _model,
}  # fmt: skip


# --- what stays the unit's own ---------------------------------------------------------------


def _give_back(done: Layered, own: Entries) -> None:
    """Lay what is the unit's own over what was flashed, and tell what of its file is without
    effect."""
    base = done.in_effect.get("config")
    local = base.local_keys if base is not None else ()

    def is_own(path: tuple[str, ...]) -> bool:
        return path[0] in ("unit", "state_dir") or any(is_below(path, key) for key in local)

    flashed = done.root
    done.root = merged(flashed, _selected(own, is_own), shape_of(Settings))
    changed = [
        (tuple(map(str, path)), node)
        for path, node in leaves(own)
        if not _is_in(flashed, path, node)
    ]
    done.overruled = tuple(dotted(path) for path, _ in changed if not is_own(path))
    done.kept = tuple(dotted(path) for path, _ in changed if is_own(path))
    if done.overruled:
        place = next(node.place for path, node in changed if not is_own(path))
        done.warnings.append(_without_effect(done, place))


def _is_in(root: Node, path: tuple[str | int, ...], node: Node) -> bool:
    there = find(root, path)
    return there is not None and (there.place == node.place or plain(there) == plain(node))


def _selected(
    node: Entries, wanted: Callable[[tuple[str, ...]], bool], path: tuple[str, ...] = ()
) -> Entries:
    """Of the tree what stands at wanted paths."""
    result = replace(node, nodes={}, key_places={})
    for key, item in node.nodes.items():
        here = (*path, key)
        chosen: Node | None = item if wanted(here) else None
        if chosen is None and isinstance(item, Entries):
            below = _selected(item, wanted, here)
            chosen = below if below.nodes else None
        if chosen is not None:
            result = with_entry(result, key, node.key_places[key], chosen)
    return result


def _without_effect(done: Layered, place: Place) -> Problem:
    keys = done.overruled
    names = [*keys[:MOST_NAMED], *(["…"] if len(keys) > MOST_NAMED else [])]
    bundles = ", ".join(part.told for part in done.in_effect.values())
    text = tell(
        "without effect here, since what was flashed ({bundles}) sets it otherwise: {keys}; delete "
        "it, or sign a base that has it in its local_keys",
        bundles=bundles,
        keys=", ".join(names),
    )
    return replace(problem(place, (), text), severity="warning")


# --- the profile -----------------------------------------------------------------------------


def _on_profile(root: Node) -> Node:
    """Laid over the profile of this kind of unit, where the kind is right."""
    shape = shape_of(Settings)
    kind = find(root, ("unit", "kind"))
    kinds = at_path(shape, ("unit", "kind"))
    if (
        not isinstance(root, Entries)
        or not isinstance(kind, Scalar)
        or not isinstance(kinds, Leaf)
        or kind.raw not in kinds.choices
    ):
        return root
    below = profile(kind.raw)
    if not isinstance(below.root, Entries):
        raise ConfigError(list(below.problems))
    return merged(for_every_device(below.root, root), root, shape)
