"""Fetches one file that a signed command names: its size and digest are known beforehand.

http, https and file: the command's digest says what it must be, so that the way there need not be
trusted. Nothing else than that file is ever kept.
"""

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from edge.downloads import opened_at
from telemetry.commands.handling import OrderFailedError
from telemetry.commands.handling import Progress as OrderProgress
from telemetry.contract.bundle import Bundle

CHUNK_BYTES = 64 * 1024
ANSWER_S = 10.0  # without a byte
AGAIN_S = 1.0  # between two connections
TRIES = 20  # connections of a bundle: a link to the field breaks off
SCHEMES = ("https", "http", "file")

Progress = Callable[[int], None]  # bytes that are here; what it raises ends the fetching


class FetchError(Exception):
    """It is not here. The text says why, in words for whoever sent the command."""


def fetch(
    url: str,
    into: Path,
    *,
    sha256: str,
    size_bytes: int,
    within_s: float = 120.0,
    progress: Progress = lambda _bytes: None,
    tries: int = 1,
) -> Path:
    """The file, whole and checked, under the name `into`. Raises FetchError, and leaves nothing.

    Blocks for at most `within_s`, and as long as one answer takes. With more `tries` a connection
    that breaks off is gone on from, where the server can (RFC 9110, section 14).
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:  # brackets that hold no IPv6 address
        raise FetchError(f"no address: {error}") from error
    if parts.scheme not in SCHEMES:
        raise FetchError(f"{parts.scheme or 'no scheme'}: give an https, http or file address")
    ends_s = time.monotonic() + within_s
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with into.open("wb") as file:
            coming = _Coming(url, file, size_bytes, ends_s, progress)
            coming.come(tries)
            coming.check(sha256)
    except BaseException as error:
        into.unlink(missing_ok=True)
        if isinstance(error, FetchError):
            raise
        if isinstance(error, (OSError, http.client.HTTPException, ValueError)):
            raise FetchError(f"{parts.hostname or url}: {_reason(error)}") from error
        raise
    return into


@dataclass(frozen=True, slots=True)
class Fetching:
    """What fetching is within an order."""

    what: str  # in words, for whoever sent the order
    percent: int  # of the order, when it is here
    within_s: float


def fetch_bundle(wanted: Bundle, into: Path, fetching: Fetching, told: OrderProgress) -> Path:
    """The bundle that an order names, over connections that may break off.

    Blocks for at most `fetching.within_s`. Raises OrderFailedError.
    """

    def came(count: int) -> None:
        percent = fetching.percent
        told(min(percent, percent * count // wanted.size_bytes), fetching.what)

    try:
        return fetch(
            wanted.url,
            into,
            sha256=wanted.sha256,
            size_bytes=wanted.size_bytes,
            within_s=fetching.within_s,
            progress=came,
            tries=TRIES,
        )
    except FetchError as error:
        raise OrderFailedError("fetch_failed", str(error)) from error


class _Coming:
    """The file as it comes, over one connection or several."""

    def __init__(
        self, url: str, file: IO[bytes], size_bytes: int, ends_s: float, progress: Progress
    ) -> None:
        self._url = url
        self._file = file
        self._size_bytes = size_bytes
        self._ends_s = ends_s
        self._progress = progress
        self._begin()

    def _begin(self) -> None:
        self._digest, self._came = hashlib.sha256(), 0
        self._file.seek(0)
        self._file.truncate()

    def come(self, tries: int) -> None:
        """All of it, with so many connections. Raises FetchError, and what a connection raises."""
        for left in reversed(range(tries)):
            try:
                self._take()
            except (OSError, http.client.HTTPException) as error:
                if not left or isinstance(error, urllib.error.HTTPError):
                    raise
            if self._came == self._size_bytes:
                return
            if left:
                time.sleep(min(AGAIN_S, max(0.0, self._ends_s - time.monotonic())))
        raise FetchError(
            f"only {self._came} of the {self._size_bytes} bytes came that the command says"
        )

    def _take(self) -> None:
        """What one connection gives."""
        with opened_at(self._url, self._came, ANSWER_S, _SameOrSafer) as source:
            if self._came and not self._goes_on(source):
                self._begin()
            while chunk := source.read1(min(CHUNK_BYTES, self._size_bytes - self._came + 1)):
                self._came += len(chunk)
                if self._came > self._size_bytes:
                    raise FetchError(
                        f"more comes than the {self._size_bytes} bytes that the command says"
                    )
                if time.monotonic() > self._ends_s:
                    raise FetchError(f"only {self._came} of {self._size_bytes} bytes came in time")
                self._digest.update(chunk)
                self._file.write(chunk)
                self._progress(self._came)

    def _goes_on(self, source: Any) -> bool:
        """Whether this answer begins where the last one broke off."""
        told = source.headers.get("Content-Range") or ""
        return source.status == 206 and told.startswith(f"bytes {self._came}-")

    def check(self, sha256: str) -> None:
        """Raises FetchError."""
        if self._digest.hexdigest() != sha256:
            raise FetchError("what came has another SHA-256 than the command says")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"answers {error.code}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(getattr(cause, "strerror", None) or cause or type(cause).__name__)


class _SameOrSafer(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to less, nor to a file."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after not in ("https", before):
            fp.close()
            raise FetchError(f"it sends us on from {before} to {after}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
