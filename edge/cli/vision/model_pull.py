"""Fetches a model file over a bad link: resumed, bounded, checked, and installed all or nothing."""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any, NoReturn
from urllib.parse import urlsplit

from edge.cli.vision.answering import reason, within
from edge.downloads import opened_at
from perception.errors import ModelError
from perception.inference.model_spec import ModelSpec

CHUNK_BYTES = 64 * 1024
TIMEOUT_S = 20.0  # without a byte
ANSWER_S = 10.0  # until one try is answered
SILENT_S = 5.0  # no new try after this if nobody ever answered: there is no network
TRIES = 5  # in a row that bring nothing
WAIT_S = (1.0, 2.0, 5.0, 10.0)
WORTH_A_RETRY = frozenset({408, 425, 429, 500, 502, 503, 504})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
OFFLINE_CURE = "get the file on another computer, then: patrol-edge models pull {name} --from DIR"

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

Progress = Callable[[int], None]  # bytes that are here so far


class _Again(Exception):  # noqa: N818 - control flow: this try ended, the next goes on from here
    """This try ended early; the next goes on where it stopped."""


class _Silence(_Again):
    """Nobody answered this try."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One download into one folder. `file`, `url`, `sha256` and `size_bytes` of the spec count."""

    spec: ModelSpec
    folder: Path
    progress: Progress
    timeout_s: float = TIMEOUT_S
    sleep: Callable[[float], None] = time.sleep

    @property
    def part(self) -> Path:
        """The file until it is whole. Stays after a failure, to go on with."""
        return self.folder / f"{self.spec.file}.part"

    def run(self) -> Path:
        """The whole and checked `.part`. Raises ModelError. Takes as long as the link needs."""
        if self.spec.url is None or self.spec.sha256 is None or self.spec.size_bytes is None:
            raise ModelError(f"the catalogue gives no address for {self.spec.name}")
        check_address(self.spec.url)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = self.part.open("ab")
        except OSError as error:
            raise disk_error(error, self.folder) from error
        with file, sole_user(file, self.part):
            resumed = file.tell() > 0
            self._until_whole(file)
            if resumed and file_digest(self.part) != self.spec.sha256:
                empty(file)  # the beginning was of another file
                self._until_whole(file)
            if file_digest(self.part) != self.spec.sha256:
                empty(file)
                raise ModelError(
                    f"what {host(self.spec.url)} sent for {self.spec.name} has another sha-256",
                    "try again later; do not use that file",
                )
            os.fsync(file.fileno())
        return self.part

    def _until_whole(self, file: IO[bytes]) -> None:
        if file.tell() > (self.spec.size_bytes or 0):
            empty(file)
        failures = 0
        give_up_s: float | None = time.monotonic() + SILENT_S  # None: somebody has answered
        while (before := file.tell()) != self.spec.size_bytes:
            try:
                self._one_try(file)
            except _Again as error:
                failures = 0 if file.tell() > before else failures + 1
                wait_s = WAIT_S[min(failures, len(WAIT_S) - 1)]
                if failures == 0 or not isinstance(error, _Silence):
                    give_up_s = None
                in_vain = give_up_s is not None and time.monotonic() + wait_s > give_up_s
                if failures >= TRIES or in_vain:
                    raise ModelError(
                        f"{host(self.spec.url or '')}: {error}",
                        OFFLINE_CURE.format(name=self.spec.name),
                    ) from error
                self.sleep(wait_s)

    def _one_try(self, file: IO[bytes]) -> None:
        at = file.tell()
        try:
            response = self._open(at)
        except urllib.error.HTTPError as error:
            error.close()  # it holds the connection
            self._refused(error.code, file)
        except (OSError, HTTPException) as error:
            raise _Silence(reason(error)) from error
        try:
            with response:
                self._check_reply(response, file, at)
                while chunk := response.read(CHUNK_BYTES):
                    self._keep(file, chunk)
        except (OSError, HTTPException) as error:
            raise _Again(reason(error)) from error
        if file.tell() != self.spec.size_bytes:
            raise _Again("the connection ended early")

    def _keep(self, file: IO[bytes], chunk: bytes) -> None:
        if file.tell() + len(chunk) > (self.spec.size_bytes or 0):
            empty(file)
            raise ModelError(
                f"{host(self.spec.url or '')} sends more than the {self.spec.size_bytes} bytes "
                f"that {self.spec.name} has",
                "do not use that file",
            )
        try:
            file.write(chunk)
            file.flush()
        except OSError as error:
            raise disk_error(error, self.folder) from error
        self.progress(file.tell())

    def _open(self, at: int) -> Any:
        url = self.spec.url or ""
        return within(lambda: opened_at(url, at, self.timeout_s, _SafeRedirects), ANSWER_S)

    def _check_reply(self, response: Any, file: IO[bytes], at: int) -> None:
        """Whether it continues where we are; a server without ranges starts from the front."""
        start, total = reply_extent(response, at)
        if start not in (0, at):
            empty(file)
            raise _Again("sends another part than was asked for")
        if total is not None and total != self.spec.size_bytes:
            empty(file)
            raise ModelError(
                f"{host(self.spec.url or '')} offers {total} bytes, {self.spec.name} has "
                f"{self.spec.size_bytes}",
                "the file there was replaced; try a newer patrol-edge",
            )
        if start != at:
            empty(file)

    def _refused(self, status: int, file: IO[bytes]) -> NoReturn:
        if status == 416 and file.tell():  # what we have lies beyond its end
            empty(file)
            raise _Again("has less than is here already")
        if status in WORTH_A_RETRY:
            raise _Again(f"answers {status}")
        raise ModelError(
            f"{host(self.spec.url or '')} answers {status} for {self.spec.url}",
            OFFLINE_CURE.format(name=self.spec.name),
        )


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to anything less."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        try:
            check_address(newurl)
        except ModelError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def reply_extent(response: Any, at: int) -> tuple[int, int | None]:
    """Where the reply's bytes begin, and the size of the whole file if the server says it."""
    if response.status == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers["Content-Range"] or "")
        if match is None:
            return at, None
        return int(match[1]), None if match[2] == "*" else int(match[2])
    length = response.headers["Content-Length"]
    return 0, int(length) if length and length.isdecimal() else None


