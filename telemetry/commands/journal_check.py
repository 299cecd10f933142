"""The command journal's form, and whether a copy of it is whole. Needs nothing but the files.

A line is `{"hash":"H",REST`, and H is the SHA-256 of the hash before it and REST, to the byte: no
record can be changed, left out, added or moved without breaking every hash after it. Now and then
a record carries a seal: the head, signed by the device's key (compact JWS). Whoever has no key can
at most cut the end off, and the heads that reach the hub with the replies tell that.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telemetry.commands.jws import BadTokenError, KeyTextError, PublicKey, verify
from telemetry.commands.strict_json import BadJsonError, canonical, loads_object

SEAL_TYPE = "patrol-journal+jws"
START = "0" * 64  # the hash before the first record
MAX_LINE_BYTES = 64 * 1024
ENDS = frozenset({"succeeded", "failed", "rejected", "cancelled", "expired", "interrupted"})
OPEN_DEEDS = 1000  # acceptances without an end that are remembered
_HEAD, _HASH_AT = b'{"hash":"', 9
_REST_AT = _HASH_AT + 64 + 2  # after the hash, its quote and the comma


@dataclass(frozen=True, slots=True)
class Head:
    """The newest record: its number, from 1, and its hash, which stands for all before it."""

    n: int = 0
    hash: str = START


@dataclass(slots=True)
class Verdict:
    """What was found. `bad` names the first record that does not fit, as FILE:LINE: why."""

    head: Head = field(default_factory=Head)
    first: int | None = None  # number of the first record that is there
    records: int = 0
    accepted: int = 0  # commands
    refused: int = 0  # of known senders, and the first of strangers
    seals: int = 0  # whose signature was checked, by the given key
    other_seals: int = 0  # by keys that only the journal itself says to be the device's, too
    key_changes: list[int] = field(default_factory=list)  # numbers of the records that say so
    unsealed: int = 0  # records after the last seal: a forger could have made them anew
    torn_bytes: int = 0  # of a line that a power cut left unfinished
    bad: str | None = None


@dataclass(slots=True)
class Deeds:
    """Up to which record commands were certainly begun: their acceptance and their end are there.

    An acceptance alone may be of one that the power, or the disk, kept from being begun.
    """

    newest: int = 0  # number of the newest acceptance that has an end
    _open: dict[str, int] = field(default_factory=dict)  # acceptances by the command's id

    def note(self, record: Mapping[str, Any]) -> None:
        what, command = record.get("what"), str(record.get("id"))
        if what == "accepted":
            self._open[command] = record["n"]
            while len(self._open) > OPEN_DEEDS:
                del self._open[next(iter(self._open))]
        elif what in ENDS and command in self._open:
            self.newest = max(self.newest, self._open.pop(command))
        elif isinstance(record.get("begun"), int):  # what the file before this one knew
            self.newest = max(self.newest, record["begun"])


def chained(before: str, rest: bytes) -> str:
    return hashlib.sha256(before.encode("ascii") + rest).hexdigest()


def line_of(before: str, record: Mapping[str, Any]) -> tuple[bytes, str]:
    """The record as a line, with its line end, and its hash."""
    rest = canonical(record)[1:] + b"\n"
    digest = chained(before, rest)
    return _HEAD + digest.encode("ascii") + b'",' + rest, digest


def fits(before: str, line: bytes) -> bool:
    """Whether this whole line follows the record with that hash."""
    return (
        line.startswith(_HEAD)
        and line[_REST_AT - 2 : _REST_AT] == b'",'
        and line.endswith(b"\n")
        and line[_HASH_AT : _HASH_AT + 64] == chained(before, line[_REST_AT:]).encode("ascii")
    )


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, each with its end, if it has one. Raises OSError."""
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE_BYTES):
            yield line


