"""The catalogues of what people read, held to the source.

    python -m tests.catalogues            what has no translation yet, and writes the files anew
    python -m tests.catalogues --check    the same, and writes nothing

Patterns are what `tell("...")` and `pattern("...")` say in the source. New ones are put into each
language's .po file without a translation; whoever adds it runs this once more, which writes the
.mo file that is shipped. Needs Babel.
"""

import ast
import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel.messages import Catalog

ROOT = Path(__file__).parents[1]
LANGUAGES = ROOT / "config" / "languages"
DOMAIN = "patrol-edge"
MARKS = ("tell", "pattern")
# Whose texts are in the catalogues: folders.
REQUIRED = ("config", "drivers", "firmware_bridge", "perception", "telemetry", "edge")


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """One pattern, and where it is told."""

    file: str
    line: int
    pattern: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.pattern!r}"


class NotLiteralError(Exception):
    """A pattern is put together at run time: no catalogue can have it."""


@functools.cache
def patterns(*folders: str) -> tuple[Told, ...]:
    """Every pattern in these folders. Raises NotLiteralError."""
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(told for file in files for told in _in_file(file))


def _in_file(path: Path) -> Iterator[Told]:
    name, source = str(path.relative_to(ROOT)), path.read_text()
    if "config.language" not in source:
        return
    tree = ast.parse(source)
    marks = set(_imported(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id not in marks or not node.args:
            continue
        match node.args[0]:
            case ast.Constant(value=str(text)):
                yield Told(name, node.lineno, text)
            case ast.Name() | ast.Subscript() | ast.IfExp() | ast.Attribute() if len(marks) > 1:
                pass  # from a table of what `pattern` marks
            case _:
                where = f"{name}:{node.lineno}"
                raise NotLiteralError(f"{where}: write the pattern out, or mark it: pattern(...)")


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "config.language":
            yield from (name.asname or name.name for name in node.names if name.name in MARKS)


def po_file(language: str) -> Path:
    return LANGUAGES / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def languages() -> list[str]:
    return sorted(path.parents[1].name for path in LANGUAGES.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def read(language: str) -> "Catalog":
    from babel.messages.pofile import read_po

    with po_file(language).open("rb") as file:
        return read_po(file, locale=language)


def renewed(catalogue: "Catalog") -> "Catalog":
    """With what the source says now: new patterns without a translation, old ones gone."""
    from babel.messages import Catalog

    new = Catalog(
        locale=catalogue.locale,
        domain=DOMAIN,
        header_comment=catalogue.header_comment,
        project="patrol-edge",
        version="1",
        msgid_bugs_address="CONTRIBUTING.md",
        last_translator="Patrol Edge",
        language_team="Patrol Edge",
        charset="utf-8",
        creation_date=catalogue.creation_date,
        revision_date=catalogue.revision_date,
        fuzzy=False,
    )
    for text in sorted({told.pattern for told in patterns(*REQUIRED)}):
        old = catalogue.get(text)
        new.add(text, old.string if old is not None else "", flags=old.flags if old else ())
    return new


def as_po(catalogue: "Catalog") -> bytes:
    from babel.messages.pofile import write_po

    file = BytesIO()
    write_po(file, catalogue, width=100, sort_output=True, no_location=True)
    return file.getvalue()


def as_mo(catalogue: "Catalog") -> bytes:
    from babel.messages.mofile import write_mo

    file = BytesIO()
    write_mo(file, catalogue, use_fuzzy=False)
    return file.getvalue()


def main() -> int:
    code = 0
    for language in languages():
        catalogue = renewed(read(language))
        lacking = [item.id for item in catalogue if item.id and (not item.string or item.fuzzy)]
        for text in lacking:
            sys.stdout.write(f"{language}: {text}\n")
        code = code or int(bool(lacking))
        if "--check" not in sys.argv:
            po_file(language).write_bytes(as_po(catalogue))
            po_file(language).with_suffix(".mo").write_bytes(as_mo(catalogue))
    return code


if __name__ == "__main__":
    sys.exit(main())
