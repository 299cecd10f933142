"""What every command shares: exit codes, and how it speaks to a person.

Results go to stdout, so that they can be piped; everything else goes to stderr.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.language import localized, said, tell
from perception.errors import CatalogueError, PerceptionError, WrongNameError

DONE = 0
FAILED = 1  # the work itself failed
USAGE = 2  # wrong usage or configuration
# Control characters but tab and line feed; what turns the direction of writing (UTR 36).
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class CommandError(Exception):
    """A command cannot go on. The text says what is wrong, `cure` what to do next."""

    def __init__(self, text: str, cure: str = "", exit_code: int = FAILED) -> None:
        super().__init__(text)
        self.cure = cure
        self.exit_code = exit_code


def of_perception(error: PerceptionError) -> CommandError:
    """The same as this command's error: a wrong name or catalogue is wrong usage."""
    wrong = isinstance(error, WrongNameError | CatalogueError)
    cure = error.cure or ("correct that file" if isinstance(error, CatalogueError) else "")
    return CommandError(str(error), cure, USAGE if wrong else FAILED)


def say(text: str = "") -> None:
    """One line of result. Raises CommandError where it cannot be written."""
    put(harmless(text) + "\n")


def harmless(text: str) -> str:
    """Without what a terminal would obey or show in another order: units, bundles and files from
    elsewhere have a say in our texts."""
    return _OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)


def put(text: str) -> None:
    """A result as it stands. Raises CommandError; BrokenPipeError where nobody reads on."""
    with _told():
        sys.stdout.write(text)


def finish() -> None:
    """What was said is with whoever reads it. Raises as `put`."""
    with _told():
        sys.stdout.flush()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_results()
        told = f"the result cannot be written: {error.strerror}"
        raise CommandError(told, "see that there is room where it goes") from error


def drop_results() -> None:
    """Nobody can have what was said: keep the interpreter from trying again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_what_is_closed() -> None:
    """Python has None for a closed stdin, stdout or stderr (`>&-`): nobody is there."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def note(text: str) -> None:
    """One line beside the result: progress, summary, advice; in the language of the computer."""
    sys.stderr.write(harmless(localized(text)) + "\n")


def complain(error: CommandError) -> None:
    note(tell("error: {text}", text=said(error)))
    if error.cure:
        note(tell("  → {cure}", cure=error.cure))
