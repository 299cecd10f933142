"""What the firmware commands share: which boards, whose keys, the port, and a bar that moves."""

import argparse
import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from config.language import tell
from edge.cli.console import FAILED, USAGE, CommandError, note
from edge.cli.run import DEFAULT_CONFIG

if TYPE_CHECKING:
    from config.boards import BoardConfig
    from edge.firmware.borrowing import Loan
    from edge.firmware.flasher import Flasher
    from edge.firmware.package import Package

BENCH = "bench"  # what a board is called that stands in no unit file


def add_bench_options(parser: argparse.ArgumentParser) -> None:
    """Which boards there are, and how the answer is told."""
    add = parser.add_argument
    add("--config", type=Path, default=DEFAULT_CONFIG, help=f"the unit file ({DEFAULT_CONFIG})")
    add("--state-dir", type=Path, metavar="DIR", help="instead of the unit file's state_dir")
    add("--keyring", type=Path, metavar="FILE", help="instead of the unit's")
    add("--port", metavar="PORT", help="a board on the bench, instead of those of the unit file")
    add("--baud", type=int, default=115_200, metavar="BITS/S", help="its speed (%(default)s)")
    add("--json", action="store_true", help="the answer as JSON")


def add_wait_options(parser: argparse.ArgumentParser) -> None:
    """For commands that take a board from the running unit."""
    parser.add_argument(
        "--when-idle",
        type=float,
        nargs="?",
        const=8 * 3600.0,
        default=0.0,
        metavar="S",
        help="while the unit is active, wait for so long; without a number: 8 hours",
    )


@dataclass(frozen=True, slots=True)
class Bench:
    """The boards that a command is about, and what it needs for them."""

    boards: "dict[str, BoardConfig]"
    state_dir: Path
    keyring: Path
    wait_s: float
    in_unit: bool  # false: on the bench, and no unit is asked

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Bench":
        """Raises ConfigError, CommandError."""
        wait_s = getattr(args, "when_idle", 0.0)
        if args.port is not None:
            folder = args.state_dir or Path.home() / ".local/state/patrol-edge"
            board = board_at(args.port, args.baud)
            keyring = args.keyring or folder / "keyring.json"
            return cls({BENCH: board}, folder, keyring, wait_s, in_unit=False)
        from config.loading import load

        settings = load(args.config).settings
        folder = args.state_dir or settings.state_dir
        keyring = args.keyring or settings.security.keyring or folder / "keyring.json"
        return cls(settings.boards, folder, keyring, wait_s, in_unit=True)

    def flasher(self) -> "Flasher":
        from drivers.clock import SystemClock
        from edge.firmware.flasher import Flasher
        from edge.firmware.ledger import Ledger

        return Flasher(Ledger(self.state_dir), SystemClock())

    def one(self, name: str | None) -> str:
        """The board that is meant. Raises CommandError."""
        if name is None and len(self.boards) == 1:
            return next(iter(self.boards))
        if name is None or name not in self.boards:
            known = ", ".join(self.boards) or "none"
            told = "which board?" if name is None else f"there is no board {name}"
            raise CommandError(told, f"in the unit file there is: {known}; or give --port", USAGE)
        return name

    def package(self, path: Path) -> "Package":
        """Raises CommandError for one that must not be flashed."""
        from datetime import UTC, datetime

        from edge.firmware.package import PackageError, read_package
        from telemetry.commands.keyring import Keyring

        keyring = Keyring(self.keyring)
        try:
            return read_package(path, keyring, datetime.now(UTC))
        except PackageError as error:
            if keyring.is_unusable:
                why = keyring.fault or f"there is no keyring {self.keyring}"
                cure = keyring.cure or "patrol-edge keys install KEY.pub --role technician"
                raise CommandError(f"{error} ({why})", cure, USAGE) from error
            raise CommandError(str(error), error.cure, USAGE) from error

    @contextmanager
    def borrowed(self, name: str) -> "Iterator[Loan | None]":
        """The board's port, taken from the running unit. Raises CommandError."""
        if not self.in_unit:
            yield None
            return
        from edge.firmware.borrowing import NotLentError, borrowed

        told = set[str]()

        def waiting(why: str) -> None:
            if why not in told:
                note(tell("{why}; waiting", why=why))
                told.add(why)

        try:
            with borrowed(self.state_dir, name, self.wait_s, waiting) as loan:
                yield loan
        except NotLentError as error:
            raise CommandError(tell("{name}: {text}", name=name, text=error), error.cure) from error


def board_at(port: str, baud: int) -> "BoardConfig":
    """One that stands in no unit file. Raises CommandError."""
    from config.boards import BoardConfig

    try:
        return BoardConfig(port=port, baud=baud)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        told = f"--{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}"
        raise CommandError(told, "patrol-edge devices shows the ports", USAGE) from error


def told_by() -> str:
    """Who does it, for the ledger."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


@contextmanager
def in_words() -> Iterator[None]:
    """What flashing raises, as this command's error, with the state that the board is in."""
    from edge.firmware.flasher import FlashError
    from edge.firmware.ledger import LedgerError

    try:
        yield
    except FlashError as error:
        if error.state:
            note(f"the board now: {error.state}")
        wrong = error.code in ("invalid_arguments", "replayed")
        raise CommandError(str(error), error.cure, USAGE if wrong else FAILED) from error
    except LedgerError as error:
        raise CommandError(str(error), error.cure) from error


class Bar:
    """A `Watch` for people: what is done now, and a bar with rate and time left."""

    def __init__(self, name: str, loan: "Loan | None", *, quiet: bool = False) -> None:
        self._name = name
        self._loan = loan
        self._quiet = quiet
        console = Console(file=sys.stderr)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            disable=quiet or not console.is_terminal,
        )
        self._task = self._progress.add_task(name, total=None)

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def step(self, text: str) -> None:
        if self._loan is not None:
            self._loan.renew()
        if not self._quiet:
            note(f"{self._name}: {text}")

    def sent(self, done_bytes: int, size_bytes: int) -> None:
        if self._loan is not None:
            self._loan.renew()
        self._progress.update(self._task, completed=done_bytes, total=size_bytes)
