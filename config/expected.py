"""What may stand in a place of the file, in words, and as a line that would be right there."""

from pathlib import Path as FilePath

from config.language import pattern, tell
from config.shape import Leaf, ListOf, Section, Shape
from config.wording import alternatives, figure, listed


def expectation(leaf: Leaf) -> str:
    """What may stand here, in plain words: `a whole number from 1 to 65535`."""
    words = []
    if leaf.types & {int, float}:
        words.append(_number_words(leaf))
    elif bool in leaf.types:
        words.append(tell("true or false"))
    elif str in leaf.types:
        words.append(
            tell("at most {max_length} characters", max_length=leaf.max_length)
            if leaf.max_length
            else tell("a text")
        )
    elif leaf.types:
        words.append(tell("a path"))
    if leaf.choices:
        words.append(listed(leaf.choices))
    if leaf.optional:
        words.append("null")
    return alternatives(words) if words else tell("a value")


def _number_words(leaf: Leaf) -> str:
    noun = tell("a number") if float in leaf.types else tell("a whole number")
    low, high = leaf.ge, leaf.le
    if low is not None and high is not None:
        return tell("{noun} from {low} to {high}", noun=noun, low=figure(low), high=figure(high))
    bounds = [
        tell(word, bound=figure(bound))
        for word, bound in (
            (pattern("from {bound}"), leaf.ge),
            (pattern("above {bound}"), leaf.gt),
            (pattern("at most {bound}"), leaf.le),
            (pattern("below {bound}"), leaf.lt),
        )
        if bound is not None
    ]
    return tell("{noun} {bounds}", noun=noun, bounds=listed(bounds, "and")) if bounds else noun


def example(name: str, shape: Shape) -> str:
    """A line that would be right here."""
    match shape:
        case Leaf(examples=(first, *_)):
            return f"{name}: {written(first)}"
        case Leaf(choices=(first, *_)):
            return f"{name}: {first}"
        case Leaf():
            return f"{name}: {_sample(shape)}"
        case ListOf():
            return f"{name}: {list_example(shape)}"
        case Section(required=required) if required:
            lines = [example(key, shape.fields[key]) for key in shape.fields if key in required]
            return tell(
                "{name}: and below it, indented, {lines}", name=name, lines=listed(lines, "and")
            )
        case _:
            return f"{name}:"


def list_example(shape: ListOf) -> str:
    match shape:
        case ListOf(item=Leaf() as item, length=int(length)):
            return f"[{', '.join([_sample(item)] * length)}]"
        case ListOf(item=Section(fields=fields)):
            keys = [example(key, field) for key, field in fields.items()]
            return f"[{{{', '.join(keys)}}}, ...]"
        case _:
            return tell("[first, second]")


def written(value: object) -> str:
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
