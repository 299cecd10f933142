"""The pydantic models as a plain tree: which keys there are, and what each may hold.

Messages, the environment layer and the reference page need to know a field's type and range
without a value at hand; pydantic tells errors only. Built by looking at the models, so that a new
field needs no second entry here.
"""

import functools
import types
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as at
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.nodes import Path
from config.secrets import Keeping, Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A single value: which types, which words, which range."""

    types: frozenset[type]  # of bool, int, float, str, Path
    choices: tuple[str, ...] = ()
    optional: bool = False  # null says "none"
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    max_length: int | None = None
    pattern: str = ""
    pattern_words: str = ""  # what fits the pattern, for people
    help: str = ""
    examples: tuple[object, ...] = ()
    kept: Keeping | None = None  # a file that may be a credential, and how it is kept

    @property
    def textual(self) -> bool:
        """True if it takes text only: then 007 and no are text, too."""
        return not self.types & {bool, int, float}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    item: "Shape"
    help: str = ""
    length: int | None = None  # None: any
    optional: bool = False  # null says "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A mapping with fixed keys."""

    fields: Mapping[str, "Shape"]
    required: frozenset[str]
    defaults: Mapping[str, object]
    help: str = ""
    optional: bool = False  # null says that there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """A section whose keys depend on its `kind`."""

    by_kind: Mapping[str, Section]
    help: str = ""

    def common(self) -> Section:
        """The keys that every kind has."""
        sections = list(self.by_kind.values())
        names = set(sections[0].fields).intersection(*(section.fields for section in sections))
        fields = {name: shape for name, shape in sections[0].fields.items() if name in names}
        return Section(fields=fields, required=frozenset({"kind"}), defaults={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A mapping whose keys the user chooses, such as the devices."""

    key: Leaf
    value: "Shape"
    help: str = ""


Shape = Leaf | ListOf | Section | Kinds | Named

SCALARS = (bool, int, float, str, FilePath)
BOUNDS = {at.Ge: "ge", at.Gt: "gt", at.Le: "le", at.Lt: "lt", at.MaxLen: "max_length"}


@functools.cache
def shape_of(model: type[BaseModel]) -> Section:
    """The shape of one model, with everything below it."""
    fields = {info.alias or name: info for name, info in model.model_fields.items()}
    return Section(
        fields={name: _of_field(info) for name, info in fields.items()},
        required=frozenset(name for name, info in fields.items() if info.is_required()),
        defaults={
            name: info.get_default(call_default_factory=True)
            for name, info in fields.items()
            if not info.is_required()
        },
        help=" ".join((model.__doc__ or "").split("\n\n")[0].split()),
    )


def _of_field(info: FieldInfo) -> Shape:
    return _of(info.annotation, list(info.metadata), info.description or "", info)


def _of(annotation: Any, metadata: list[Any], text: str, info: FieldInfo | None = None) -> Shape:
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        metadata = [*metadata, *more]
    origin, args = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return shape_of(annotation)
    if origin is dict:
        return Named(key=_leaf((args[0],), [], "", None), value=_of(args[1], [], ""), help=text)
    if (items := _list_of(annotation, text)) is not None:
        return items
    members = args if origin in (Union, types.UnionType) else (annotation,)
    models = tuple(member for member in members if member is not types.NoneType)
    if all(isinstance(model, type) and issubclass(model, BaseModel) for model in models):
        if len(models) > 1:
            return _kinds(models, text)
        return replace(shape_of(models[0]), optional=len(models) < len(members))
    return _leaf(members, metadata, text, info)


def _list_of(annotation: Any, text: str) -> ListOf | None:
    """The list that this type is, or may be; None if it is none."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (tuple, list):
        length = len(args) if origin is tuple and Ellipsis not in args else None
        return ListOf(item=_of(args[0], [], ""), help=text, length=length)
    if origin in (Union, types.UnionType) and len(args) == 2 and types.NoneType in args:
        items = _list_of(next(arg for arg in args if arg is not types.NoneType), text)
        return replace(items, optional=True) if items else None
    return None


def _kinds(members: tuple[type[BaseModel], ...], text: str) -> Kinds:
    by_kind = {}
    for member in members:
        for kind in get_args(member.model_fields["kind"].annotation):
            by_kind[kind] = shape_of(member)
    return Kinds(by_kind=by_kind, help=text)


def _leaf(members: tuple[Any, ...], metadata: list[Any], text: str, info: FieldInfo | None) -> Leaf:
    bounds: dict[str, Any] = {}
    kinds: set[type] = set()
    choices: list[str] = []
    for member in members:
        base = member
        while get_origin(base) is Annotated:
            base, *more = get_args(base)
            metadata = [*metadata, *more]
        if get_origin(base) is Literal:
            choices += [str(choice) for choice in get_args(base)]
        elif base in SCALARS:
            kinds.add(base)
    for item in _flat(metadata):
        if name := BOUNDS.get(type(item)):
            bounds[name] = getattr(item, name)
        if isinstance(item, Kept):
            bounds["kept"] = item.keeping
        if isinstance(pattern := getattr(item, "pattern", None), str):
            bounds["pattern"] = pattern
    return Leaf(
        types=frozenset(kinds),
        choices=tuple(choices),
        optional=type(None) in members,
        help=text,
        examples=tuple((info.examples if info else None) or ()),
        pattern_words=_extra(info, "patternErrorMessage"),
        **bounds,
    )


def _extra(info: FieldInfo | None, key: str) -> str:
    extra = info.json_schema_extra if info else None
    words = extra.get(key) if isinstance(extra, dict) else None
    return words if isinstance(words, str) else ""


def _flat(metadata: list[Any]) -> list[Any]:
    flat = []
    for item in metadata:
        flat += item.metadata if isinstance(item, FieldInfo) else [item]
    return flat


def at_path(shape: Shape, path: Path, kinds: Mapping[Path, str] | None = None) -> Shape | None:
    """The shape at this path; `kinds` says which kind stands where. None if there is none."""
    found: Shape | None = shape
    for depth, part in enumerate(path):
        if isinstance(found, Kinds):
            kind = (kinds or {}).get(path[:depth], "")
            found = found.by_kind.get(kind) or found.common()
        match found:
            case Section():
                found = found.fields.get(str(part))
            case Named():
                found = found.value
            case ListOf():
                found = found.item
            case _:
                return None
    return found


def every_path(shape: Shape, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every path of fixed keys; below names the user chooses, `*` stands for the name."""
    match shape:
        case Section():
            below = [(name, field) for name, field in shape.fields.items()]
        case Named():
            below = [("*", shape.value)]
        case Kinds():
            fields: dict[str, Shape] = {}
            for section in shape.by_kind.values():
                fields |= section.fields
            below = list(fields.items())
        case _:
            below = []
    found = []
    for name, inner in below:
        found += [(*path, name), *every_path(inner, (*path, name))]
    return found
