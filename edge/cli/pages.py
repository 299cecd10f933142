"""Manual pages and shell completion, made from the command line's own parser.

    python -m edge.cli.pages SHARE VERSION    into SHARE/man/man1 and where the shells look

Only whoever makes packages runs this: it needs the dependency group `package`.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from edge.cli.main import build_parser

SHELLS = {
    "bash": "bash-completion/completions/patrol-edge",
    "zsh": "zsh/vendor-completions/_patrol-edge",
    "fish": "fish/vendor_completions.d/patrol-edge.fish",
}
ABOUT = "the runtime on a patrol unit, and its tools"


def commands(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Name, what it is for, and the parser of the arguments, of each command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            told = {each.dest: each.help or "" for each in action._choices_actions}
            for name, each in action.choices.items():
                yield name, told.get(name, ""), each


def manual(name: str, about: str, parser: argparse.ArgumentParser, version: str) -> str:
    """One page (section 1, groff), of the date SOURCE_DATE_EPOCH."""
    from argparse_manpage.manpage import Manpage

    data = {
        "prog": name,
        "description": about,
        "project_name": "patrol-edge",
        "version": version,
        "manual_title": "Patrol Edge",
        "manual_section": 1,
    }
    page = Manpage(parser, format="single-commands-section", _data=data)
    page.prog = name  # it takes that of the parser, with a space: no name of a page
    return str(page).rstrip("\n") + "\n"


def completion(shell: str, parser: argparse.ArgumentParser) -> str:
    """A script that completes commands, options and names of files."""
    import shtab

    return str(shtab.complete(parser, shell=shell)).rstrip("\n") + "\n"


def write(share: Path, version: str) -> None:
    """All pages and scripts below `share` (/usr/share)."""
    parser = build_parser()
    _put(share, "man/man1/patrol-edge.1", manual("patrol-edge", ABOUT, parser, version))
    for name, about, each in commands(parser):
        page = f"patrol-edge-{name}"
        _put(share, f"man/man1/{page}.1", manual(page, about, each, version))
    for shell, place in SHELLS.items():
        _put(share, place, completion(shell, build_parser()))


def _put(share: Path, place: str, text: str) -> None:
    (share / place).parent.mkdir(parents=True, exist_ok=True)
    (share / place).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    os.environ["COLUMNS"] = "100"  # argparse breaks its lines by the terminal
    write(Path(sys.argv[1]), sys.argv[2])
