"""What is put onto the disk, and looked at again at each start."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.bundles.refusal import BundleError
from edge.bundles.shelf import Shelf
from edge.bundles.slot_check import verify_slot
from edge.bundles.trust import Trust
from edge.bundles.writing import add_signature, write_bundle
from tests.bundle_maker import (
    NOW,
    bundle_of,
    key,
    manifest_of,
    opened_from,
    trust_key,
    trust_of,
)

TRUST = trust_of("anna", "ben", "cleo")
FILES = {"a/b/c.bin": bytes(70_000), "unit.yaml": b"health:\n  every_s: 30\n", "z.bin": b""}


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    folder = tmp_path / "config" / "a"
    folder.mkdir(parents=True)
    data = bundle_of(manifest_of(FILES, kind="config"), FILES, "anna")
    opened_from(data, TRUST).unpack(folder)
    return folder


def refused(slot: Path, trust: Trust = TRUST) -> BundleError:
    with pytest.raises(BundleError) as caught:
        verify_slot(slot, trust)
    return caught.value


def test_nobody_else_can_read_or_change_what_was_unpacked(slot: Path) -> None:
    verify_slot(slot, TRUST)
    for path in slot.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


DAMAGES: dict[str, tuple[Any, str]] = {
    "changed": (lambda slot: (slot / "files/a/b/c.bin").write_bytes(b"x" * 70_000), "signed"),
    "longer": (lambda slot: _append(slot / "files/unit.yaml"), "signed"),
    "shorter": (lambda slot: os.truncate(slot / "files/a/b/c.bin", 5), "signed"),
    "missing": (lambda slot: (slot / "files/z.bin").unlink(), "other files"),
    "more": (lambda slot: (slot / "files/more").write_bytes(b""), "other files"),
    "link": (lambda slot: (slot / "files/link").symlink_to("/etc/passwd"), "a link or a device"),
    "folder link": (lambda slot: (slot / "files/link").symlink_to("/etc"), "a link or a device"),
    "pipe": (lambda slot: os.mkfifo(slot / "files/pipe"), "a link or a device"),
    "no files": (lambda slot: (slot / "files").rename(slot / "other"), "cannot be read"),
    "no manifest": (lambda slot: (slot / "manifest.jws").unlink(), "cannot be read"),
    "its end": (lambda slot: os.truncate(slot / "manifest.jws", 500), "form of a JWS"),
    "more of it": (lambda slot: _append(slot / "manifest.jws"), "form of a JWS"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_slot_that_is_not_as_it_was_signed_is_refused(slot: Path, damage: str) -> None:
    act, text = DAMAGES[damage]
    act(slot)
    assert text in str(refused(slot))


def test_a_link_in_place_of_a_file_is_not_followed(slot: Path, tmp_path: Path) -> None:
    path = slot / "files/unit.yaml"
    path.rename(tmp_path / "same")
    path.symlink_to(tmp_path / "same")
    assert "a link or a device" in str(refused(slot))


def test_dates_end_no_use_and_revocation_does(slot: Path) -> None:
    others = (trust_key("ben"), trust_key("cleo"))
    for state in ({"not_after": NOW - timedelta(days=1)}, {"not_before": NOW + timedelta(days=9)}):
        verify_slot(slot, Trust(serial=1, keys=(trust_key("anna", **state), *others)))
    revoked = Trust(serial=2, keys=(trust_key("anna", revoked_at=NOW), *others))
    assert refused(slot, revoked).code == "key_revoked"
    assert refused(slot, trust_of("ben", "cleo")).code == "unknown_key"
    no_more = Trust(serial=2, keys=(trust_key("anna", roles=("zones",)), *others))
    assert refused(slot, no_more).code == "role_not_allowed"


# --- unpacking -----------------------------------------------------------------------------------


def unpacked(folder: Path) -> BundleError:
    data = bundle_of(manifest_of(FILES, kind="config"), FILES, "anna")
    with pytest.raises(BundleError) as caught:
        opened_from(data, TRUST).unpack(folder)
    return caught.value


def test_what_is_there_is_never_written_over_or_through(tmp_path: Path) -> None:
    full, led = tmp_path / "full", tmp_path / "led"
    (full / "files").mkdir(parents=True)
    led.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (led / "files").symlink_to(outside)
    for folder in (full, led, tmp_path / "none"):
        assert unpacked(folder).code == "storage"
    assert list(outside.iterdir()) == []
    (tmp_path / "link").symlink_to(outside)
    assert unpacked(tmp_path / "link").code == "storage"


def test_an_old_manifest_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "manifest.jws").write_bytes(b"old")
    assert unpacked(tmp_path).code == "storage"


def test_all_is_on_the_disk_before_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        path = str(Path(f"/proc/self/fd/{handle}").readlink())
        done.append(path.removeprefix(str(tmp_path)))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    data = bundle_of(manifest_of(FILES, kind="config"), FILES, "anna")
    opened_from(data, TRUST).unpack(tmp_path)
    before = done[: done.index("/manifest.jws")]
    folders = ["/files/a/b", "/files/a", "/files", ""]
    assert set(before) == {*(f"/files/{name}" for name in FILES), *folders}
    assert [each for each in before if each in folders] == folders
    assert done[-1] == ""  # the folder that has got the manifest


def test_a_shelf_is_no_way_out(tmp_path: Path) -> None:
    with Shelf(tmp_path) as shelf, pytest.raises(OSError, match="exists"), shelf.new("../x"):
        pass
    assert list(tmp_path.parent.glob("x")) == []


# --- writing -------------------------------------------------------------------------------------


def test_a_file_that_changes_meanwhile_leaves_no_bundle(tmp_path: Path) -> None:
    source, out = tmp_path / "a.bin", tmp_path / "out.peb"
    source.write_bytes(b"one")
    manifest = manifest_of({"a.bin": b"one"})
    source.write_bytes(b"two")
    with pytest.raises(BundleError, match="not the file that was signed"):
        write_bundle(out, manifest, {"a.bin": source})
    assert list(tmp_path.iterdir()) == [source]


def test_a_damaged_bundle_is_not_signed(tmp_path: Path) -> None:
    path = tmp_path / "x.peb"
    data = bundle_of(manifest_of(FILES), FILES, "anna")
    anna = key("anna")
    for wrong in (data[:-1], data + b"x", data[:-2000] + b"x" + data[-1999:]):
        path.write_bytes(wrong)
        with pytest.raises(BundleError):
            add_signature(path, path, anna, anna.public.kid)
        assert path.read_bytes() == wrong
    assert list(tmp_path.iterdir()) == [path]


def test_not_more_signatures_than_a_reader_takes(tmp_path: Path) -> None:
    path = tmp_path / "x.peb"
    path.write_bytes(bundle_of(manifest_of(FILES), FILES))
    for number in range(16):
        add_signature(path, path, key(f"k{number}"), key(f"k{number}").public.kid)
    before = path.read_bytes()
    with pytest.raises(BundleError):
        add_signature(path, path, key("one-more"), key("one-more").public.kid)
    assert path.read_bytes() == before
    sixteen = trust_of(*(f"k{number}" for number in range(16)))
    assert opened_from(before, sixteen).contents() == FILES
