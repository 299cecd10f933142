"""How wrong usage is told: one line with the cause, one with the way to the help."""

import argparse
import difflib
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias

from edge.cli.console import USAGE, CommandError, complain

# What argparse says (Python 3.11 to 3.14), and what is said instead.
CHOICE = re.compile(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)")
NO_NUMBER = re.compile(r"argument (\S+): invalid \S+ value: (.*)")
MISSING = "the following arguments are required: "
UNKNOWN = "unrecognized arguments: "


# What argparse calls the commands below a command; its class has no public name.
Parts: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Handler = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that takes no shortened options, and is short where something is wrong.

    Its subparsers are of the same kind: argparse makes them of the class of their parent.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False} | kwargs)

    # argparse's own types are wider (a namespace may be any object); only the runtime calls this.
    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse does, but each subcommand tells itself what it does not know."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(UNKNOWN + " ".join(unknown))
        return found, unknown

    def error(self, message: str) -> NoReturn:
        options = re.findall(r"(?<![\w-])--?[a-z][a-z-]*", self.format_usage())
        complain(CommandError(in_words(message, options), f"{self.prog} --help", USAGE))
        raise SystemExit(USAGE)


def in_words(message: str, options: Sequence[str]) -> str:
    """One of argparse's messages, with the near miss named."""
    if (match := CHOICE.fullmatch(message)) is not None:
        known = [word.strip("' ") for word in match[3].split(",")]
        return f"{match[1]}: there is no {match[2]!r}; {_meant(match[2], known)}"
    if (match := NO_NUMBER.fullmatch(message)) is not None:
        return f"{match[1]}: {match[2]} is no number"
    if message.startswith(MISSING):
        return f"missing: {message.removeprefix(MISSING)}"
    if message.startswith(UNKNOWN):
        first = message.removeprefix(UNKNOWN).split(" ")[0].partition("=")[0]
        near = difflib.get_close_matches(first, options, n=1)
        return f"{message}{f'; did you mean {near[0]}?' if near else ''}"
    return message.removeprefix("argument ")


def _meant(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there is: {', '.join(known)}"


def add_command(parts: Parts, name: str, told: str, text: str) -> argparse.ArgumentParser:
    """A command with a `text` of its own, which its help shows as it is written; `told` says in a
    line what it is for."""
    return parts.add_parser(
        name, help=told, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_part(
    parts: Parts, name: str, handler: Handler, told: str, text: str | None = None
) -> argparse.ArgumentParser:
    """One command below a command; `told` says in a line what it does, `text` may say more."""
    if text is None:
        parser = parts.add_parser(name, help=told, description=told[0].upper() + told[1:] + ".")
    else:
        parser = add_command(parts, name, told, text)
    parser.set_defaults(handler=handler)
    return parser


def share(text: str) -> float:
    """A score between 0 and 1, for `type=`."""
    value = float(text)  # argparse tells a ValueError as a wrong value
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def number_in(low: float, high: float) -> Callable[[str], float]:
    """A number within these bounds, both included, for `type=`."""

    def number(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not within {low:g}..{high:g}")
        return value

    return number


def tcp_port(text: str) -> int:
    """A port to listen on, 0 for any, for `type=`."""
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not a port, 0..65535")
    return port


def picture_size(text: str) -> tuple[int, int]:
    """Width and height of a model's input, written 416x416, for `type=`."""
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    sides = (int(match[1]), int(match[2])) if match else (0, 0)
    if any(side % 32 or not 32 <= side <= 4096 for side in sides):
        raise argparse.ArgumentTypeError(
            f"{text} is no size like 320x320: sides are multiples of 32, up to 4096"
        )
    return sides
