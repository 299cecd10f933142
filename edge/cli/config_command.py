"""`patrol-edge config`: check a unit file, show what applies, make a new one, compare two."""

import argparse
import functools
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from config.checking import checked_text
from config.errors import ConfigError, Problem
from config.host_files import HOST_FILES
from config.language import tell
from config.loading import DEFAULT_FILE, Loaded, load
from config.models import Settings
from config.schema import FILE_NAME, schema_text
from config.shape import Leaf, at_path, shape_of
from config.showing import as_json, as_yaml
from config.template import NewUnit, unit_file
from config.wording import counted, enumerated, listed
from config.writing import write_atomically
from edge.cli import config_diff, config_migrate
from edge.cli.console import DONE, USAGE, CommandError, note, put, say
from edge.unit_file.looking import looked_into

HUB_DEFAULT = "mqtt://localhost:1883"
STDOUT = "-"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("config", help="check, show or make a unit's configuration")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _register_readers(actions)
    actions.add_parser(
        "schema", help="print the JSON Schema of the unit file, for editors"
    ).set_defaults(handler=schema)
    _register_init(actions)
    config_diff.register(actions)
    config_migrate.register(actions)


def _register_readers(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    for name, handler, text in (
        ("check", check, "say everything that is wrong with a unit file, with the cure"),
        ("show", show, "print every setting that applies, and where it was set"),
    ):
        parser = actions.add_parser(name, help=text, description=text)
        parser.add_argument(
            "file", nargs="?", type=Path, default=DEFAULT_FILE, metavar="FILE",
            help="default: %(default)s",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.set_defaults(handler=handler)


def _register_init(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "make a commented unit file; asks on a terminal for what is not given"
    parser = actions.add_parser("init", help=text, description=text)
    parser.add_argument("--profile", metavar="P", help=listed(profiles()))
    parser.add_argument("--unit-id", metavar="ID", help="a-z, 0-9 and -, at most 32")
    parser.add_argument("--output", metavar="FILE", help="the file to make; - for stdout")
    parser.add_argument("--hub", metavar="URL", help=f"the broker; default: {HUB_DEFAULT}")
    parser.add_argument(
        "--schema", action="store_true", help=f"also write {FILE_NAME} beside it, for editors"
    )
    parser.add_argument("--force", action="store_true", help="overwrite what is there")
    parser.set_defaults(handler=init)


# --- check, show, schema ---------------------------------------------------------------------


def check(args: argparse.Namespace) -> int:
    """Every problem of the file on stdout, a summary on stderr."""
    loaded: Loaded | None = None
    try:
        loaded = load(args.file)
        problems: list[Problem] = sorted(
            [*loaded.warnings, *looked_into(loaded, args.file)],
            key=lambda item: (item.source == "environment", item.line, item.column),
        )
    except ConfigError as error:
        problems = error.problems
    right = all(problem.severity == "warning" for problem in problems)
    if args.json:
        found = [asdict(problem) for problem in problems]
        digest = loaded.digest if loaded else None
        flashed = as_json(loaded)["flashed"] if loaded else {}
        say(json.dumps({"ok": right, "digest": digest, "flashed": flashed, "problems": found}))
    else:
        for problem in problems:
            say(problem.localized())
    if problems:
        note(tell("{file}: {tally}", file=args.file.name, tally=tally(problems)))
    if loaded and right:
        note(tell("ok: {unit}", unit=summary(loaded)))
        for line in flashed_lines(loaded):
            note(line)
    return DONE if right else USAGE


def tally(problems: list[Problem]) -> str:
    """`3 errors, 1 warning`."""
    errors = sum(problem.severity == "error" for problem in problems)
    counts = ((errors, "error"), (len(problems) - errors, "warning"))
    return enumerated(counted(number, thing) for number, thing in counts if number)


def summary(loaded: Loaded) -> str:
    """The unit in one line."""
    settings = loaded.settings
    parts = [counted(len(settings.gnss), "receiver"), counted(len(settings.cameras), "camera")]
    for items, thing in ((settings.microphones, "microphone"), (settings.rules, "rule")):
        parts += [counted(len(items), thing)] if items else []
    return tell(
        "{id}, {kind}, {parts} → {hub}",
        id=settings.unit.id,
        kind=settings.unit.kind,
        parts=enumerated(parts),
        hub=settings.hub.url,
    )


def flashed_lines(loaded: Loaded) -> list[str]:
    """What of the configuration was flashed, a line each."""
    return [
        tell("flashed {lane}: {name}, serial {serial}", lane=lane, name=it.name, serial=it.serial)
        for lane, it in loaded.flashed.items()
    ]


def show(args: argparse.Namespace) -> int:
    """The effective configuration on stdout."""
    loaded = load(args.file)
    if args.json:
        say(json.dumps(as_json(loaded)))
    else:
        put(as_yaml(loaded))
    for warning in loaded.warnings:
        note(warning.localized())
    return DONE


def schema(_args: argparse.Namespace) -> int:
    put(schema_text())
    return DONE


# --- init ------------------------------------------------------------------------------------


def profiles() -> tuple[str, ...]:
    """The kinds of unit there are."""
    kind = at_path(shape_of(Settings), ("unit", "kind"))
    return kind.choices if isinstance(kind, Leaf) else ()


def init(args: argparse.Namespace) -> int:
    """Write a new unit file."""
    ask = Asker(interactive=sys.stdin.isatty())
    kind = ask.value(args.profile, "--profile", listed(profiles()), at("unit.kind"))
    unit_id = ask.value(args.unit_id, "--unit-id", "e.g. dog-01", at("unit.id"))
    default = str(DEFAULT_FILE) if ask.interactive else None
    output = ask.value(args.output, "--output", "a path; - for stdout", not_empty, default)
    hub = ask.value(args.hub, "--hub", "address of the hub's broker", at("hub.url"), HUB_DEFAULT)
    ask.refuse_missing()
    unit = NewUnit(unit_id=unit_id, kind=kind, hub_url=hub, with_schema=args.schema)
    if output == STDOUT:
        return _print(unit, with_schema=args.schema)
    return _write_new(Path(output), unit, force=args.force)


def _print(unit: NewUnit, *, with_schema: bool) -> int:
    if with_schema:
        raise CommandError("--schema needs a file to stand beside", "give --output FILE", USAGE)
    put(unit_file(unit, HOST_FILES))
    return DONE


def _write_new(output: Path, unit: NewUnit, *, force: bool) -> int:
    writes = {output: unit_file(unit, HOST_FILES)}
    if unit.with_schema:
        writes[output.parent / FILE_NAME] = schema_text()
    for path, text in writes.items():
        refuse_to_lose(path, text, force=force)
    for path, text in writes.items():
        write(path, text)
    note(f"next: add the devices to {output}, then: patrol-edge config check {output}")
    return DONE


def at(path: str) -> Callable[[str], str]:
    """A check with the same words as the check of a file, for a value at this path."""
    return functools.partial(checked_text, tuple(path.split(".")))


def not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; write a path")
    return text


class Asker:
    """Takes a value from a flag, else from the person at the terminal, else gives up."""

    def __init__(self, *, interactive: bool) -> None:
        self.interactive = interactive
        self._missing: list[tuple[str, str]] = []  # flags, and what they want

    def value(
        self,
        given: str | None,
        flag: str,
        wanted: str,
        checked: Callable[[str], str],
        default: str | None = None,
    ) -> str:
        """The checked value; "" where nobody can be asked. Raises CommandError if it is wrong."""
        if given is not None:
            try:
                return checked(given)
            except ValueError as error:
                raise CommandError(f"{flag}: {error}", exit_code=USAGE) from None
        if not self.interactive:
            if default is None:
                self._missing.append((flag, wanted))
            return default or ""
        return self._asked(f"{flag[2:].replace('-', ' ')} ({wanted})", checked, default)

    def refuse_missing(self) -> None:
        """Raises CommandError with every flag that was not given and could not be asked for."""
        if self._missing:
            flags = listed((flag for flag, _ in self._missing), "and")
            cure = listed((f"{flag} ({wanted})" for flag, wanted in self._missing), "and")
            raise CommandError(f"missing: {flags}", f"add {cure}", USAGE)

    @staticmethod
    def _asked(question: str, checked: Callable[[str], str], default: str | None) -> str:
        while True:
            sys.stderr.write(f"{question}{f' [{default}]' if default else ''}: ")
            sys.stderr.flush()
            line = sys.stdin.readline()
            if not line:
                raise CommandError("no answer", "give it as a flag; see --help", USAGE)
            answer = line.strip() or default or ""
            try:
                return checked(answer)
            except ValueError as error:
                note(f"  {error}")


def refuse_to_lose(path: Path, text: str, *, force: bool) -> None:
    """Raises CommandError where a file would be overwritten that is not the same."""
    if path.is_dir():
        raise CommandError(f"{path} is a folder", f"write {path / 'unit.yaml'}", USAGE)
    if force or not path.exists():
        return
    try:
        same = path.read_text() == text
    except (OSError, UnicodeDecodeError):
        same = False
    if not same:
        raise CommandError(f"{path} is there already", "another --output, or --force", USAGE)


def write(path: Path, text: str) -> None:
    """Write one file. Raises CommandError."""
    try:
        write_atomically(path, text)
    except FileNotFoundError:
        cure = f"make its folder: mkdir -p {path.parent}"
        raise CommandError(f"{path} cannot be written: there is no such folder", cure) from None
    except PermissionError:
        raise CommandError(
            f"{path} may not be written by this user", "run as root (sudo)"
        ) from None
    except OSError as error:
        cure = "give another --output"
        raise CommandError(f"{path} cannot be written: {error.strerror}", cure) from None
    say(str(path))