def check_address(url: str) -> None:
    """https, or http to this very computer. Raises ModelError."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return
    raise ModelError(f"{url} is not https", "models are fetched over https only")


def host(url: str) -> str:
    return urlsplit(url).hostname or url


@contextmanager
def sole_user(file: IO[bytes], path: Path) -> Iterator[None]:
    """Nobody else writes the file meanwhile. Raises ModelError if somebody does."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ModelError(
            f"{path} is being written", "another pull is running: wait for it"
        ) from None
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def copy(source: Path, spec: ModelSpec, folder: Path) -> Path:
    """A checked copy of a file as `.part` in the folder. Raises ModelError."""
    part = folder / f"{spec.file}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writer = part.open("wb")
    except OSError as error:
        raise disk_error(error, folder) from error
    try:
        with writer, source.open("rb") as reader:
            shutil.copyfileobj(reader, writer, CHUNK_BYTES)
            writer.flush()
            os.fsync(writer.fileno())
    except OSError as error:
        part.unlink(missing_ok=True)
        cure = "is the stick in, is there room?"
        if isinstance(error, PermissionError):
            cure = f"may this user read it? look at: ls -l {source}"
        raise ModelError(f"copying {source} to {folder}: {error.strerror}", cure) from error
    if file_digest(part) != spec.sha256:  # read back: sticks lie
        part.unlink()
        raise ModelError(f"the copy of {source} is damaged", "try another stick")
    return part


def install(part: Path, target: Path) -> None:
    """The `.part` takes its name; after this returns it survives a power cut."""
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def empty(file: IO[bytes]) -> None:
    file.seek(0)
    file.truncate()


def disk_error(error: OSError, folder: Path) -> ModelError:
    """What is wrong with the models folder, and what to do about that."""
    if isinstance(error, PermissionError):
        cure = "run as its owner (sudo), or give another --models-dir"
        return ModelError(f"{folder} may not be written by this user", cure)
    if error.errno in NO_ROOM:
        cure = "free some room, or give another --models-dir"
    else:
        cure = "give another --models-dir"
    return ModelError(f"{folder} cannot be written: {error.strerror}", cure)
