"""What of a computer's file system bears on a configuration: what there is, and whose it is."""

import os
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Protocol

from config.secrets import Standing


class Files(Protocol):
    """A way to look at the file system."""

    def exists(self, path: str) -> bool:
        """True if there is something of this name. Never raises."""

    def standing(self, path: str) -> Standing | None:
        """Whose it is, and who may open it; None if it cannot be told."""

    def links(self, folder: str) -> Sequence[tuple[str, str]]:
        """The links in a folder, with what they point to, both absolute; () if there is none."""


class HostFiles:
    """This computer's file system."""

    def exists(self, path: str) -> bool:
        try:
            return FilePath(path).exists()
        except PermissionError:  # a folder above is closed to us: it may well be there
            return True
        except (OSError, ValueError):  # a name that is too long
            return False

    def standing(self, path: str) -> Standing | None:
        try:
            return Standing.of(FilePath(path).stat())
        except (OSError, ValueError):
            return None

    def links(self, folder: str) -> Sequence[tuple[str, str]]:
        try:
            paths = sorted(str(path) for path in FilePath(folder).iterdir())
        except OSError:
            return ()
        return [(path, os.path.realpath(path)) for path in paths]


HOST_FILES = HostFiles()
