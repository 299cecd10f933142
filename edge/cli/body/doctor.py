"""`patrol-edge doctor`: is this unit fit for work, and if not, what to do about it."""

import argparse
import json
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from config.language import halves, said
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.parser import add_command, number_in
from edge.cli.run import DEFAULT_CONFIG

if TYPE_CHECKING:
    from rich.console import Console

    from config.errors import Problem
    from config.loading import Loaded
    from edge.doctor.case import Case
    from edge.doctor.examination import Waiting
    from edge.doctor.line import Line

HELP = """\
Looks at each part of the unit and says OK, WARN or FAULT, and what to do. Beside a running unit it
asks that for what it holds open, and opens nothing twice. Shines and speaks only with --exercise.

  sudo patrol-edge doctor
  patrol-edge doctor --config unit.yaml --only gnss,cameras --watch
  sudo patrol-edge doctor --html doctor.html --collect car-7.tar.gz
  patrol-edge doctor --json | jq '.lines[] | select(.state == "fault")'

WARN: it works, and somebody should see to it. FAULT: it does not do what it is for.

Exit codes: 0 no fault (warnings there may be), 1 faults, 2 wrong usage, or a wrong unit file.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "doctor", "look at each part of the unit: OK, or what to do", HELP
    )
    add = parser.add_argument
    add("--config", type=Path, default=DEFAULT_CONFIG, help=f"the unit file ({DEFAULT_CONFIG})")
    add("--only", metavar="GROUP,...", help="these groups; see the headings of its output")
    add("--json", action="store_true", help="one JSON object; with --watch one a round")
    add(
        "--watch",
        type=number_in(1, 3600),
        nargs="?",
        const=5.0,
        metavar="S",
        help="again and again, so many seconds apart (5), until Ctrl-C",
    )
    add("--html", type=Path, metavar="FILE", help="a page as well, with pictures, to send or print")
    add("--collect", type=Path, metavar="FILE.tar.gz", help="diagnostics to send home, blanked")
    add("--limit", type=number_in(1, 600), default=40.0, metavar="S", help="for a group (40)")
    add("--exercise", action="store_true", help="lights shine for a second; asks before it does")
    add("--yes", action="store_true", help="with --exercise: it was asked already")
    # For looking at another computer's tree, and for tests.
    add("--sys", type=Path, default=Path("/sys"), help=argparse.SUPPRESS)
    add("--proc", type=Path, default=Path("/proc"), help=argparse.SUPPRESS)
    parser.set_defaults(handler=doctor)


def doctor(args: argparse.Namespace) -> int:
    """Raises ConfigError for a wrong unit file, CommandError."""
    from edge.doctor.examination import GROUPS

    groups = _groups(args.only, tuple(GROUPS))
    _quiet_log()
    case = _case(args)
    if case.exercise and not args.yes:
        _ask_first()
    code = _round(case, groups, args)
    while args.watch is not None:
        try:
            threading.Event().wait(args.watch)
        except KeyboardInterrupt:
            break
        case = _case(args)
        code = _round(case, groups, args)
    return code


def _round(case: "Case", groups: Sequence[str], args: argparse.Namespace) -> int:
    """One examination, told."""
    from rich.console import Console

    from edge.cli.body.doctor_view import shown, style_of, summary
    from edge.doctor.examination import examine
    from edge.doctor.report import as_json

    console = Console(highlight=False, soft_wrap=True)
    whole = args.only is None
    with _progress(console, shown=not args.json) as waiting:
        lines: Iterable[Line] = examine(case, groups, waiting)
        if args.watch is not None:
            lines = list(lines)  # the last round stands until this one is known
        if args.json:
            told = list(lines)
            say(json.dumps(as_json(case, told)))
        else:
            told = list(shown(console, case, lines, clear=args.watch is not None))
            console.print(f"\n{summary(told, whole=whole)}", style=style_of(told), markup=False)
    if args.html is not None:
        _write_page(case, told, args.html, whole=whole)
    if args.collect is not None:
        _collect(case, told, args.collect, whole=whole)
    if case.wrong:
        return USAGE
    return FAILED if any(line.state == "fault" for line in told) else DONE


def _write_page(case: "Case", lines: Sequence["Line"], path: Path, *, whole: bool) -> None:
    """Raises CommandError."""
    from edge.doctor.archive import write_for_asker
    from edge.doctor.page import page

    try:
        write_for_asker(path, page(case, lines, whole=whole))
    except OSError as error:
        raise _unwritten(path, error) from error
    note(f"the page is in {path}")


def _collect(case: "Case", lines: Sequence["Line"], path: Path, *, whole: bool) -> None:
    """Raises CommandError."""
    from config.language import localized, tell
    from edge.doctor import archive
    from edge.doctor.collecting import blanking_of, members

    def progress(name: str) -> None:
        note(localized(tell("collected: {name}", name=name)))

    blanking, now = blanking_of(case), case.host.clock.utc()
    parts = members(case, lines, blanking, whole=whole)
    try:
        packed = archive.write(path, case.settings.unit.id, now, parts, blanking, progress)
    except OSError as error:
        raise _unwritten(path, error) from error
    note(localized(archive.told(path, packed)))


def _unwritten(path: Path, error: OSError) -> CommandError:
    text = f"{path} cannot be written: {error.strerror}"
    return CommandError(text, "name a file in a folder that is there", USAGE)


def _groups(only: str | None, known: Sequence[str]) -> Sequence[str]:
    """Raises CommandError for one that there is not."""
    if only is None:
        return known
    wanted = [name.strip() for name in only.split(",") if name.strip()]
    strange = [name for name in wanted if name not in known]
    if strange or not wanted:
        text = f"--only: there is no group {strange[0]!r}" if strange else "--only names nothing"
        raise CommandError(text, f"there are: {', '.join(known)}", USAGE)
    return wanted


def _case(args: argparse.Namespace) -> "Case":
    from drivers.plugged.tree import Tree
    from edge.doctor.case import Case
    from edge.doctor.host import Host
    from edge.doctor.pictures import Pictures
    from edge.doctor.running_unit import RunningUnit, UnitSilentError

    loaded, wrong = _loaded(args.config)
    host = Host(tree=Tree(args.sys, Path("/dev")), proc=args.proc)
    try:
        unit = RunningUnit.find(loaded.settings.state_dir)
    except UnitSilentError as error:
        text, cure = halves(said(error))
        raise CommandError(text, cure or "sudo systemctl restart patrol-edge") from error
    return Case(
        file=args.config,
        loaded=loaded,
        host=host,
        unit=unit,
        limit_s=args.limit,
        wrong=wrong,
        exercise=args.exercise,
        pictures=None if args.html is None else Pictures(loaded.settings),
    )


def _loaded(file: Path) -> "tuple[Loaded, tuple[Problem, ...]]":
    """As the unit itself takes it: a wrong one is used as far as it goes. Raises ConfigError."""
    from config.errors import ConfigError
    from config.loading import load
    from config.safe import usable

    try:
        return load(file), ()
    except ConfigError as error:
        found = usable(file)
        if found is None:
            raise
        return found, tuple(error.problems)


def _quiet_log() -> None:
    """What drivers and workers log goes to stderr, and only what is worse than a warning: each
    fault has a line of its own here."""
    from config.models import LoggingConfig
    from edge.running import log

    log.set_up(LoggingConfig(level="error", format="console"))


def _ask_first() -> None:
    """Raises CommandError where nobody is there to be asked, or the answer is no."""
    if not sys.stdin.isatty():
        raise CommandError("--exercise asks first, and nobody is there", "add --yes", USAGE)
    note(
        "Lights will shine, relays will switch and loudspeakers will sound for a second each. "
        "Is everybody clear? [y/N]"
    )
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError("nothing was switched", "answer y when everybody is clear")


@contextmanager
def _progress(console: "Console", *, shown: bool) -> Iterator["Waiting"]:
    """Says on the terminal whom the doctor still waits for."""
    if not shown or not console.is_terminal:
        yield lambda _names: None
        return
    with console.status("looking around") as status:

        def tell(names: Sequence[str]) -> None:
            status.update(f"waiting for {', '.join(names)}" if names else "looking around")

        yield tell
