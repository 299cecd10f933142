"""The plates that are looked for, as a unit keeps them: hashes, in an encrypted file.

A plate stands there as HMAC-SHA-256 under a key that comes from the unit's secret and the list's
own salt. There are few enough plates (about 10^9) to try them all, so the hash protects only as
long as the secret does: who has the disk without it learns nothing, who has both can try. Hence
`plates.key_file: credential:...`, sealed by the TPM, for a unit that can be stolen.
"""

import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.plates.vault import Secret, Vault, VaultError, keyed_hash
from perception.plates.formats import parse
from telemetry.commands.handling import OrderFailedError, OrderRefusedError
from telemetry.contract.plates import PlateEntry, PlatesList
from telemetry.contract.wire_types import UtcTime

MOST_LISTS = 64
MOST_PLATES = 200_000  # of all lists
SAVE_AGAIN = timedelta(seconds=10)  # after the disk has refused
REMEMBERED = 1000  # lists that are gone: their versions, so that none comes back by a replay


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class StoredEntry(_Stored):
    """One plate, without its text."""

    entry: str
    priority: int
    expires_at: UtcTime


class StoredList(_Stored):
    list: str
    version: int
    legal_basis: str
    priority: int
    expires_at: UtcTime
    salt: str
    entries: dict[str, StoredEntry] = Field(default_factory=dict)  # by hash


class _Content(_Stored):
    """The file."""

    lists: dict[str, StoredList] = Field(default_factory=dict)
    versions: dict[str, int] = Field(default_factory=dict)  # highest that came, also of those gone
    saved_at: UtcTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An entry whose plate was read."""

    list: str
    entry: str
    legal_basis: str
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a command did to a list; for the answer and the journal. Never a plate."""

    list: str
    version: int
    what: str  # staged, installed, extended, revoked
    entries: int  # in the list now
    parts_missing: tuple[int, ...] = ()
    not_plates: tuple[str, ...] = ()  # entries whose text is no plate: not installed


@dataclass(frozen=True, slots=True, kw_only=True)
class ListStatus:
    list: str
    version: int
    entries: int
    legal_basis: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Hashed:
    """What came in one command, without the plates."""

    entries: dict[str, StoredEntry]  # by hash
    refused: tuple[str, ...]  # entries whose text is no plate


@dataclass(slots=True)
class _Staged:
    """A long list of which not all parts have come. In memory: after a restart it is sent again."""

    version: int
    salt: str = field(default_factory=lambda: os.urandom(16).hex())
    parts: dict[int, _Hashed] = field(default_factory=dict)


