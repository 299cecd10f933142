"""What is wrong with one value, and what to write instead."""

import re
from pathlib import Path as FilePath

from config.nodes import Entries, Items, Node, Scalar, is_null
from config.shape import Kinds, Leaf, ListOf, Named, Section, Shape
from config.units import SHARE, measure_of, number_in
from config.wording import figure, listed, masked, nearest, shown

NO_SPACE = re.compile(r"([A-Za-z_]\w*):([^\s:/]\S*)")
YES = {"yes", "on", "y", "enabled", "enable", "true"}
NO = {"no", "off", "n", "disabled", "disable", "false"}


def expectation(leaf: Leaf) -> str:
    """What may stand here, in plain words: `a whole number from 1 to 65535`."""
    words = []
    if leaf.types & {int, float}:
        words.append(_number_words(leaf))
    elif bool in leaf.types:
        words.append("true or false")
    elif str in leaf.types:
        words.append(f"at most {leaf.max_length} characters" if leaf.max_length else "a text")
    elif leaf.types:
        words.append("a path")
    if leaf.choices:
        words.append(listed(leaf.choices))
    if leaf.optional:
        words.append("null")
    return ", or ".join(words) or "a value"


def _number_words(leaf: Leaf) -> str:
    noun = "a number" if float in leaf.types else "a whole number"
    low, high = leaf.ge, leaf.le
    if low is not None and high is not None:
        return f"{noun} from {figure(low)} to {figure(high)}"
    bounds = [
        f"{word} {figure(bound)}"
        for word, bound in (
            ("from", leaf.ge), ("above", leaf.gt), ("at most", leaf.le), ("below", leaf.lt),
        )
        if bound is not None
    ]  # fmt: skip
    return " ".join([noun, " and ".join(bounds)]).strip()


def example(name: str, shape: Shape) -> str:
    """A line that would be right here."""
    match shape:
        case Leaf(examples=(first, *_)):
            return f"{name}: {_written(first)}"
        case Leaf(choices=(first, *_)):
            return f"{name}: {first}"
        case Leaf():
            return f"{name}: {_sample(shape)}"
        case ListOf():
            return f"{name}: {_list_example(shape)}"
        case Section(required=required) if required:
            lines = [example(key, shape.fields[key]) for key in shape.fields if key in required]
            return f"{name}: and below it, indented, {' and '.join(lines)}"
        case _:
            return f"{name}:"


def _list_example(shape: ListOf) -> str:
    match shape:
        case ListOf(item=Leaf() as item, length=int(length)):
            return f"[{', '.join([_sample(item)] * length)}]"
        case ListOf(item=Section(fields=fields)):
            keys = [example(key, field) for key, field in fields.items()]
            return f"[{{{', '.join(keys)}}}, ...]"
        case _:
            return "[first, second]"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return figure(value) if isinstance(value, int | float) else str(value)


def _sample(leaf: Leaf) -> str:
    if bool in leaf.types:
        return "true"
    if FilePath in leaf.types:
        return "FILE"
    if leaf.types & {int, float}:
        low = leaf.ge if leaf.ge is not None else (leaf.gt or 0) + 1
        return figure(low)
    return "..."


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
                return f"a space is missing after a colon; write {match[1]}: {match[2]}"
            if isinstance(node, Scalar) and first == "url" and "://" in node.raw:
                line = f"url: {masked(node.raw)}"
            begin = "- " if name.isdigit() else f"{name}: and below it, indented, "
            return f"{_what(node)} where a section belongs; write {begin}{line}"
        case Named():
            return (
                f"{_what(node)} where names belong; write {name}: and below it, indented, "
                "a name of your choice with a colon, e.g. main:, and below that, its keys"
            )
        case Kinds():
            return (
                f"{_what(node)} where a section belongs; write {name}: and below it, indented, "
                f"kind: {listed(shape.by_kind)} and its other keys"
            )


def _wrong_list(name: str, shape: ListOf, node: Node) -> str:
    line = f"{name}: {_list_example(shape)}"
    if isinstance(node, Items) and shape.length is not None:
        return f"holds {len(node.nodes)} where {shape.length} belong; write {line}"
    if isinstance(node, Scalar) and not is_null(node) and shape.length is None:
        line = f"{name}: [{masked(node.raw)}]"
    return f"{_what(node)} where a list belongs; write {line}"


