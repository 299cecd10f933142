"""Keys and keyrings: their files, their dates, what is refused, and that a change is seen."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.commands import files
from telemetry.commands.files import FileRefusedError, replace
from telemetry.commands.jws import PrivateKey
from telemetry.commands.keyring import Keyring, KeyringFile, read_keyring, write_keyring
from telemetry.commands.keys import KeyEntry, new_private_key, read_private_key

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PUBLIC = PrivateKey.new().public


def entry(kid: str = "hub-1", **more: Any) -> KeyEntry:
    content = {"public": PUBLIC.text, "issuer": "hub", "roles": ("commander",)} | more
    return KeyEntry(kid=kid, **content)


@pytest.mark.parametrize(
    ("dates", "state"),
    [
        ({}, "valid"),
        ({"not_before": NOW}, "valid"),
        ({"not_before": NOW + timedelta(seconds=1)}, "not_yet_valid"),
        ({"not_after": NOW}, "expired"),
        ({"not_after": NOW + timedelta(seconds=1)}, "valid"),
        ({"revoked_at": NOW + timedelta(days=1)}, "revoked"),
        ({"revoked_at": NOW, "not_after": NOW - timedelta(days=1)}, "revoked"),
    ],
    ids=str,
)
def test_a_key_has_its_time(dates: dict[str, datetime], state: str) -> None:
    assert entry(**dates).state(NOW) == state


def test_a_keyring_is_read_as_it_was_written(tmp_path: Path) -> None:
    ring = KeyringFile().put(entry("a", not_after=NOW)).put(entry("b")).put(entry("a"))
    write_keyring(tmp_path / "ring", ring)
    assert read_keyring(tmp_path / "ring") == ring
    assert [key.kid for key in ring.keys] == ["b", "a"]
    assert (tmp_path / "ring").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["ring"]


def test_a_change_is_seen_at_once_and_a_damage_takes_all_keys(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    ring = Keyring(path)
    assert ring.find("a") is None
    assert ring.missing
    write_keyring(path, KeyringFile(keys=(entry("a"), entry("b"))))
    assert ring.find("a") is not None
    assert not ring.missing
    write_keyring(path, KeyringFile(keys=(entry("b"),)))
    assert ring.find("a") is None
    assert ring.find("b") is not None
    replace(path, b"{", 0o644)
    assert ring.find("b") is None
    assert ring.fault is not None
    assert "no keyring" in ring.fault
    path.unlink()
    ring.refresh()
    assert ring.missing
    assert ring.fault is None


def test_a_keyring_that_others_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    write_keyring(path, KeyringFile(keys=(entry(),)))
    path.chmod(0o664)
    ring = Keyring(path)
    assert ring.find("hub-1") is None
    assert ring.fault is not None
    assert "0664" in ring.fault
    assert "chmod 644" in ring.cure
    path.chmod(0o644)
    assert ring.find("hub-1") is not None


@pytest.mark.parametrize(
    "content",
    [
        {"version": 2, "keys": []},
        {"keys": [], "more": 1},
        {"keys": [{"kid": "a"}]},
        {"keys": [entry("a").model_dump(mode="json"), entry("a").model_dump(mode="json")]},
        {"keys": [entry("a").model_dump(mode="json") | {"roles": []}]},
        {"keys": [entry("a").model_dump(mode="json") | {"roles": ["admin"]}]},
        {"keys": [entry("a").model_dump(mode="json") | {"public": "A" * 43}]},
        {"keys": [entry("a").model_dump(mode="json") | {"kid": "-a"}]},
        {"keys": [entry("a").model_dump(mode="json") | {"not_after": "soon"}]},
        {"keys": [entry("a").model_dump(mode="json") | {"not_after": "9999-12-31T23:59:59-23:59"}]},
        [],
    ],
    ids=range(11),
)
def test_a_wrong_keyring_is_refused_in_words(tmp_path: Path, content: Any) -> None:
    (tmp_path / "ring").write_text(json.dumps(content))
    with pytest.raises(FileRefusedError) as caught:
        read_keyring(tmp_path / "ring")
    assert caught.value.cure


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_as_a_keyring(tmp_path_factory: Any, data: bytes) -> None:
    path = Path(tmp_path_factory.getbasetemp()) / "ring-of-any-bytes"
    path.write_bytes(data)
    path.chmod(0o600)
    ring = Keyring(path)
    ring.refresh()
    assert ring.fault or not ring.entries()


def test_a_private_key_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "hub.key"
    key = new_private_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_private_key(path).public.kid == key.public.kid
    with pytest.raises(FileExistsError):
        new_private_key(path)
    path.chmod(0o640)
    with pytest.raises(FileRefusedError, match="0640") as caught:
        read_private_key(path)
    assert "chmod 600" in caught.value.cure
    path.write_text("hello")
    path.chmod(0o600)
    with pytest.raises(FileRefusedError, match="not a private key"):
        read_private_key(path)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(FileRefusedError):
            read_private_key(path)


def test_a_replacement_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ring"
    replace(path, b"old", 0o644)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace(path, b"new", 0o644)
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["ring"]
