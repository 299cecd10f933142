"""A YAML file as values with places, and everything that is wrong with it as a text.

Only PyYAML's event parser is used: it makes no objects, follows no alias and, unlike the
composer, does not recurse, so that neither tags, anchors nor depth can harm. All use of PyYAML is
here.
"""

import bisect
import re
from dataclasses import dataclass, field

import yaml

from config.errors import Problem
from config.language import tell
from config.nodes import EntriesBuilder, Items, Node, Place, Scalar, ScalarValue, dotted
from config.scalars import UNUSABLE, NotFiniteError, resolve
from config.syntax import cure_of
from config.wording import shown

MAX_DEPTH = 20
UNIT_FILE = "unit file"  # the layer of that name
# PyYAML ends lines and comments at these, editors do not: what is a comment would be in doubt.
ODD_BREAK = re.compile("[\x85\u2028\u2029]")
INDENT_TAB = re.compile(r"^ *\t", re.MULTILINE)
LINE_END = re.compile(r"\r\n|\r|\n")
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read: its content (None if unusable) and what is wrong with its text."""

    root: Node | None
    problems: tuple[Problem, ...]


def parse(data: bytes, source: str, layer: str) -> Document:
    """Parse the bytes of one file. Never raises: what is wrong is in the problems."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        return _not_text(_Reader(before, source, layer), data, error)
    reader = _Reader(text, source, layer)
    if tabs := INDENT_TAB.findall(text):
        first = INDENT_TAB.search(text)
        others = tell(" (and in {count} more)", count=len(tabs) - 1) if len(tabs) > 1 else ""
        reader.blame(
            first.end() - 1 if first else 0,
            tell(
                "this line{others} is indented with a tab; write two spaces for each level",
                others=others,
            ),
        )
        return Document(None, tuple(reader.problems))
    if (odd := ODD_BREAK.search(text)) is not None:
        reader.blame(odd.start(), tell("an invisible line break; delete it, and type a space"))
        return Document(None, tuple(reader.problems))
    root = reader.read()
    return Document(root, tuple(reader.problems))


def _not_text(reader: "_Reader", data: bytes, error: UnicodeDecodeError) -> Document:
    if data.startswith(UTF16_MARKS):
        reader.blame(0, tell("the file is UTF-16; save it as UTF-8"))
    else:
        reader.blame(
            len(reader.text),
            tell(
                "byte 0x{value:02x} is not UTF-8; save the file as UTF-8", value=data[error.start]
            ),
        )
    return Document(None, tuple(reader.problems))


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    place: Place
    entries: EntriesBuilder | None  # None: a list
    items: list[Node] = field(default_factory=list)
    key: str | None = None  # the key that waits for its value
    key_place: Place | None = None
    duplicate: bool = False


def _index(event: yaml.Event) -> int:
    """Where an event starts, in characters. PyYAML types the mark as optional; it never is."""
    return event.start_mark.index if event.start_mark else 0


