"""The tables of docs/configuration.md, written from the models.

`python -m config.reference docs/configuration.md` writes them anew below the mark; what stands
above it is written by hand. A test fails when the page and the models drift apart.
"""

import sys
from pathlib import Path as FilePath

from pydantic import BaseModel

from config.expected import expectation
from config.layers import EVERY, profile
from config.models import Settings
from config.nodes import Path, Scalar, find
from config.shape import Kinds, Leaf, ListOf, Named, Section, Shape, shape_of
from config.showing import flow
from config.units import measure_of

MARK = "<!-- From here on written by `python -m config.reference docs/configuration.md` -->"

KINDS = ("robot_dog", "drone", "patrol_car")


def rewritten(page: str) -> str:
    """The page with the tables of today."""
    return page.partition(MARK)[0] + MARK + "\n\n" + tables()


def tables() -> str:
    """Every setting: key, value, default, meaning."""
    root = shape_of(Settings)
    parts: list[str] = []
    top = {name: shape for name, shape in root.fields.items() if isinstance(shape, Leaf)}
    for name, shape in root.fields.items():
        if name not in top:
            parts += _part((name,), shape)
    own = Section(fields=top, required=root.required, defaults=root.defaults)
    parts += ["### At the top level\n", _table((), own)]
    return "\n".join(parts).rstrip() + "\n"


def _part(path: Path, shape: Shape) -> list[str]:
    title = f"### `{'.'.join('NAME' if part == EVERY else str(part) for part in path)}`\n"
    match shape:
        case Section():
            below = [
                part
                for name, field in shape.fields.items()
                if isinstance(field, Section | Named | Kinds)
                for part in _part((*path, name), field)
            ]
            return [title, f"{shape.help}\n", _table(path, shape), *below]
        case Named(value=Section() as section):
            return _part((*path, EVERY), section)
        case Named(value=Kinds() as kinds):
            parts = [part for kind in kinds.by_kind for part in _device(path, kinds, kind)]
            return parts + [
                part
                for name, field in kinds.common().fields.items()
                if isinstance(field, Section)
                for part in _part((*path, EVERY, name), field)
            ]
        case _:
            return []


def _device(path: Path, kinds: Kinds, kind: str) -> list[str]:
    section = kinds.by_kind[kind]
    title = f"### `{'.'.join(map(str, path))}.NAME`, kind: {kind}\n"
    return [title, f"{section.help}\n", _table((*path, EVERY), section)]


def _table(path: Path, section: Section) -> str:
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, shape in section.fields.items():
        if isinstance(shape, Leaf | ListOf) and not _says_the_title(name, shape):
            lines.append(_row((*path, name), shape, section))
    return "\n".join(lines) + "\n"


def _says_the_title(name: str, shape: Shape) -> bool:
    """A kind with one choice stands above its table already."""
    return name == "kind" and isinstance(shape, Leaf) and len(shape.choices) == 1


def _row(path: Path, shape: Shape, section: Section) -> str:
    name = str(path[-1])
    value = expectation(shape) if isinstance(shape, Leaf) else _list_words(shape)
    measure = measure_of(name)
    unit = f", {measure.words}" if measure is not None and "number" in value else ""
    default = "required" if name in section.required else _default(path, section.defaults[name])
    meaning = shape.help if isinstance(shape, Leaf | ListOf) else ""
    return f"| `{name}` | {value}{unit} | {default} | {meaning} |"


def _list_words(shape: Shape) -> str:
    """How many of what: `a list of 4, each a number from 0 to 1, or null`."""
    if not isinstance(shape, ListOf):
        return "a list"
    match shape.item:
        case Leaf() as leaf:
            each = expectation(leaf)
        case ListOf() as inner:
            each = _list_words(inner)
        case Section(fields=fields):
            each = f"with {' and '.join(fields)}"
        case _:
            return "a list"
    words = f"a list of {each}"
    if shape.length is not None or not isinstance(shape.item, Leaf):
        words = f"a list{'' if shape.length is None else f' of {shape.length}'}, each {each}"
    return f"{words}, or null" if shape.optional else words


def _default(path: Path, value: object) -> str:
    items = [_text(item) for item in value] if isinstance(value, tuple) else _text(value)
    written = flow(items)
    others = []
    for kind in KINDS:
        root = profile(kind).root
        node = find(root, path) if root is not None else None
        if isinstance(node, Scalar):
            others.append(f"{kind}: {node.raw}")
    return f"`{written}`" + (f" ({', '.join(others)})" if others else "")


def _text(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump()
    return str(value) if isinstance(value, FilePath) else value


if __name__ == "__main__":
    FILE = FilePath(sys.argv[1])
    FILE.write_text(rewritten(FILE.read_text()))
