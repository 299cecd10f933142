"""`patrol-edge config migrate`: rewrite a unit file of an older schema."""

import argparse
from pathlib import Path

from config import migrations
from config.document import UNIT_FILE
from config.errors import ConfigError
from config.language import tell
from config.loading import DEFAULT_FILE
from config.migrations import MigrationError, version_of
from config.nodes import Entries
from config.reading import read
from config.rewriting import rewritten
from config.writing import write_atomically
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "rewrite a unit file of an older schema; the old one stays beside it as FILE.vN"
    parser = actions.add_parser("migrate", help=text, description=text)
    parser.add_argument(
        "file", nargs="?", type=Path, default=DEFAULT_FILE, metavar="FILE",
        help="default: %(default)s",
    )  # fmt: skip
    parser.set_defaults(handler=migrate)


def migrate(args: argparse.Namespace) -> int:
    """The old file's name on stdout, if it was rewritten."""
    path: Path = args.file
    document = read(path, UNIT_FILE)
    if not isinstance(document.root, Entries):
        raise ConfigError(list(document.problems))
    try:
        version = version_of(document.root)
        old = path.read_text(encoding="utf-8")
        new = rewritten(old)
    except MigrationError as error:
        raise CommandError(f"{path}: {error}", exit_code=USAGE) from error
    if version == migrations.CURRENT:
        note(tell("{file} is of schema {version} already", file=path, version=version))
        return DONE
    kept = path.with_name(f"{path.name}.v{version}")
    try:
        write_atomically(kept, old, path.stat().st_mode & 0o777)
        write_atomically(path, new, path.stat().st_mode & 0o777)
    except OSError as error:
        text = tell("{file} cannot be written: {why}", file=path, why=error.strerror or str(error))
        raise CommandError(text, exit_code=FAILED) from error
    say(str(kept))
    note(tell("next: patrol-edge config check {file}", file=path))
    return DONE
