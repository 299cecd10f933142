"""One package to one board, by whatever way the board takes it; and what the board is in then."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from config.boards import BoardConfig
from drivers.base import DriverError
from drivers.clock import Clock
from edge.firmware.fitness import Downgrade, check_age, check_board
from edge.firmware.ledger import Entry, Ledger
from edge.firmware.package import Package, PackageError
from firmware_bridge.management.board import Board, Identity, active, spare
from firmware_bridge.management.dfu import DfuBoard
from firmware_bridge.management.errors import ManagementError
from firmware_bridge.management.esp32 import Esp32
from firmware_bridge.management.flashing import PLUG_WITHIN_S, Flashing, RevertedError, Watch
from firmware_bridge.management.replies import Slot
from firmware_bridge.management.smp import SmpLine
from firmware_bridge.runtime.port import open_port
from telemetry.contract.wire_types import text


class FlashError(Exception):
    """It was not done. `code` is a code of the wire; `state` what the board is in now."""

    def __init__(self, code: str, text: str, cure: str = "", state: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.cure = cure
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a flash ended."""

    board: str
    end: str  # confirmed, on_trial, unchanged
    before: str | None
    after: str
    size_bytes: int
    sent_bytes: int  # less, where it went on from an earlier try
    took_s: float
    interruptions: int


