"""What is wrong with one value, and what to write instead."""

import re

from config.expected import example, expectation, list_example, written
from config.language import tell
from config.nodes import Entries, Items, Node, Scalar, is_null
from config.shape import Kinds, Leaf, ListOf, Named, Section, Shape
from config.units import SHARE, measure_of, number_in
from config.wording import figure, listed, masked, nearest, shown

NO_SPACE = re.compile(r"([A-Za-z_]\w*):([^\s:/]\S*)")
YES = {"yes", "on", "y", "enabled", "enable", "true"}
NO = {"no", "off", "n", "disabled", "disable", "false"}


def wrong_value(name: str, shape: Shape, node: Node) -> str:
    """What is wrong with this node where `shape` should stand, and what to write."""
    match shape:
        case Leaf():
            return _wrong_leaf(name, shape, node)
        case ListOf():
            return _wrong_list(name, shape, node)
        case Section():
            first = next(iter(shape.fields), "key")
            line = _usual(first, shape)
            if isinstance(node, Scalar) and (match := NO_SPACE.match(node.raw)) is not None:
                return tell(
                    "a space is missing after a colon; write {key}: {value}",
                    key=match[1],
                    value=match[2],
                )
            if isinstance(node, Scalar) and first == "url" and "://" in node.raw:
                line = f"url: {masked(node.raw)}"
            begin = "- " if name.isdigit() else tell("{name}: and below it, indented, ", name=name)
            return tell(
                "{what} where a section belongs; write {begin}{line}",
                what=_what(node),
                begin=begin,
                line=line,
            )
        case Named():
            return tell(
                "{what} where names belong; write {name}: and below it, indented, a name of "
                "your choice with a colon, e.g. main:, and below that, its keys",
                what=_what(node),
                name=name,
            )
        case Kinds():
            return tell(
                "{what} where a section belongs; write {name}: and below it, indented, kind: "
                "{kinds} and its other keys",
                what=_what(node),
                name=name,
                kinds=listed(shape.by_kind),
            )


def _wrong_list(name: str, shape: ListOf, node: Node) -> str:
    line = f"{name}: {list_example(shape)}"
    if isinstance(node, Items) and shape.length is not None:
        return tell(
            "holds {count} where {length} belong; write {line}",
            count=len(node.nodes),
            length=shape.length,
            line=line,
        )
    if isinstance(node, Scalar) and not is_null(node) and shape.length is None:
        line = f"{name}: [{masked(node.raw)}]"
    return tell("{what} where a list belongs; write {line}", what=_what(node), line=line)


def _usual(name: str, section: Section) -> str:
    """A line for this key: its default where that says more than an example."""
    shape, default = section.fields[name], section.defaults.get(name)
    if isinstance(shape, Leaf) and shape.examples:
        return example(name, shape)
    if isinstance(default, bool | int | float) or (isinstance(default, str) and default):
        return f"{name}: {written(default)}"
    return example(name, shape)


def _what(node: Node) -> str:
    match node:
        case Entries():
            return tell("a section")
        case Items():
            return tell("a list")
        case _:
            return tell("nothing") if is_null(node) else shown(node.raw)


def _wrong_leaf(name: str, leaf: Leaf, node: Node) -> str:
    if not isinstance(node, Scalar):
        return tell(
            "{what} where one value belongs; write {wanted}",
            what=_what(node),
            wanted=expectation(leaf),
        )
    if is_null(node):
        wanted = _wanted(leaf) if leaf.textual and not leaf.choices else expectation(leaf)
        return tell("has no value; write {wanted}, or delete the line", wanted=wanted)
    if leaf.types & {int, float}:
        return _wrong_number(name, leaf, node)
    if bool in leaf.types:
        return _wrong_switch(leaf, node)
    return _wrong_text(leaf, node)


def _wrong_switch(leaf: Leaf, node: Scalar) -> str:
    word = node.raw.strip().lower()
    meant = "true" if word in YES else "false" if word in NO else None
    if meant is None:
        return tell(
            "{value} is no switch; write {wanted}", value=shown(node.raw), wanted=expectation(leaf)
        )
    quotes = tell(" without quotes") if node.quoted and word in ("true", "false") else ""
    return tell(
        "{value} is no switch; write {meant}{quotes}",
        value=shown(node.raw),
        meant=meant,
        quotes=quotes,
    )


