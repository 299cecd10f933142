"""From merged values to Settings, or to every problem they have."""

import json
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from config.errors import Problem
from config.keys import missing_key, unknown_key, without_names, wrong_kind, wrong_name
from config.language import said, tell
from config.merging import merged
from config.models import Settings
from config.nodes import (
    Entries,
    Items,
    Node,
    Path,
    Place,
    Scalar,
    chain,
    child,
    dotted,
    find,
    is_null,
    place_of,
)
from config.secrets import CREDENTIAL, SERVICE_CREDENTIALS, credential_path
from config.shape import Kinds, Leaf, ListOf, Named, Section, Shape, shape_of
from config.values import wrong_value
from config.wording import one_line

MAX_TOLD = 100  # a person reads no more, and a wrong file of 256 KiB has tens of thousands
MAX_TEXT = 400  # a text may name a key of the file, which can be anything
MODEL = ("perception", "model")  # a name, or a file if it looks like one


@dataclass(slots=True)
class Checked:
    """The outcome: settings, or why there are none."""

    settings: Settings | None
    problems: list[Problem]


def checked(root: Node, folder: FilePath, credentials: FilePath = SERVICE_CREDENTIALS) -> Checked:
    """Check the merged values. Relative paths in them are taken from `folder`, and what systemd
    hands over from `credentials`."""
    shape = shape_of(Settings)
    if not isinstance(root, Entries):
        text = tell("the file holds no sections; write unit: and below it, indented, id: dog-01")
        return Checked(None, [problem(root.place, (), text)])
    settler = _Settler(folder, credentials)
    data = settler.settle(root, shape, ())
    try:
        settings = Settings.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        # Near misses are searched for each: enough of them to say that there are too many.
        told = [told_again(item, root, shape) for item in found[: 2 * MAX_TOLD]]
        return Checked(None, _once([*settler.problems, *told]))
    return Checked(settings if not settler.problems else None, settler.problems)


def checked_text(path: Path, text: str) -> str:
    """The text if it may stand at this path of a unit file. Raises ValueError with the cure."""
    place = Place(layer="command line", source="")
    root: Node = Entries(nodes={}, key_places={}, place=place)
    for where, value in ((("unit", "id"), "unit-01"), (("unit", "kind"), "drone"), (path, text)):
        node: Node = Scalar(value=value, raw=value, quoted=True, place=place)
        root = merged(root, chain(where, node, place), shape_of(Settings))
    outcome = checked(root, FilePath("/"))
    if outcome.problems:
        raise ValueError(outcome.problems[0].text)
    return text


def problem(place: Place, path: Path, text: str) -> Problem:
    """A problem at a place, told with the variable's name where there is no line."""
    text = one_line(text, MAX_TEXT)
    if place.layer == "environment":
        text = tell("{text} (set by {source})", text=text, source=place.source)
        return Problem(source="environment", line=0, column=0, path=dotted(path), text=text)
    return Problem(
        source=place.source, line=place.line, column=place.column, path=dotted(path), text=text
    )


def _once(problems: list[Problem]) -> list[Problem]:
    """Each problem once: a union of types reports each of its members."""
    return list({(item.path, item.text): item for item in problems}.values())


@dataclass(slots=True)
class _Settler:
    """Bare values for the models, each read as its field wants it.

    A text field takes 007, no and 22:22 as they were written; a path becomes absolute; a section
    without content is an empty one. What cannot be handed on is left out, and told.
    """

    folder: FilePath
    credentials: FilePath
    problems: list[Problem] = field(default_factory=list)

    def settle(self, node: Node, shape: Shape | None, path: Path) -> Any:
        if is_null(node) and isinstance(shape, Section | Named | Kinds):
            return None if isinstance(shape, Section) and shape.optional else {}
        match shape, node:
            case Leaf(), Scalar():
                return self._scalar(node, shape, path)
            case Named(), Entries() if self._lacks_names(node, shape, path):
                return {}
            case _, Entries():
                return {
                    key: self.settle(item, shape_below(shape, node, key), (*path, key))
                    for key, item in node.nodes.items()
                }
            case _, Items():
                inner = shape.item if isinstance(shape, ListOf) else None
                return [
                    self.settle(item, inner, (*path, index))
                    for index, item in enumerate(node.nodes)
                ]
            case _, Scalar():
                return node.value

    def _scalar(self, node: Scalar, leaf: Leaf, path: Path) -> Any:
        if is_null(node) or not leaf.textual:
            return node.value
        is_path = FilePath in leaf.types
        if is_path and not node.raw.strip():
            self._tell(node.place, path, tell("is empty; write a path, or delete the line"))
        elif is_path and node.raw.startswith("~"):
            self._tell(node.place, path, tell("~ is not known to a service; write the whole path"))
        elif is_path and node.raw.startswith(CREDENTIAL):
            return self._credential(node, leaf, path)
        elif is_path or (path == MODEL and looks_like_file(node.raw)):
            return str(self.folder / node.raw)
        return node.raw

    def _credential(self, node: Scalar, leaf: Leaf, path: Path) -> str:
        if leaf.kept is None:
            self._tell(node.place, path, tell("takes no credential; write a path"))
            return "/"
        try:
            return str(credential_path(node.raw, self.credentials))
        except ValueError as error:
            self._tell(node.place, path, said(error))
            return "/"

    def _lacks_names(self, node: Entries, shape: Named, path: Path) -> bool:
        if not isinstance(shape.value, Kinds) or not isinstance(node.nodes.get("kind"), Scalar):
            return False
        names = [key for key, it in node.nodes.items() if not isinstance(it, Scalar) or is_null(it)]
        keys = [key for key in node.nodes if key not in names]
        if not keys:  # `kind:` and nothing more: a device may be called so
            return False
        text = without_names(dotted(path), keys, names)
        self._tell(node.key_places["kind"], path, text)
        return True

    def _tell(self, place: Place, path: Path, text: str) -> None:
        self.problems.append(problem(place, path, text))


