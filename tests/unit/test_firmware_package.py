"""Firmware packages: signed, whole, for this board, and not older than what it had."""

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.boards import BoardConfig
from edge.firmware.fitness import Downgrade, check_age, check_board
from edge.firmware.ledger import Entry, Ledger, LedgerError
from edge.firmware.manifest import Manifest, version_key
from edge.firmware.package import PackageError, read_package, write_package
from firmware_bridge.management.board import Identity
from firmware_bridge.simulated.images import body, image
from telemetry.commands.jws import PrivateKey, sign
from telemetry.commands.keyring import Keyring, KeyringFile, write_keyring
from telemetry.commands.keys import KeyEntry

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
KEY, OTHER = PrivateKey.new(), PrivateKey.new()
IMAGE = image("1.4.0", body(3000, seed=4))


def keyring(folder: Path, **changes: Any) -> Keyring:
    content = {
        "kid": KEY.public.kid,
        "public": KEY.public.text,
        "issuer": "works",
        "roles": ("technician",),
    }
    path = folder / "keyring.json"
    write_keyring(path, KeyringFile(keys=(KeyEntry(**content | changes),)))
    return Keyring(path)


def manifest(data: bytes = IMAGE, **changes: Any) -> Manifest:
    file = {
        "name": "lamp.bin",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
    }
    content = {
        "model": "patrol-lamp",
        "hardware": ["1", "2"],
        "version": "1.4.0",
        "kind": "smp",
        "serial": 14,
        "issued_at": NOW - timedelta(days=1),
        "expires_at": NOW + timedelta(days=300),
        "files": [file],
    }
    return Manifest.model_validate(content | changes)


def written(folder: Path, key: PrivateKey = KEY, **changes: Any) -> Path:
    path = folder / "lamp-1.4.0.pefw"
    write_package(path, manifest(**changes), {"lamp.bin": IMAGE}, key, key.public.kid)
    return path


def archive(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "made.pefw"
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def test_a_package_comes_back_as_it_was_signed(tmp_path: Path) -> None:
    package = read_package(written(tmp_path), keyring(tmp_path), NOW)
    assert package.manifest == manifest()
    assert package.files == {"lamp.bin": IMAGE}
    assert package.image is not None
    assert (package.image.version, package.signer) == ("1.4.0", "works")


@pytest.mark.skipif(shutil.which("tar") is None, reason="no GNU tar")
def test_holes_in_an_archive_are_not_filled(tmp_path: Path) -> None:
    """An archive of a few kilobytes that would take gigabytes of memory."""
    with (tmp_path / "lamp.bin").open("wb") as file:
        file.truncate(32 * 1024 * 1024)
    path = tmp_path / "made.pefw"
    command = ["tar", "--format=gnu", "-S", "-cf", str(path), "-C", str(tmp_path), "lamp.bin"]
    subprocess.run(command, check=True)
    assert path.stat().st_size < 100_000
    with pytest.raises(PackageError, match="no firmware package"):
        read_package(path, keyring(tmp_path), NOW)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"roles": ("commander",)}, "role_not_allowed"),
        ({"not_after": NOW - timedelta(days=1)}, "key_expired"),
        ({"not_before": NOW + timedelta(days=1)}, "key_expired"),
        ({"revoked_at": NOW - timedelta(days=1)}, "key_revoked"),
        ({"public": OTHER.public.text}, "bad_signature"),
        ({"kid": "another"}, "unknown_key"),
    ],
    ids=["role", "over", "not yet", "revoked", "forged", "unknown"],
)
def test_only_a_technician_s_valid_key_counts(
    tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(PackageError) as caught:
        read_package(written(tmp_path), keyring(tmp_path, **changes), NOW)
    assert (caught.value.code, bool(caught.value.cure)) == (code, True)


def test_a_command_s_signature_is_none_for_firmware(tmp_path: Path) -> None:
    token = sign(manifest().model_dump(mode="json"), KEY)  # of the type of a command
    path = archive(tmp_path, {"manifest.jws": token.encode(), "lamp.bin": IMAGE})
    with pytest.raises(PackageError, match="typ"):
        read_package(path, keyring(tmp_path), NOW)


def test_a_package_expires(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="expired on"):
        read_package(written(tmp_path), keyring(tmp_path), NOW + timedelta(days=301))


def test_what_was_not_signed_is_not_taken(tmp_path: Path) -> None:
    ring = keyring(tmp_path)
    with tarfile.open(written(tmp_path)) as tar:
        file = tar.extractfile("manifest.jws")
        assert file is not None
        token = file.read()
    good = {"manifest.jws": token, "lamp.bin": IMAGE}
    assert read_package(archive(tmp_path, good), ring, NOW)
    wrong = {
        "no manifest": ({"lamp.bin": IMAGE}, "unsigned"),
        "another file": (good | {"lamp.bin": IMAGE[:-1] + b"x"}, "bad_signature"),
        "a file more": (good | {"more.bin": b"x"}, "bad_signature"),
        "a file less": ({"manifest.jws": token}, "bad_signature"),
        "a path": ({"manifest.jws": token, "../lamp.bin": IMAGE}, "bad_signature"),
        "changed claims": (good | {"manifest.jws": token[:-5] + b"AAAAA"}, "bad_signature"),
    }
    for name, (members, code) in wrong.items():
        with pytest.raises(PackageError) as caught:
            read_package(archive(tmp_path, members), ring, NOW)
        assert caught.value.code == code, name


def test_an_image_that_no_boot_loader_would_start_is_never_signed(tmp_path: Path) -> None:
    for data, version in ((IMAGE[:-20], "1.4.0"), (b"\x7fELF" * 99, "1.4.0"), (IMAGE, "1.4.1")):
        wrong = manifest(data, version=version)
        with pytest.raises(PackageError, match=r"lamp\.bin"):
            write_package(tmp_path / "x", wrong, {"lamp.bin": data}, KEY, "works")


@given(st.binary(max_size=2000))
def test_any_file_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "any.pefw").write_bytes(data)
    with pytest.raises(PackageError):
        read_package(folder / "any.pefw", Keyring(folder / "none.json"), NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": NOW - timedelta(days=2)},
        {"kind": "esp32"},
        {"kind": "esp32", "chip": "esp32s3"},  # its file says no address
        {"kind": "stm32-dfu"},
        {"serial": 0},
        {"version": "1.4"},
        {"hardware": []},
        {"surprise": 1},
    ],
    ids=str,
)
def test_a_manifest_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        manifest(**changes)