@dataclass(frozen=True, slots=True)
class Found:
    """A board that was asked."""

    identity: Identity
    images: tuple[Slot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How it shall be done."""

    by: str
    confirm: bool = True
    downgrade: Downgrade | None = None
    plug_within_s: float = PLUG_WITHIN_S  # how long a pulled plug is waited for
    dry_run: bool = False  # check all, change nothing


@dataclass(frozen=True, slots=True)
class Flasher:
    """For the boards of one unit. Used by one thread at a time."""

    ledger: Ledger
    clock: Clock
    pause: Callable[[float], None] = time.sleep

    # --- looking ---

    def look(self, name: str, config: BoardConfig) -> Found:
        """Raises FlashError."""
        with _told(name):
            board = _open(config)
            try:
                return Found(board.identity(), board.images())
            finally:
                board.close()

    def check(self, name: str, config: BoardConfig, package: Package, wish: Wish) -> str | None:
        """What the board runs. Raises FlashError if the package must not go there."""
        found = self.look(name, config) if config.update == "smp" else None
        running = active(found.images).version if found is not None else None
        try:
            check_board(package.manifest, found.identity if found else None, name, config)
            known = self.ledger.serial_of(name, package.manifest.model)
            check_age(package.manifest, known, running, wish.downgrade)
        except PackageError as error:
            raise FlashError(error.code, str(error), error.cure, _unchanged(running)) from error
        return running

    # --- doing ---

    def flash(
        self, name: str, config: BoardConfig, package: Package, wish: Wish, watch: Watch
    ) -> Outcome:
        """Raises FlashError, LedgerError."""
        running = self.check(name, config, package, wish)
        if wish.dry_run:
            return self._outcome(name, "would_flash", running, package)
        try:
            outcome = self._flashed(name, config, package, wish, watch)
        except FlashError as error:
            end = "reverted" if error.code == "reverted" else "failed"
            self._note(name, package, wish, running, end, str(error))
            raise
        self._note(name, package, wish, outcome.before or running, outcome.end)
        return outcome

    def confirm(self, name: str, config: BoardConfig, by: str, watch: Watch) -> Slot:
        """Raises FlashError, LedgerError."""
        with self._flashing(name, config, watch) as flashing:
            running = flashing.confirm()
        self.ledger.settle(name, running.version, self.clock.utc(), by, "confirmed")
        return running

    def roll_back(self, name: str, config: BoardConfig, by: str, watch: Watch) -> Slot:
        """Raises FlashError, LedgerError."""
        with self._flashing(name, config, watch) as flashing:
            running = flashing.roll_back()
        self.ledger.settle(name, running.version, self.clock.utc(), by, "rolled_back")
        return running

    @contextmanager
    def open(self, name: str, config: BoardConfig) -> Iterator[Board]:
        """The board, for its settings. Raises FlashError."""
        with _told(name):
            board = _open(config)
            try:
                yield board
            finally:
                board.close()

    # --- its parts ---

    def _flashed(
        self, name: str, config: BoardConfig, package: Package, wish: Wish, watch: Watch
    ) -> Outcome:
        if package.image is None:
            return self._written_over(name, config, package, watch)
        data = package.files[package.manifest.files[0].name]
        begun_s = self.clock.mono_s()
        with self._flashing(name, config, watch, wish.plug_within_s) as flashing:
            done = flashing.flash(data, package.image, confirm=wish.confirm)
        sent = done.sent
        return Outcome(
            board=name,
            end=done.end,
            before=done.before,
            after=done.after,
            size_bytes=len(data),
            sent_bytes=0 if sent is None else sent.size_bytes - sent.resumed_at,
            took_s=self.clock.mono_s() - begun_s,
            interruptions=done.interruptions,
        )

    def _written_over(
        self, name: str, config: BoardConfig, package: Package, watch: Watch
    ) -> Outcome:
        """A board without a second slot, by another program."""
        manifest, begun_s = package.manifest, self.clock.mono_s()
        with tempfile.TemporaryDirectory(prefix="firmware-") as folder, _told(name):
            parts: dict[int, tuple[Path, int]] = {}
            for file in manifest.files:
                path = Path(folder) / file.name
                path.write_bytes(package.files[file.name])
                parts[file.address or 0] = (path, file.size_bytes)
            if manifest.kind == "esp32":
                Esp32(port=config.port, chip=manifest.chip or "auto").flash(parts, watch)
            else:
                DfuBoard(usb=manifest.usb or "", serial=config.serial).flash(parts, watch)
        total = sum(file.size_bytes for file in manifest.files)
        return Outcome(
            board=name,
            end="confirmed",
            before=None,
            after=manifest.version,
            size_bytes=total,
            sent_bytes=total,
            took_s=self.clock.mono_s() - begun_s,
            interruptions=0,
        )

    @contextmanager
    def _flashing(
        self, name: str, config: BoardConfig, watch: Watch, plug_within_s: float = PLUG_WITHIN_S
    ) -> Iterator[Flashing]:
        flashing = Flashing(
            lambda: _open(config),
            watch,
            mono_s=self.clock.mono_s,
            pause=self.pause,
            plug_within_s=plug_within_s,
        )
        try:
            with _told(name, lambda: self._state(name, config)):
                yield flashing
        finally:
            flashing.close()

    def _state(self, name: str, config: BoardConfig) -> str:
        """After a failure, if the board can be asked."""
        with suppress(FlashError):
            return state_words(self.look(name, config).images)
        return (
            "the board could not be asked; whatever was cut off, it starts its old image, or the "
            "new one on trial"
        )

    def _outcome(self, name: str, end: str, running: str | None, package: Package) -> Outcome:
        return Outcome(
            board=name,
            end=end,
            before=running,
            after=package.manifest.version,
            size_bytes=sum(file.size_bytes for file in package.manifest.files),
            sent_bytes=0,
            took_s=0.0,
            interruptions=0,
        )

    def _note(
        self,
        name: str,
        package: Package,
        wish: Wish,
        before: str | None,
        end: str,
        words: str = "",
    ) -> None:
        entry = Entry(
            at=self.clock.utc(),
            board=name,
            before=before,
            after=package.manifest.version,
            serial=package.manifest.serial,
            by=wish.by,
            end=end,
            downgrade_reason=wish.downgrade.reason if wish.downgrade else "",
            text=text(words),
        )
        self.ledger.note(entry, package.manifest.model)


def state_words(images: tuple[Slot, ...]) -> str:
    """What a board is in, for a technician."""
    running, other = active(images), spare(images)
    told = f"it runs {running.version}, " + ("confirmed" if running.confirmed else "on trial")
    if not running.confirmed:
        return f"{told}: unless it is confirmed, its next start goes back"
    if other is not None and other.pending:
        return f"{told}; {other.version} starts at its next reset, on trial"
    if other is not None:
        return f"{told}; {other.version} lies in its other slot"
    return f"{told}; its other slot is empty, or holds a part of an image, which it never starts"


def _unchanged(running: str | None) -> str:
    return "nothing was changed" + (f": it runs {running}" if running else "")


def _open(config: BoardConfig) -> Board:
    return Board(SmpLine(open_port(config.port, config.baud)))


@contextmanager
def _told(name: str, state: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Whatever a board or its port raises, as FlashError."""
    try:
        yield
    except RevertedError as error:
        raise FlashError("reverted", f"{name}: {error}", error.cure, state()) from error
    except ManagementError as error:
        raise FlashError("device", f"{name}: {error}", error.cure, state()) from error
    except DriverError as error:
        cure = "put its plug back in and flash again: it goes on where it was, or starts anew"
        raise FlashError("device_lost", f"{name}: {error}", cure, state()) from error
