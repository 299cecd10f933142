"""What was flashed to which board, by whom: a small file in the state folder.

It remembers the highest serial that each board ever ran confirmed, so that an old package cannot be
played back, and which image is still on trial.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from telemetry.commands.files import one_at_a_time, replace
from telemetry.contract.wire_types import UtcTime

FILE = "firmware.json"
MOST_ENTRIES = 200
MODE = 0o600


class LedgerError(Exception):
    """The file cannot be read or written; `cure` says what to do."""

    def __init__(self, text: str, cure: str) -> None:
        super().__init__(text)
        self.cure = cure


class _Stored(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class BoardRecord(_Stored):
    """What is known of one board of the unit file."""

    model: str
    version: str  # what it was given last
    serial: int = 0  # the highest that it ran confirmed
    on_trial: bool = False


class Entry(_Stored):
    """One flash, however it ended."""

    at: UtcTime
    board: str
    before: str | None
    after: str
    serial: int
    by: str
    end: str  # confirmed, on_trial, unchanged, reverted, failed, rolled_back
    downgrade_reason: str = ""
    text: str = ""


class LedgerFile(_Stored):
    boards: dict[str, BoardRecord] = Field(default_factory=dict)
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """The file of one state folder. Several processes may use it."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / FILE

    def read(self) -> LedgerFile:
        """Raises LedgerError."""
        try:
            return LedgerFile.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return LedgerFile()
        except ValidationError as error:
            cure = f"move {self.path} away; every package is a first one then"
            raise LedgerError(f"{self.path} is damaged", cure) from error
        except OSError as error:
            raise _refused(self.path, error) from error

    def serial_of(self, board: str, model: str) -> int:
        """The highest that this board ran confirmed; 0 of one that is new here."""
        known = self.read().boards.get(board)
        return known.serial if known is not None and known.model == model else 0

    def note(self, entry: Entry, model: str) -> None:
        """Remember how a flash ended. Raises LedgerError."""

        def with_it(file: LedgerFile) -> LedgerFile:
            return LedgerFile(
                boards=file.boards | _boards_after(file, entry, model),
                entries=(*file.entries, entry)[-MOST_ENTRIES:],
            )

        self._change(with_it)

    def settle(self, board: str, version: str, at: datetime, by: str, end: str) -> None:
        """What was on trial was confirmed or went back. Raises LedgerError."""

        def settled(file: LedgerFile) -> LedgerFile:
            known = file.boards.get(board)
            entry = Entry(at=at, board=board, before=None, after=version, serial=0, by=by, end=end)
            boards = dict(file.boards)
            if known is not None:
                serial = known.serial
                if end == "confirmed" and known.version == version:
                    serial = max(serial, _last_serial(file, board, version))
                boards[board] = BoardRecord(model=known.model, version=version, serial=serial)
            return LedgerFile(boards=boards, entries=(*file.entries, entry)[-MOST_ENTRIES:])

        self._change(settled)

    def _change(self, change: Callable[[LedgerFile], LedgerFile]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with one_at_a_time(self.folder):
                changed = change(self.read())
                replace(self.path, changed.model_dump_json(indent=1).encode() + b"\n", MODE)
        except OSError as error:
            raise _refused(self.path, error) from error


def _boards_after(file: LedgerFile, entry: Entry, model: str) -> dict[str, BoardRecord]:
    known = file.boards.get(entry.board)
    serial = known.serial if known is not None and known.model == model else 0
    if entry.end in ("confirmed", "unchanged"):
        # After a downgrade that was allowed, the same package must stay good.
        serial = entry.serial if entry.downgrade_reason else max(serial, entry.serial)
    elif entry.end != "on_trial":
        return {}
    record = BoardRecord(
        model=model, version=entry.after, serial=serial, on_trial=entry.end == "on_trial"
    )
    return {entry.board: record}


def _last_serial(file: LedgerFile, board: str, version: str) -> int:
    """Of the package that brought this version."""
    serials = [e.serial for e in file.entries if e.board == board and e.after == version]
    return serials[-1] if serials else 0


def _refused(path: Path, error: OSError) -> LedgerError:
    told = f"{path} cannot be used: {error.strerror or error}"
    return LedgerError(told, "run it with sudo, or as the service's user")
