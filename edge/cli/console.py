"""What every command shares: exit codes, and how it speaks to a person.

Results go to stdout, so that they can be piped; everything else goes to stderr.
"""

import sys

from perception.errors import CatalogueError, PerceptionError, WrongNameError

DONE = 0
FAILED = 1  # the work itself failed
USAGE = 2  # wrong usage or configuration


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
    """One line of result."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """One line beside the result: progress, summary, advice."""
    sys.stderr.write(text + "\n")


def complain(error: CommandError) -> None:
    note(f"error: {error}")
    if error.cure:
        note(f"  → {error.cure}")