class _Reader:
    """Turns parser events into nodes, and notes every problem on the way."""

    def __init__(self, text: str, source: str, layer: str) -> None:
        self.text = text
        self.problems: list[Problem] = []
        self._source = source
        self._layer = layer
        self._starts = [0, *(match.end() for match in LINE_END.finditer(text))]
        self._open: list[_Open] = []
        self._root: Node | None = None

    def read(self) -> Node | None:
        """The document's content, None if there is none to work with."""
        try:
            documents = 0
            for event in yaml.parse(self.text, Loader=yaml.SafeLoader):
                documents += isinstance(event, yaml.DocumentStartEvent)
                if documents > 1:
                    self.blame(_index(event), tell("a second document; delete from --- on"))
                    return None
                if not self._take(event):
                    return None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._blame_at(self._place(mark.index if mark else 0), cure_of(error, self.text), "")
            return None
        except yaml.reader.ReaderError as error:
            self.blame(error.position, tell("an invisible control character; delete it"))
            return None
        if self._root is None:
            cure = (
                tell("; make one with: patrol-edge config init") if self._layer == UNIT_FILE else ""
            )
            self.blame(0, tell("the file is empty{cure}", cure=cure))
        return self._root

    def blame(self, index: int, text: str) -> None:
        place = self._place(index)
        self._blame_at(place, text)

    def _blame_at(self, place: Place, text: str, path: str | None = None) -> None:
        self.problems.append(
            Problem(
                source=self._source,
                line=place.line,
                column=place.column,
                path=self._path() if path is None else path,
                text=text,
            )
        )

    def _place(self, index: int) -> Place:
        index = min(index, len(self.text))
        line = bisect.bisect_right(self._starts, index)
        if line > 1 and index == len(self.text) == self._starts[-1]:
            line -= 1  # the end of a file with a final line end: its last line, not one more
        column = index - self._starts[line - 1] + 1
        return Place(layer=self._layer, source=self._source, line=line, column=column)

    def _path(self) -> str:
        parts: list[str | int] = []
        for frame in self._open:
            if frame.entries is None:
                parts.append(len(frame.items))
            elif frame.key is not None:
                parts.append(frame.key)
        return dotted(tuple(parts))

    def _take(self, event: yaml.Event) -> bool:
        """Use one event. False: reading on makes no sense."""
        if isinstance(event, yaml.NodeEvent):
            self._refuse_magic(event)
        match event:
            case yaml.AliasEvent():
                self._add(self._scalar(event, None, "", quoted=False))
            case yaml.ScalarEvent():
                self._add(self._value(event))
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                return self._begin(event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._end()
            case _:
                pass
        return True

    def _refuse_magic(self, event: yaml.NodeEvent) -> None:
        index = _index(event)
        if isinstance(event, yaml.AliasEvent):
            self.blame(
                index,
                tell(
                    "*{anchor} refers to another place; write the value itself", anchor=event.anchor
                ),
            )
        elif event.anchor is not None:
            self.blame(
                index,
                tell("&{anchor} is an anchor, which is not read; delete it", anchor=event.anchor),
            )
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            self.blame(index, tell("a tag (!...) is not read here; write the plain value"))

    def _value(self, event: yaml.ScalarEvent) -> Scalar:
        quoted = event.style is not None
        if UNUSABLE.search(event.value):
            self.blame(
                _index(event),
                tell("holds a line break or an invisible character; write one line"),
            )
            return self._scalar(event, "", "", quoted=True)
        try:
            value = event.value if quoted else resolve(event.value)
        except NotFiniteError:
            if not self._expects_key():
                self.blame(
                    _index(event),
                    tell(
                        "{value} is no number to work with; write a finite one",
                        value=shown(event.value),
                    ),
                )
            value = event.value
        return self._scalar(event, value, event.value, quoted=quoted)

    def _scalar(self, event: yaml.Event, value: ScalarValue, raw: str, *, quoted: bool) -> Scalar:
        place = self._place(_index(event))
        return Scalar(value=value, raw=raw, quoted=quoted, place=place)

    def _expects_key(self) -> bool:
        return (
            bool(self._open) and self._open[-1].entries is not None and self._open[-1].key is None
        )

    def _begin(self, event: yaml.Event) -> bool:
        index = _index(event)
        if len(self._open) >= MAX_DEPTH:
            text = tell(
                "nested deeper than {most} levels; no setting is that deep",
                most=MAX_DEPTH,
            )
            self._blame_at(self._place(index), text, "")
            return False
        if self._expects_key():
            self.blame(index, tell("a key must be a word; write key: value"))
            return False
        place = self._place(index)
        mapping = isinstance(event, yaml.MappingStartEvent)
        self._open.append(_Open(place, EntriesBuilder(place) if mapping else None))
        return True

    def _end(self) -> None:
        frame = self._open.pop()
        if frame.entries is not None:
            self._add(frame.entries.done())
        else:
            self._add(Items(nodes=tuple(frame.items), place=frame.place))

    def _add(self, node: Node) -> None:
        if not self._open:
            self._root = node
            return
        frame = self._open[-1]
        if frame.entries is None:
            frame.items.append(node)
        elif frame.key is None:
            self._begin_entry(frame, node)
        else:
            self._end_entry(frame, frame.entries, node)

    def _begin_entry(self, frame: _Open, node: Node) -> None:
        frame.key = node.raw if isinstance(node, Scalar) else ""
        frame.key_place = node.place
        before = frame.entries.key_places.get(frame.key) if frame.entries else None
        frame.duplicate = before is not None
        if before is not None:
            self._blame_at(
                node.place,
                tell(
                    "stands here a second time (first in line {line}); delete one of them",
                    line=before.line,
                ),
            )

    def _end_entry(self, frame: _Open, entries: EntriesBuilder, node: Node) -> None:
        if frame.key is not None and frame.key_place is not None and not frame.duplicate:
            entries.nodes[frame.key] = node
            entries.key_places[frame.key] = frame.key_place
        frame.key = None