# --- for this board ------------------------------------------------------------------------------

BOARD = BoardConfig(port="/dev/ttyX", model="patrol-lamp")
LAMP = Identity("patrol-lamp", "2", None)


@pytest.mark.parametrize(
    ("told", "config", "words"),
    [
        (Identity("patrol-horn", "2", None), {"model": None}, "for patrol-lamp, lamp is a"),
        (Identity("patrol-horn", "2", None), {}, "a patrol-horn answers, the unit file says"),
        (Identity("patrol-lamp", "3", None), {}, "for hardware 1, 2; lamp is 3"),
        (Identity("patrol-lamp", None, None), {}, "does not say its hardware"),
        (Identity(None, "2", None), {"model": None}, "does not say its model"),
        (None, {}, "does not say its hardware"),
        (LAMP, {"update": "esp32"}, "kind smp, lamp is updated by esp32"),
    ],
    ids=["model", "swapped", "revision", "no revision", "no model", "nothing", "kind"],
)
def test_a_wrong_board_is_refused(
    told: Identity | None, config: dict[str, Any], words: str
) -> None:
    with pytest.raises(PackageError, match=words) as caught:
        check_board(manifest(), told, "lamp", BOARD.model_copy(update=config))
    assert caught.value.cure


def test_what_a_board_does_not_say_the_unit_file_may() -> None:
    check_board(manifest(), LAMP, "lamp", BOARD)
    check_board(manifest(), None, "lamp", BOARD.model_copy(update={"hardware": "1"}))


def test_an_old_package_is_not_played_back() -> None:
    check_age(manifest(), 14, "1.4.0", None)
    check_age(manifest(), 0, None, None)
    for serial, running in ((15, "1.4.0"), (0, "1.4.0.1"), (0, "2.0.0")):
        with pytest.raises(PackageError, match="older") as caught:
            check_age(manifest(), serial, running, None)
        assert caught.value.code == "replayed"
        check_age(manifest(), serial, running, Downgrade("the new one blinds drivers"))


def test_versions_are_in_order() -> None:
    told = ["2.0.0", "1.10.0", "1.4.2", "1.4.0.1", "1.4.0"]
    assert sorted(told, key=version_key) == [*reversed(told)]


# --- what was done -------------------------------------------------------------------------------


def entry(**changes: Any) -> Entry:
    content = {
        "at": NOW,
        "board": "lamp",
        "before": "1.3.0",
        "after": "1.4.0",
        "serial": 14,
        "by": "li",
        "end": "confirmed",
    }
    return Entry.model_validate(content | changes)


def test_the_ledger_remembers_the_highest_serial_that_was_confirmed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "state")
    assert ledger.serial_of("lamp", "patrol-lamp") == 0
    ledger.note(entry(), "patrol-lamp")
    ledger.note(entry(serial=15, after="1.5.0", end="on_trial"), "patrol-lamp")
    assert ledger.serial_of("lamp", "patrol-lamp") == 14
    ledger.settle("lamp", "1.5.0", NOW, "li", "confirmed")
    assert ledger.serial_of("lamp", "patrol-lamp") == 15
    ledger.note(entry(serial=16, end="failed"), "patrol-lamp")
    assert ledger.serial_of("lamp", "patrol-lamp") == 15
    assert ledger.serial_of("lamp", "patrol-horn") == 0  # another board in its place
    ledger.note(entry(serial=14, downgrade_reason="it blinds"), "patrol-lamp")
    assert ledger.serial_of("lamp", "patrol-lamp") == 14
    assert len(ledger.read().entries) == 5
    assert ledger.path.stat().st_mode & 0o077 == 0


def test_a_damaged_ledger_is_told_and_never_taken_for_an_empty_one(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.path.write_text(json.dumps({"boards": 7}))
    with pytest.raises(LedgerError, match="damaged"):
        ledger.serial_of("lamp", "patrol-lamp")
    with pytest.raises(LedgerError, match="damaged"):
        ledger.note(entry(), "patrol-lamp")