class Checker:
    """Reads files in their order; `verdict` says how it stands after each."""

    def __init__(
        self,
        key: PublicKey | None = None,
        heads: Iterable[Head] = (),
        first_key: PublicKey | None = None,
    ) -> None:
        """`key`: the device's; `heads`: what is known from elsewhere (replies at the hub);
        `first_key`: the one that the first seal is of, if the device has had another before."""
        self.verdict = Verdict()
        self.deeds = Deeds()
        self.key_named: str | None = None  # by the newest record that names one
        self._given = key
        self._key = first_key or key
        self._heads = {head.n: head.hash for head in heads}

    def read(self, path: Path, *, last: bool) -> None:
        """Check one file. Only in the last one a power cut may have left an unfinished line."""
        for number, line in enumerate(lines(path), 1):
            if self.verdict.bad is not None:
                return
            if last and not line.endswith(b"\n") and not self._is_changed_end(line):
                self.verdict.torn_bytes = len(line)
                return
            why = self._take(line)
            if why is not None:
                self.verdict.bad = f"{path.name}:{number}: {why}"

    def finish(self) -> Verdict:
        """Whether all heads known from elsewhere were met."""
        verdict = self.verdict
        missing = [n for n in self._heads if n > verdict.head.n]
        if verdict.bad is None and missing:
            verdict.bad = f"the end is missing: record {max(missing)} was known, and is not there"
        return verdict

    def _is_changed_end(self, line: bytes) -> bool:
        """A whole record whose line end was exchanged was not left so by a power cut."""
        return any(fits(self.verdict.head.hash, line[:-cut] + b"\n") for cut in (1, 2))

    def _take(self, line: bytes) -> str | None:
        verdict = self.verdict
        try:
            record = loads_object(line)
        except BadJsonError as error:
            return f"no record: {error}"
        if verdict.first is None and record.get("n") != 1:
            before = record.get("before")  # older files are gone: begin where this one says
            if not isinstance(before, str) or not isinstance(record.get("n"), int):
                return "the beginning is missing"
            verdict.head = Head(record["n"] - 1, before)
        if not fits(verdict.head.hash, line):
            return "changed, or what stood before it is not what stands there now"
        if record.get("n") != verdict.head.n + 1:
            return f"record {record.get('n')} follows record {verdict.head.n}"
        known = self._heads.get(record["n"])
        if known is not None and known != record["hash"]:
            return "another record of this number was told to the hub"
        why = self._seal(record)
        if why is None:
            self._note(record)
        return why

    def _note(self, record: dict[str, Any]) -> None:
        verdict = self.verdict
        verdict.first = record["n"] if verdict.first is None else verdict.first
        verdict.head = Head(record["n"], record["hash"])
        verdict.records += 1
        verdict.accepted += record.get("what") == "accepted"
        verdict.refused += record.get("what") == "refused"
        self.deeds.note(record)
        self._note_key(record)
        verdict.unsealed = 0 if record.get("what") == "seal" else verdict.unsealed + 1

    def _note_key(self, record: dict[str, Any]) -> None:
        """The device's key was lost or exchanged: the seals after this record are of another."""
        key, was = record.get("key"), record.get("was")
        if not isinstance(key, str):
            return
        self.key_named = key
        if isinstance(was, str):
            self.verdict.key_changes.append(record["n"])
            if self._key is not None and self._key.text == was:
                with suppress(KeyTextError):
                    self._key = PublicKey(key)

    def _seal(self, record: dict[str, Any]) -> str | None:
        if record.get("what") != "seal" or self._key is None:
            return None
        key = self._key
        try:
            claims = verify(str(record.get("jws")).encode(), lambda _kid: key, SEAL_TYPE)
        except BadTokenError as error:
            return f"the seal is not the device's: {error}"
        head = self.verdict.head
        if claims.get("n") != head.n or claims.get("head") != head.hash:
            return "the seal is of other records"
        if self._given is not None and key.text == self._given.text:
            self.verdict.seals += 1
        else:
            self.verdict.other_seals += 1
        return None


def check(
    paths: Iterable[Path], key: PublicKey | None = None, heads: Iterable[Head] = ()
) -> Verdict:
    """All files, oldest first. Raises OSError."""
    found = sorted(paths, key=lambda path: path.name)
    checker = Checker(key, heads, None if key is None else _first_key(found, key))
    for path in found:
        checker.read(path, last=path == found[-1])
    return checker.finish()


def _first_key(paths: Iterable[Path], key: PublicKey) -> PublicKey:
    """The key before this one, and before that, as far back as the journal tells. Raises OSError.

    It proves nothing by itself: what those seals are is counted apart.
    """
    first = key.text
    changes = [line for path in paths for line in lines(path) if b'"was":"' in line]
    for line in reversed(changes):
        with suppress(BadJsonError):
            record = loads_object(line)
            if record.get("key") == first and isinstance(record.get("was"), str):
                first = record["was"]
    try:
        return PublicKey(first)
    except KeyTextError:
        return key
