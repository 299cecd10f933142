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
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

CHUNK_BYTES = 64 * 1024
ANSWER_S = 10.0  # without a byte
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
) -> Path:
    """The file, whole and checked, under the name `into`. Raises FetchError, and leaves nothing.

    Blocks for at most `within_s`, and as long as one answer takes.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise FetchError(f"{parts.scheme or 'no scheme'}: give an https, http or file address")
    ends_s = time.monotonic() + within_s
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with into.open("wb") as file, _opened(url) as source:
            _copy(source, file, (size_bytes, sha256), ends_s, progress)
    except BaseException as error:
        into.unlink(missing_ok=True)
        if isinstance(error, FetchError):
            raise
        if isinstance(error, (OSError, http.client.HTTPException, ValueError)):
            raise FetchError(f"{parts.hostname or url}: {_reason(error)}") from error
        raise
    return into


def _opened(url: str) -> Any:
    headers = {"User-Agent": f"patrol-edge/{version('patrol-edge')}"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme was checked
    return urllib.request.build_opener(_SameOrSafer).open(request, timeout=ANSWER_S)


def _copy(
    source: Any, file: IO[bytes], told: tuple[int, str], ends_s: float, progress: Progress
) -> None:
    """`told`: size and SHA-256. Raises FetchError."""
    size_bytes, sha256 = told
    digest, came = hashlib.sha256(), 0
    while chunk := source.read1(min(CHUNK_BYTES, size_bytes - came + 1)):
        came += len(chunk)
        if came > size_bytes:
            raise FetchError(f"more comes than the {size_bytes} bytes that the command says")
        if time.monotonic() > ends_s:
            raise FetchError(f"only {came} of {size_bytes} bytes came in time")
        digest.update(chunk)
        file.write(chunk)
        progress(came)
    if came < size_bytes:
        raise FetchError(f"only {came} of the {size_bytes} bytes came that the command says")
    if digest.hexdigest() != sha256:
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
