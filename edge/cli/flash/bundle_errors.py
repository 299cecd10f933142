"""A refused bundle, or a file that cannot be read, as an error of the command."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.language import tell
from edge.bundles.refusal import BundleError
from edge.cli.console import FAILED, USAGE, CommandError


@contextmanager
def told_as_errors(path: Path | None = None, exit_code: int = FAILED) -> Iterator[None]:
    """`path`: what the words are about, if they do not say so themselves."""
    try:
        yield
    except BundleError as error:
        text = error.text
        if path is not None:
            text = tell("{file}: {text}", file=path.name, text=text)
        raise CommandError(text, error.cure, exit_code) from error
    except FileNotFoundError as error:
        name = error.filename or path
        text = tell("there is no {file}", file=str(name))
        raise CommandError(text, tell("check the name"), USAGE) from error
    except OSError as error:
        text = tell("{file}: {why}", file=str(error.filename or path), why=error.strerror or error)
        raise CommandError(text, tell("choose another place"), USAGE) from error
