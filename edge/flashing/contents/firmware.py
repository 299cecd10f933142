"""Firmware in a bundle: handed to the flasher of boards, which has its own slots, trial and keys.

The bundle carries one signed package (`.pefw`); the bundle's own signatures say that this unit may
have it, the package's say what it is. Each board of the package's model gets it.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import ConfigError
from config.language import said, tell
from config.loading import load
from config.slots import FILES
from drivers.clock import SystemClock
from edge.bundles.reading import OpenedBundle
from edge.bundles.refusal import BundleError
from edge.flashing.unit import Unit
from edge.flashing.wish import Stage, Wish

if TYPE_CHECKING:
    from config.boards import BoardConfig
    from edge.firmware.borrowing import Loan
    from edge.firmware.package import Package

ENDING = ".pefw"
Tell = Callable[[Stage, str], None]


@dataclass(slots=True)
class _Heard:
    """A board's `Watch`, told on; the unit's loan is renewed meanwhile."""

    board: str
    loan: "Loan"
    tell: Tell

    def step(self, text: str) -> None:
        self.loan.renew()
        self.tell("tried", tell("board {board}: {text}", board=self.board, text=text))

    def sent(self, _done_bytes: int, _size_bytes: int) -> None:
        self.loan.renew()


def flash_boards(opened: OpenedBundle, unit: Unit, wish: Wish, heard: Tell) -> tuple[str, ...]:
    """Returns what became of each board. Raises BundleError with the state of the one at fault."""
    names = [file.name for file in opened.manifest.files]
    if len(names) != 1 or not names[0].endswith(ENDING):
        told = tell("firmware comes as one package, NAME{ending}", ending=ENDING)
        raise BundleError("malformed", told, tell("make it with `patrol-edge firmware sign`"))
    with tempfile.TemporaryDirectory(prefix="firmware-", dir=unit.folder) as folder:
        opened.unpack(Path(folder), lambda _done, _of: None)
        heard("unpacked", tell("the package is here, and is the one that was signed"))
        package, boards = _read(Path(folder) / FILES / names[0], unit)
        return tuple(
            _flashed(name, board, package, unit, wish, heard) for name, board in boards.items()
        )


def _read(path: Path, unit: Unit) -> "tuple[Package, dict[str, BoardConfig]]":
    """The package, and the boards that it is for. Raises BundleError."""
    from edge.firmware.package import PackageError, read_package
    from telemetry.commands.keyring import Keyring

    try:
        settings = load(unit.config).settings
        keyring = Keyring(settings.security.keyring or unit.state_dir / "keyring.json")
        package = read_package(path, keyring, SystemClock().utc())
    except ConfigError as error:
        raise BundleError("invalid_config", said(error)) from error
    except PackageError as error:
        raise BundleError(error.code, said(error), error.cure) from error
    model = package.manifest.model
    fitting = {name: each for name, each in settings.boards.items() if each.model == model}
    if not fitting:
        told = tell("this unit has no board of the model {model}", model=model)
        raise BundleError("wrong_unit", told, tell("name the board's model in the configuration"))
    return package, fitting


def _flashed(
    name: str, board: "BoardConfig", package: "Package", unit: Unit, wish: Wish, heard: Tell
) -> str:
    """Raises BundleError."""
    from edge.firmware.borrowing import NotLentError, borrowed
    from edge.firmware.flasher import Flasher, FlashError
    from edge.firmware.flasher import Wish as BoardWish
    from edge.firmware.ledger import Ledger, LedgerError

    flasher = Flasher(Ledger(unit.state_dir), SystemClock())
    try:
        with borrowed(unit.state_dir, name) as loan:
            watch = _Heard(name, loan, heard)
            outcome = flasher.flash(name, board, package, BoardWish(by=wish.by), watch)
    except NotLentError as error:
        code = "busy" if error.busy else "wrong_state"
        raise BundleError(code, _of_board(name, said(error)), error.cure) from error
    except FlashError as error:
        told = said(error)
        if error.state:
            told = tell("{text}; the board now: {state}", text=told, state=error.state)
        raise BundleError(error.code, _of_board(name, told), error.cure) from error
    except LedgerError as error:
        raise BundleError("storage", _of_board(name, said(error)), error.cure) from error
    return tell("board {board}: {version}, {end}", board=name, version=outcome.after,
                end=outcome.end)  # fmt: skip


def _of_board(name: str, text: str) -> str:
    return tell("board {board}: {text}", board=name, text=text)