class HotList:
    """Any thread. Making one reads the file."""

    def __init__(self, vault: Vault, secret: Secret) -> None:
        self.fault: str | None = None  # why the file cannot be used
        self.cure = ""
        self.expired: tuple[str, ...] = ()  # lists that have ended since the start
        self._vault = vault
        self._key = lru_cache(maxsize=2 * MOST_LISTS)(
            lambda salt: secret.key(f"plates {salt}")
        )  # one derivation a list, not one a plate
        self._lock = threading.Lock()
        self._staged: dict[str, _Staged] = {}
        self._unsaved_since: datetime | None = None  # when the disk last refused what is in force
        self._take(_Content())
        self._load()

    def _take(self, content: _Content) -> None:
        """This is in force. With it goes what would take long to look up in a long list."""
        self._content = content
        self._ends: dict[tuple[str, str], datetime] = {}  # of entries, by list and name
        first: datetime | None = None
        for name, listed in content.lists.items():
            for each in listed.entries.values():
                ends = min(each.expires_at, listed.expires_at)
                known = self._ends.get((name, each.entry), ends)
                self._ends[name, each.entry] = max(ends, known)
                first = ends if first is None else min(first, ends)
        self._first_end = first

    def _load(self) -> None:
        try:
            content = self._vault.load()
            if content is not None:
                self._take(_Content.model_validate_json(content))
        except VaultError as error:
            self._note(error)
        except ValidationError:
            self.fault = f"{self._vault.path.name} is of another version"
        if self.fault is not None:
            structlog.get_logger().error("hotlist_unreadable", error=self.fault)

    # --- looking ---

    def match(self, plate: str, now: datetime) -> list[Match]:
        """All entries with this plate (as `formats.parse` writes it), most urgent first."""
        try:
            with self._lock:
                found = list(self._matches(plate, self._not_before(now)))
        except VaultError as error:  # the secret has gone: nothing can be compared any more
            self._note(error)
            return []
        return sorted(found, key=lambda each: each.priority)

    def _matches(self, plate: str, now: datetime) -> Iterator[Match]:
        for name, listed in self._content.lists.items():
            entry = listed.entries.get(self._hash(listed.salt, plate))
            if entry is not None and now < min(entry.expires_at, listed.expires_at):
                yield Match(
                    list=name,
                    entry=entry.entry,
                    legal_basis=listed.legal_basis,
                    priority=entry.priority,
                )

    def stands(self, name: str, entry: str, now: datetime) -> bool:
        """Whether this entry is still looked for."""
        with self._lock:
            ends = self._ends.get((name, entry))
            return ends is not None and self._not_before(now) < ends

    @property
    def empty(self) -> bool:
        return not self._content.lists

    def status(self) -> list[ListStatus]:
        with self._lock:
            return [
                ListStatus(
                    list=each.list,
                    version=each.version,
                    entries=len(each.entries),
                    legal_basis=each.legal_basis,
                    expires_at=each.expires_at,
                )
                for each in self._content.lists.values()
            ]

    # --- changing ---

    def check(self, wanted: PlatesList, now: datetime) -> None:
        """Raises OrderRefusedError where `put` would."""
        with self._lock:
            self._check(wanted, self._not_before(now))

    def put(self, wanted: PlatesList, now: datetime) -> Change:
        """Do what the command says, on the disk when this returns.

        Raises OrderRefusedError, OrderFailedError; then the list is as before.
        """
        with self._lock:
            now = self._not_before(now)
            self._check(wanted, now)
            try:
                if wanted.mode == "revoke":
                    return self._revoke(wanted, now)
                if wanted.mode == "add":
                    listed = self._content.lists[wanted.list]
                    hashed = self._hashed(wanted, listed.salt, listed.expires_at)
                    return self._install(wanted, listed, [hashed], now)
                return self._replace(wanted, now)
            except VaultError as error:
                self._note(error)
                raise OrderFailedError("storage", f"it cannot be stored: {error}") from error

    def purge(self, now: datetime) -> list[tuple[str, int]]:
        """Delete what has ended, from memory and disk. Returns list and number of entries gone.

        What the disk has refused is offered to it again.
        """
        with self._lock:
            now = self._not_before(now)
            self._save_again(now)
            if self._first_end is None or now < self._first_end:
                return []
            kept, gone = {}, []
            for name, listed in self._content.lists.items():
                entries = {
                    digest: entry
                    for digest, entry in listed.entries.items()
                    if now < min(entry.expires_at, listed.expires_at)
                }
                if len(entries) < len(listed.entries):
                    gone.append((name, len(listed.entries) - len(entries)))
                if entries:
                    kept[name] = listed.model_copy(update={"entries": entries})
            try:
                self._save(self._content.model_copy(update={"lists": kept}), now)
            except VaultError as error:
                self._note(error)
            ended = {name for name, _ in gone} - kept.keys()
            self.expired = tuple(sorted({*self.expired, *ended}))
            return gone

    def clear(self, now: datetime) -> int | None:
        """Forget all lists, but not which versions there were: none shall come back by a replay.

        Returns how many entries are gone; None where the file cannot be read, or not be written.
        """
        with self._lock:
            count = len(self._ends)
            if self.fault is not None:
                return None
            try:
                self._save(self._content.model_copy(update={"lists": {}}), self._not_before(now))
            except VaultError as error:
                self._note(error)
                return None
            return count

    def _note(self, error: VaultError) -> None:
        self.fault, self.cure = str(error), error.cure

    def _check(self, wanted: PlatesList, now: datetime) -> None:
        name, content = wanted.list, self._content
        if wanted.version <= content.versions.get(name, 0):
            raise OrderRefusedError(
                "wrong_state",
                f"{name} had version {content.versions[name]} already; send a higher one",
            )
        listed = content.lists.get(name)
        if wanted.mode != "replace" and listed is None:
            raise OrderRefusedError("wrong_state", f"there is no list {name}")
        if wanted.expires_at is not None and wanted.expires_at <= now:
            raise OrderRefusedError("invalid_arguments", "expires_at is past")
        if wanted.mode == "replace" and listed is None and len(content.lists) >= MOST_LISTS:
            raise OrderRefusedError("limit", f"at most {MOST_LISTS} lists")
        staged = sum(
            len(part.entries) for each in self._staged.values() for part in each.parts.values()
        )
        there = sum(len(each.entries) for each in content.lists.values())
        if there + staged + len(wanted.entries) > MOST_PLATES:
            raise OrderRefusedError("limit", f"at most {MOST_PLATES} plates")

    def _replace(self, wanted: PlatesList, now: datetime) -> Change:
        staged = self._staged.get(wanted.list)
        if staged is None or staged.version < wanted.version:
            staged = self._staged[wanted.list] = _Staged(wanted.version)
        if wanted.version < staged.version:
            raise OrderRefusedError("wrong_state", f"version {staged.version} is being sent")
        list_ends = wanted.expires_at or now
        parts = staged.parts | {wanted.part: self._hashed(wanted, staged.salt, list_ends)}
        missing = tuple(sorted(set(range(1, wanted.parts + 1)) - parts.keys()))
        if missing:
            staged.parts = parts
            there = self._content.lists.get(wanted.list)
            return Change(
                list=wanted.list,
                version=wanted.version,
                what="staged",
                entries=len(there.entries) if there else 0,
                parts_missing=missing[:20],
            )
        new = StoredList(
            list=wanted.list,
            version=wanted.version,
            legal_basis=wanted.legal_basis or "",
            priority=wanted.priority,
            expires_at=list_ends,
            salt=staged.salt,
        )
        change = self._install(wanted, new, parts.values(), now)
        self._staged.pop(wanted.list, None)
        return change

    def _hashed(self, wanted: PlatesList, salt: str, list_ends: datetime) -> _Hashed:
        """As it comes, part by part: all of a long list at once would take seconds. Raises
        VaultError."""
        entries, refused = {}, []
        for entry in wanted.entries:
            plate = parse(entry.plate)
            if plate is None:
                refused.append(entry.entry)
            else:
                entries[self._hash(salt, plate.text)] = _stored(entry, wanted, list_ends)
        return _Hashed(entries, tuple(refused))

    def _install(
        self, wanted: PlatesList, onto: StoredList, parts: Iterable[_Hashed], now: datetime
    ) -> Change:
        """Put the entries of these parts into a list, over entries of the same name."""
        new: dict[str, StoredEntry] = {}
        refused: list[str] = []
        for part in parts:
            new |= part.entries
            refused += part.refused
        names = {entry.entry for entry in new.values()}
        kept = {digest: each for digest, each in onto.entries.items() if each.entry not in names}
        listed = onto.model_copy(update={"version": wanted.version, "entries": kept | new})
        self._save(self._with(listed), now)
        return Change(
            list=wanted.list,
            version=wanted.version,
            what="installed" if wanted.mode == "replace" else "extended",
            entries=len(listed.entries),
            not_plates=tuple(refused[:20]),
        )

    def _revoke(self, wanted: PlatesList, now: datetime) -> Change:
        listed, names = self._content.lists[wanted.list], set(wanted.revoke)
        kept = {
            digest: each
            for digest, each in listed.entries.items()
            if names and each.entry not in names
        }
        self._save(
            self._with(listed.model_copy(update={"version": wanted.version, "entries": kept})), now
        )
        self._staged.pop(wanted.list, None)
        return Change(list=wanted.list, version=wanted.version, what="revoked", entries=len(kept))

    def _with(self, listed: StoredList) -> _Content:
        """The content with this list; without it, if it is empty."""
        lists = {name: each for name, each in self._content.lists.items() if name != listed.list}
        if listed.entries:
            lists[listed.list] = listed
        versions = self._content.versions | {listed.list: listed.version}
        while len(versions) > REMEMBERED:
            versions.pop(next(name for name in versions if name not in lists))
        return self._content.model_copy(update={"lists": lists, "versions": versions})

    def _save(self, content: _Content, now: datetime) -> None:
        """Raises VaultError. What must not be used any more is not used, whatever the disk does."""
        content = content.model_copy(update={"saved_at": now})
        if _is_part_of(content, self._content):
            self._take(content)
        self._unsaved_since = now
        self._vault.save(content.model_dump_json().encode())
        if self._content is not content:
            self._take(content)
        self.fault, self.cure, self._unsaved_since = None, "", None

    def _save_again(self, now: datetime) -> None:
        """Else what was revoked would be looked for again after a restart."""
        since = self._unsaved_since
        if since is not None and abs(now - since) >= SAVE_AGAIN:
            try:
                self._save(self._content, now)
            except VaultError as error:
                self._note(error)

    def _hash(self, salt: str, plate: str) -> str:
        """Raises VaultError."""
        return keyed_hash(self._key(salt), plate)

    def _not_before(self, now: datetime) -> datetime:
        """A clock that was set back makes no list live longer than it did when it was stored."""
        saved_at = self._content.saved_at
        return now if saved_at is None else max(now, saved_at)


def _is_part_of(content: _Content, other: _Content) -> bool:
    return all(
        name in other.lists and listed.entries.keys() <= other.lists[name].entries.keys()
        for name, listed in content.lists.items()
    )


def _stored(entry: PlateEntry, wanted: PlatesList, list_ends: datetime) -> StoredEntry:
    ends = min(entry.expires_at or list_ends, list_ends)
    if wanted.expires_at is not None:
        ends = min(ends, wanted.expires_at)
    return StoredEntry(
        entry=entry.entry,
        priority=wanted.priority if entry.priority is None else entry.priority,
        expires_at=ends,
    )
