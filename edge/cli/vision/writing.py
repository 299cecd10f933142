"""What commands that write pictures share: a bar that shows how far it is, files whole or not."""

import os
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edge.cli.console import USAGE, CommandError


def progress_bar() -> Progress:
    """On a terminal; nothing elsewhere."""
    console = Console(file=sys.stderr)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # else results meant for a pipe would go to stderr
        disable=not console.is_terminal,
    )


def check_writable(path: Path, *suffixes: str) -> None:
    """So that an hour of work is not lost on a typing error. Raises CommandError.

    `suffixes`: what may be written there, the usual one first; none: anything.
    """
    if path.is_dir():
        raise CommandError(f"{path} is a folder", "name a file to write", USAGE)
    if suffixes and path.suffix.lower() not in suffixes:
        cure = f"name it {path.with_suffix(suffixes[0]).name}"
        raise CommandError(f"{path}: this is written as {' or '.join(suffixes)}", cure, USAGE)
    if not path.absolute().parent.is_dir():
        raise CommandError(f"{path.parent} does not exist", f"mkdir -p {path.parent}", USAGE)
    if not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise CommandError(f"{path.parent} may not be written by this user", "name another folder")


def write_whole(path: Path, content: bytes) -> None:
    """All of it or nothing. Raises CommandError."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CommandError(
            f"{path}: {error.strerror}", "is there room, and may we write?"
        ) from error
