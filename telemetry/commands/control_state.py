"""Who commands the unit, and the latest time it has known: a small file that outlives a reboot."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from telemetry.commands.files import FileRefusedError, read_guarded, replace
from telemetry.contract.wire_types import Message, Short, UtcTime

Commander = Literal["hub", "local"]


class ControlFile(Message):
    """The file, as it is written."""

    commander: Commander = "hub"
    by: Short | None = None  # who took or returned control
    since: UtcTime | None = None
    latest: UtcTime | None = None  # the latest trusted time


@dataclass(slots=True)
class ControlState:
    """The file and what it says. Any thread."""

    path: Path
    now: ControlFile
    fault: str | None
    _lock: threading.Lock

    @classmethod
    def load(cls, path: Path) -> "ControlState":
        """A file that is damaged or missing puts the hub in command. Never raises."""
        fault = None
        try:
            found = ControlFile.model_validate_json(read_guarded(path), strict=True)
        except FileNotFoundError:
            found = ControlFile()
        except FileRefusedError as error:
            found, fault = ControlFile(), str(error)
        except ValidationError:
            found, fault = ControlFile(), f"{path} is not as it was written"
        return cls(path=path, now=found, fault=fault, _lock=threading.Lock())

    def hand_over(self, commander: Commander, by: str, at: datetime) -> None:
        """On the disk when it returns. Raises OSError, and nothing has changed then."""
        with self._lock:
            self._write(self.now.model_copy(update={"commander": commander, "by": by, "since": at}))
            self.fault = None  # somebody has said anew who commands

    def remember(self, latest: datetime) -> None:
        """Raises OSError."""
        with self._lock:
            self._write(self.now.model_copy(update={"latest": latest.astimezone(UTC)}))

    def _write(self, content: ControlFile) -> None:
        replace(self.path, content.model_dump_json(exclude_none=True).encode() + b"\n", 0o600)
        self.now = content
