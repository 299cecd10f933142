"""The settings of a simulated board: names and bytes, kept when they are saved."""

import json
from pathlib import Path

from config.writing import write_atomically


class SettingsStore:
    """What the board goes by now, and what it will find after a reset."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.values: dict[str, bytes] = {}
        self.load()

    def load(self) -> None:
        """What was saved; nothing on a new board."""
        self.values = {}
        if self._path.exists():
            saved = json.loads(self._path.read_text())
            self.values = {name: bytes.fromhex(value) for name, value in saved.items()}

    def save(self) -> None:
        """Whole or not at all, like Zephyr's file back end."""
        told = {name: value.hex() for name, value in sorted(self.values.items())}
        write_atomically(self._path, json.dumps(told))
