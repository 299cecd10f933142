"""A file of an older schema, rewritten as it is said now, with its comments.

Lines are edited, one move at a time. The result is read again and must say what the old text says
by `config.migrations`: where it does not (a file written on one line, say), nothing is rewritten.
"""

from config import migrations
from config.document import UNIT_FILE, parse
from config.language import tell
from config.migrations import KEY, MigrationError, Move, places, up_to_date, version_of
from config.nodes import Entries, Place, find, plain

STEP = "  "


def rewritten(text: str) -> str:
    """The text of a unit file in the current schema. Raises MigrationError.

    What is wrong with it otherwise stays as it is, for `config check` to tell.
    """
    root = parse(text.encode(), "", UNIT_FILE).root
    if not isinstance(root, Entries):
        raise MigrationError(tell("it cannot be read; look at: patrol-edge config check"))
    version = version_of(root)
    if version == migrations.CURRENT:
        return text
    wanted = plain(up_to_date(root, version))
    lines = text.splitlines(keepends=True)
    for move in migrations.MOVES:
        if move.since > version:
            lines = _moved(lines, move)
    lines = _stamped(lines)
    if plain(up_to_date(_read("".join(lines)), migrations.CURRENT)) != wanted:
        raise MigrationError(_by_hand())
    return "".join(lines)


def _by_hand() -> str:
    moves = ", ".join(f"{move.before} → {move.after}" for move in migrations.MOVES)
    return tell(
        "it cannot be rewritten as it is laid out; move the keys by hand ({moves}), and write "
        "schema_version: {version}",
        moves=moves,
        version=migrations.CURRENT,
    )


def _read(text: str) -> Entries:
    root = parse(text.encode(), "", UNIT_FILE).root
    if not isinstance(root, Entries):
        raise MigrationError(_by_hand())
    return root


def _moved(lines: list[str], move: Move) -> list[str]:
    for before, after in places(_read("".join(lines)), move):
        place = _key_place(_read("".join(lines)), before)
        if before[:-1] == after[:-1]:
            lines = _renamed(lines, place, before[-1], after[-1])
        else:
            lines = _put(*_cut(lines, place), before[-1], after)
    return lines


def _key_place(root: Entries, path: tuple[str, ...]) -> Place:
    above = find(root, path[:-1])
    if not isinstance(above, Entries):
        raise MigrationError(_by_hand())
    return above.key_places[path[-1]]


def _renamed(lines: list[str], place: Place, old: str, new: str) -> list[str]:
    line, at = lines[place.line - 1], place.column - 1
    if line[at : at + 1] in ("'", '"'):
        at += 1
    line = line[:at] + new + line[at + len(old) :]
    return [*lines[: place.line - 1], line, *lines[place.line :]]


def _cut(lines: list[str], place: Place) -> tuple[list[str], list[str]]:
    """The lines without a key and what is below it, and those."""
    start, indent = place.line - 1, place.column - 1
    if lines[start][:indent].strip():  # something stands before it on its line
        raise MigrationError(_by_hand())
    end = last = start + 1
    while end < len(lines):
        text = lines[end].strip()
        if text and not text.startswith("#"):
            if _indent(lines[end]) <= indent:
                break
            last = end + 1
        end += 1
    block = [line[min(indent, _indent(line)) :] for line in lines[start:last]]
    return [*lines[:start], *lines[last:]], block


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _put(lines: list[str], block: list[str], old: str, after: tuple[str, ...]) -> list[str]:
    """The block below the nearest section that is there; sections that are missing are added."""
    root = _read("".join(lines)) if "".join(lines).strip() else None
    depth = len(after) - 1
    while depth and not (root and isinstance(find(root, after[:depth]), Entries)):
        depth -= 1
    added = [f"{STEP * step}{key}:\n" for step, key in enumerate(after[depth:-1])]
    inner = STEP * len(added)
    named = [after[-1] + block[0][len(old) :], *block[1:]]
    written = [*added, *(inner + line if line.strip() else line for line in named)]
    if not depth or root is None:
        return [*lines, *written]
    section = find(root, after[:depth])
    key = _key_place(root, after[:depth])
    indent = section.place.column - 1 if isinstance(section, Entries) else 0
    return [*lines[: key.line], *(" " * indent + line for line in written), *lines[key.line :]]


def _stamped(lines: list[str]) -> list[str]:
    """With the schema that it has now: in its place, or before the first key."""
    root = _read("".join(lines))
    stamp = f"{KEY}: {migrations.CURRENT}"
    if KEY in root.nodes:
        place = root.nodes[KEY].place
        line = lines[place.line - 1]
        rest = line[place.column - 1 :].lstrip("0123456789")
        new = f"{line[: place.column - 1]}{migrations.CURRENT}{rest}"
        return [*lines[: place.line - 1], new, *lines[place.line :]]
    first = min((place.line for place in root.key_places.values()), default=1) - 1
    return [*lines[:first], f"{stamp}\n", *lines[first:]]
