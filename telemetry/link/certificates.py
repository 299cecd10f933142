"""Certificates that change while the unit runs: seen by a look at the files, never by a restart."""

from pathlib import Path

from config.language import said
from drivers.clock import Clock
from telemetry.link.security import tls_context
from telemetry.link.transport import LinkOptions, TransportConfigError

LOOK_EVERY_S = 10.0
Stamps = tuple[tuple[int, int, int] | None, ...]


class CertificateWatch:
    """Says when the connection should be made anew. Used by the publisher's thread."""

    def __init__(self, link: LinkOptions, clock: Clock) -> None:
        self._link = link
        self._files: tuple[Path, ...] = ()
        if link.tls:
            named = (link.ca, link.cert, link.key)
            self._files = tuple(path for path in named if path is not None)
        self._clock = clock
        self._used = self._seen = self._stamps()
        self._looked_s = clock.mono_s()
        self.error: str | None = None  # of files that were replaced and cannot be used

    def in_use(self) -> None:
        """A connection begins with the files as they are now."""
        self._used = self._seen = self._stamps()
        self.error = None

    def replaced(self) -> bool:
        """Whether there are new files, complete and usable, that the connection does not use yet.

        They are looked at twice before they are believed: whoever replaces a certificate and its
        key does it one after the other.
        """
        now_s = self._clock.mono_s()
        if not self._files or now_s - self._looked_s < LOOK_EVERY_S:
            return False
        self._looked_s = now_s
        before, self._seen = self._seen, self._stamps()
        if self._seen == self._used or self._seen != before:
            return False
        try:
            tls_context(self._link)
        except TransportConfigError as error:
            self.error = said(error)
            return False
        return True

    def _stamps(self) -> Stamps:
        return tuple(_stamp(path) for path in self._files)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Changes when the file does; None where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