def _usual(name: str, section: Section) -> str:
    """A line for this key: its default where that says more than an example."""
    shape, default = section.fields[name], section.defaults.get(name)
    if isinstance(shape, Leaf) and shape.examples:
        return example(name, shape)
    if isinstance(default, bool | int | float) or (isinstance(default, str) and default):
        return f"{name}: {_written(default)}"
    return example(name, shape)


def _what(node: Node) -> str:
    match node:
        case Entries():
            return "a section"
        case Items():
            return "a list"
        case _:
            return "nothing" if is_null(node) else shown(node.raw)


def _wrong_leaf(name: str, leaf: Leaf, node: Node) -> str:
    if not isinstance(node, Scalar):
        return f"{_what(node)} where one value belongs; write {expectation(leaf)}"
    if is_null(node):
        wanted = _wanted(leaf) if leaf.textual and not leaf.choices else expectation(leaf)
        return f"has no value; write {wanted}, or delete the line"
    if leaf.types & {int, float}:
        return _wrong_number(name, leaf, node)
    if bool in leaf.types:
        return _wrong_switch(leaf, node)
    return _wrong_text(leaf, node)


def _wrong_switch(leaf: Leaf, node: Scalar) -> str:
    word = node.raw.strip().lower()
    meant = "true" if word in YES else "false" if word in NO else None
    if meant is None:
        return f"{shown(node.raw)} is no switch; write {expectation(leaf)}"
    quotes = " without quotes" if node.quoted and word in ("true", "false") else ""
    return f"{shown(node.raw)} is no switch; write {meant}{quotes}"


def _wrong_number(name: str, leaf: Leaf, node: Scalar) -> str:
    number = node.value if isinstance(node.value, int | float) else None
    if number is not None and not isinstance(number, bool):
        if float in leaf.types or float(number).is_integer():
            if isinstance(number, float) and float not in leaf.types and fits(leaf, number):
                return f"{shown(node.raw)} has a decimal point; write {figure(number)}"
            return f"{shown(node.raw)} is out of range; write {expectation(leaf)}"
        return f"{shown(node.raw)} is no whole number; write {expectation(leaf)}"
    measure = measure_of(name) or (SHARE if 1 in (leaf.lt, leaf.le) else None)
    meant = measure.convert(node.raw) if measure else None
    if measure and meant is not None:
        return _with_unit(leaf, node, meant, measure.words)
    meant = number_in(node.raw)
    if meant is not None and fits(leaf, meant):
        quotes = " without quotes" if node.quoted else ""
        return f"{shown(node.raw)} is not read as a number; write {_rounded(leaf, meant)}{quotes}"
    near = nearest(node.raw, leaf.choices)
    unit = f" ({measure.words}, without the unit)" if measure else ""
    hint = f"; do you mean {near}?" if near else f"; write {expectation(leaf)}{unit}"
    return f"{shown(node.raw)} is no number{hint}"


def _with_unit(leaf: Leaf, node: Scalar, meant: float, unit: str) -> str:
    if fits(leaf, meant):
        return f"{shown(node.raw)} has a unit; this is in {unit}: write {_rounded(leaf, meant)}"
    return (
        f"{shown(node.raw)} is {_rounded(leaf, meant)} {unit}, which is out of range; "
        f"write {expectation(leaf)}, without the unit"
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
        hint = f"; do you mean {near}?" if near else ""
        return f"{shown(node.raw)} is not known here; write {listed(leaf.choices)}{hint}"
    if not node.raw.strip():
        return f"is empty; write {_wanted(leaf)}"
    if leaf.max_length and len(node.raw) > leaf.max_length:
        return f"has {len(node.raw)} characters; write at most {leaf.max_length}"
    near = respelled(node.raw, leaf.pattern)
    wanted = _wanted(leaf)
    hint = f", e.g. {near}" if near else ""
    return f"{shown(node.raw)} does not fit; write {wanted}{hint}"


def _wanted(leaf: Leaf) -> str:
    if leaf.pattern_words:
        return leaf.pattern_words
    hint = f", e.g. {leaf.examples[0]}" if leaf.examples else ""
    return expectation(leaf) + hint


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