def looks_like_file(model: str) -> bool:
    """True if a model is given as a file rather than by its name in the catalogue."""
    return "/" in model or model.endswith(".onnx")


def shape_below(shape: Shape | None, node: Entries, key: str) -> Shape | None:
    """What stands below, by the kind that the node says it is."""
    match shape:
        case Named():
            return shape.value
        case Kinds():
            return _chosen(shape, node).fields.get(key)
        case Section():
            return shape.fields.get(key)
        case _:
            return None


def _chosen(kinds: Kinds, node: Node | None) -> Section:
    kind = child(node, "kind") if node is not None else None
    known = kinds.by_kind.get(kind.raw) if isinstance(kind, Scalar) else None
    return known or kinds.common()


# --- pydantic's errors, told again -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where one of pydantic's errors is, without the tags that it mixes into its paths."""

    path: Path
    shape: Shape | None
    parent: Section | None  # of the last key
    kinds: Kinds | None  # where the parent is one of several kinds
    among: ListOf | None  # the list that the last step leads into
    is_key: bool  # the key itself is wrong, not its value


def _spot(loc: tuple[int | str, ...], root: Section) -> _Spot:
    shape: Shape | None = root
    path: list[int | str] = []
    parent: Section | None = None
    kinds: Kinds | None = None
    among: ListOf | None = None
    for part in loc:
        if part == "[key]":  # of what stands before it
            break
        match shape:
            case Kinds() if part in shape.by_kind:
                kinds, shape = shape, shape.by_kind[str(part)]
            case Section():
                path.append(part)
                parent, shape = shape, shape.fields.get(str(part))
            case Named():
                path.append(part)
                kinds, parent, shape = None, None, shape.value
            case ListOf():
                path.append(part)
                among, shape = shape, shape.item
            case _:
                break
    return _Spot(tuple(path), shape, parent, kinds, among, is_key="[key]" in loc)


def told_again(error: Any, root: Entries, shape: Section) -> Problem:
    """One of pydantic's errors as a problem: our words, and the place in the file."""
    spot = _spot(error["loc"], shape)
    node = find(root, spot.path)
    at_key = place_of(root, spot.path)
    at_value = at_key if node is None or isinstance(node, Entries) else node.place
    name = str(spot.path[-1]) if spot.path else ""
    if error["type"] == "extra_forbidden" and spot.parent is not None:
        text = unknown_key(spot.path, spot.parent, spot.kinds, node, shape)
        return problem(at_key, spot.path, text)
    if error["type"] == "missing" and spot.parent is not None:
        return _missing(spot, spot.parent, root)
    if spot.is_key:
        return problem(at_key, spot.path, wrong_name(name, _name_pattern(spot, shape)))
    if error["type"] == "value_error":  # our own validators speak for themselves
        return problem(at_value, spot.path, said(error["ctx"]["error"]))
    return _wrong_content(spot, node, at_key, _how_many(error, node))


def _missing(spot: _Spot, parent: Section, root: Entries) -> Problem:
    """A key that must be there, or an entry of a list that ends too soon."""
    path = spot.path[:-1]
    node = find(root, path)
    if spot.among is not None and isinstance(spot.path[-1], int) and node is not None:
        return problem(node.place, path, wrong_value(str(path[-1]), spot.among, node))
    text = missing_key(str(spot.path[-1]), parent)
    return problem(place_of(root, spot.path), path, text)


def _how_many(error: Any, node: Node | None) -> str:
    """Of a list of any length; of something else, what pydantic says."""
    least, most = (error.get("ctx", {}).get(key) for key in ("min_length", "max_length"))
    if not isinstance(node, Items) or (least is None and most is None):
        return str(error["msg"])
    held = len(node.nodes)
    if most is not None:
        return tell("holds {held}; write at most {most}", held=held, most=most)
    return (
        tell("holds {held}; write at least {least}", held=held, least=least)
        if held < least
        else tell("has entries that are wrong")
    )


def _wrong_content(spot: _Spot, node: Node | None, at_key: Place, otherwise: str) -> Problem:
    if isinstance(spot.shape, Kinds) and (node is None or is_null(node)):
        return problem(at_key, spot.path, wrong_kind(None, spot.shape))
    if isinstance(spot.shape, Kinds) and isinstance(node, Entries):
        kind = node.nodes.get("kind")
        if kind is None or is_null(kind):
            return problem(at_key, spot.path, wrong_kind(None, spot.shape))
        return problem(kind.place, (*spot.path, "kind"), wrong_kind(kind, spot.shape))
    if node is None or spot.shape is None:
        return problem(at_key, spot.path, otherwise)
    if isinstance(spot.shape, ListOf) and spot.shape.length is None and isinstance(node, Items):
        return problem(node.place, spot.path, otherwise)
    name = str(spot.path[-1]) if spot.path else ""
    return problem(node.place, spot.path, wrong_value(name, spot.shape, node))


def _name_pattern(spot: _Spot, shape: Section) -> str:
    named = shape.fields.get(str(spot.path[0])) if spot.path else None
    return named.key.pattern if isinstance(named, Named) else ""