def _wrong_number(name: str, leaf: Leaf, node: Scalar) -> str:
    number = node.value
    if isinstance(number, int | float) and not isinstance(number, bool):
        return _other_number(leaf, node, number)
    measure = measure_of(name) or (SHARE if 1 in (leaf.lt, leaf.le) else None)
    meant = measure.convert(node.raw) if measure else None
    if measure and meant is not None:
        return _with_unit(leaf, node, meant, measure.words)
    meant = number_in(node.raw)
    if meant is not None and fits(leaf, meant):
        quotes = tell(" without quotes") if node.quoted else ""
        return tell(
            "{value} is not read as a number; write {rounded}{quotes}",
            value=shown(node.raw),
            rounded=_rounded(leaf, meant),
            quotes=quotes,
        )
    near = nearest(node.raw, leaf.choices)
    unit = tell(" ({words}, without the unit)", words=measure.words) if measure else ""
    hint = (
        tell("; do you mean {near}?", near=near)
        if near
        else tell("; write {wanted}{unit}", wanted=expectation(leaf), unit=unit)
    )
    return tell("{value} is no number{hint}", value=shown(node.raw), hint=hint)


def _other_number(leaf: Leaf, node: Scalar, number: float) -> str:
    """It is one, but not one of those that may stand here."""
    if float not in leaf.types and not float(number).is_integer():
        return tell(
            "{value} is no whole number; write {wanted}",
            value=shown(node.raw),
            wanted=expectation(leaf),
        )
    if isinstance(number, float) and float not in leaf.types and fits(leaf, number):
        return tell(
            "{value} has a decimal point; write {number}",
            value=shown(node.raw),
            number=figure(number),
        )
    return tell(
        "{value} is out of range; write {wanted}", value=shown(node.raw), wanted=expectation(leaf)
    )


def _with_unit(leaf: Leaf, node: Scalar, meant: float, unit: str) -> str:
    if fits(leaf, meant):
        return tell(
            "{value} has a unit; this is in {unit}: write {rounded}",
            value=shown(node.raw),
            unit=unit,
            rounded=_rounded(leaf, meant),
        )
    return tell(
        "{value} is {rounded} {unit}, which is out of range; write {wanted}, without the unit",
        value=shown(node.raw),
        rounded=_rounded(leaf, meant),
        unit=unit,
        wanted=expectation(leaf),
    )


def _rounded(leaf: Leaf, number: float) -> str:
    if float not in leaf.types:
        return str(round(number))
    # One digit is lost at most where a conversion gives many: 80 km/h is 22.2 m/s to people.
    return figure(float(f"{number:.3g}")) if abs(number) < 100 else figure(round(number, 1))


def fits(leaf: Leaf, number: float) -> bool:
    """True if the number is in the range."""
    return (
        (leaf.ge is None or number >= leaf.ge)
        and (leaf.gt is None or number > leaf.gt)
        and (leaf.le is None or number <= leaf.le)
        and (leaf.lt is None or number < leaf.lt)
    )


def _wrong_text(leaf: Leaf, node: Scalar) -> str:
    if leaf.choices:
        near = nearest(node.raw, leaf.choices)
        hint = tell("; do you mean {near}?", near=near) if near else ""
        return tell(
            "{value} is not known here; write {choices}{hint}",
            value=shown(node.raw),
            choices=listed(leaf.choices),
            hint=hint,
        )
    if not node.raw.strip():
        return tell("is empty; write {wanted}", wanted=_wanted(leaf))
    if leaf.max_length and len(node.raw) > leaf.max_length:
        return tell(
            "has {count} characters; write at most {max_length}",
            count=len(node.raw),
            max_length=leaf.max_length,
        )
    near = respelled(node.raw, leaf.pattern)
    wanted = _wanted(leaf)
    hint = tell(", e.g. {near}", near=near) if near else ""
    return tell(
        "{value} does not fit; write {wanted}{hint}",
        value=shown(node.raw),
        wanted=wanted,
        hint=hint,
    )


def _wanted(leaf: Leaf) -> str:
    if leaf.pattern_words:
        return leaf.pattern_words
    hint = tell(", e.g. {example}", example=leaf.examples[0]) if leaf.examples else ""
    return (
        tell("{wanted}{hint}", wanted=expectation(leaf), hint=hint) if hint else expectation(leaf)
    )


def respelled(text: str, pattern: str) -> str | None:
    """The text with other letters, so that it fits the pattern; None if that does not help."""
    if not pattern:
        return None
    bare = text[:200].strip(" /")
    attempts = [bare, bare.lower()]
    for gap in "-", "_":
        candidate = re.sub(r"[^a-z0-9]+", gap, bare.lower()).strip(gap)[:32].strip(gap)
        attempts += [candidate, f"n{gap}{candidate}"[:32]] if candidate else []
    return next((attempt for attempt in attempts if re.fullmatch(pattern, attempt)), None)
