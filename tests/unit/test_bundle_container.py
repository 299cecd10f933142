"""The outside of a bundle: other programs' tar and openssl read it, and can make the same bytes."""

import base64
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bundles.container import BLOCK, END, Tape, gap, header, pieces, whole_bytes
from edge.bundles.manifest import TYPE
from edge.bundles.refusal import BundleError
from edge.bundles.writing import content_of
from tests.bundle_maker import ZONES, bundle_of, key, manifest_of, opened_from, trust_of

# As docs/bundles.md has it.
TAR = (
    "tar", "--format=ustar", "--mtime=@0", "--owner=:0", "--group=:0", "--numeric-owner",
    "--mode=0644", "--blocking-factor=1", "--no-recursion", "-cf",
)  # fmt: skip

needs_tar = pytest.mark.skipif(shutil.which("tar") is None, reason="needs GNU tar")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")

names = st.from_regex(
    r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,30}(/[A-Za-z0-9_][a-z0-9._-]{0,30}){0,2}", fullmatch=True
)
files_of = st.dictionaries(names, st.binary(max_size=2000), max_size=6)


@given(st.binary(min_size=1, max_size=2000), files_of)
def test_what_was_written_is_read(manifest: bytes, files: dict[str, bytes]) -> None:
    members = [(name, len(data), [data]) for name, data in files.items()]
    data = b"".join(pieces(manifest, members))
    assert len(data) == whole_bytes(len(manifest), map(len, files.values()))
    tape = Tape(io.BytesIO(data))
    assert tape.manifest() == manifest
    for name, content in files.items():
        assert b"".join(tape.file(name, len(content))) == content
    tape.end()
    assert tape.passed == len(data)


@given(names, st.integers(0, 8**11 - 1))
def test_a_header_is_what_python_takes_for_one(name: str, size: int) -> None:
    found = tarfile.TarInfo.frombuf(header(name, size), "ascii", "strict")
    assert (found.name, found.size, found.isreg()) == (name, size, True)
    assert (found.mode, found.uid, found.gid, found.mtime, found.uname) == (0o644, 0, 0, 0, "")


@pytest.mark.parametrize(
    ("name", "size"), [("", 1), ("x" * 101, 1), ("x", -1), ("x", 8**11), ("é", 1)]
)
def test_what_has_no_room_in_a_header_is_refused(name: str, size: int) -> None:
    with pytest.raises(ValueError, match=r"too long|ordinal"):
        header(name, size)


@needs_tar
@pytest.mark.parametrize("size", [1, 511, 512, 513, 100_000])
def test_gnu_tar_makes_the_same_bytes(tmp_path: Path, size: int) -> None:
    long = "zones/" + "x" * 86 + ".geojson"  # 100 characters
    content = {"manifest.jws": b"m" * size, "a.yaml": b"", long: b"z" * (1000 - size % 1000)}
    for name, data in content.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o600)
    subprocess.run([*TAR, "out.peb", *content], cwd=tmp_path, check=True)
    manifest, *files = content.items()
    ours = pieces(manifest[1], [(name, len(data), [data]) for name, data in files])
    assert (tmp_path / "out.peb").read_bytes() == b"".join(ours)


@needs_tar
@needs_openssl
def test_a_bundle_of_tar_and_openssl_is_taken(tmp_path: Path) -> None:
    private, manifest = key("anna"), manifest_of(ZONES)
    (tmp_path / "anna.key").write_bytes(private.pem)
    protected = {"alg": "EdDSA", "kid": private.public.kid, "typ": TYPE}
    head, body = _encoded(json.dumps(protected).encode()), _encoded(content_of(manifest))
    (tmp_path / "input").write_text(f"{head}.{body}")
    command = "openssl pkeyutl -sign -rawin -inkey anna.key -in input -out seal"
    subprocess.run(command.split(), cwd=tmp_path, check=True)
    seal = _encoded((tmp_path / "seal").read_bytes())
    signature = f'{{"protected":"{head}","signature":"{seal}"}}'
    (tmp_path / "manifest.jws").write_text(f'{{"payload":"{body}","signatures":[{signature}]}}')
    for name, data in ZONES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    subprocess.run([*TAR, "out.peb", "manifest.jws", *ZONES], cwd=tmp_path, check=True)
    opened = opened_from((tmp_path / "out.peb").read_bytes(), trust_of("anna", "ben"))
    assert opened.contents() == ZONES


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@needs_tar
@needs_openssl
def test_tar_and_openssl_unpack_and_verify_ours(tmp_path: Path) -> None:
    (tmp_path / "ours.peb").write_bytes(bundle_of(manifest_of(ZONES), ZONES, "anna"))
    subprocess.run(["tar", "-xf", "ours.peb"], cwd=tmp_path, check=True)
    found = json.loads((tmp_path / "manifest.jws").read_bytes())
    (signature,) = found["signatures"]
    (tmp_path / "input").write_text(f"{signature['protected']}.{found['payload']}")
    (tmp_path / "seal").write_bytes(base64.urlsafe_b64decode(signature["signature"] + "=="))
    (tmp_path / "anna.key").write_bytes(key("anna").pem)
    command = "openssl pkeyutl -verify -rawin -inkey anna.key -in input -sigfile seal"
    result = subprocess.run(
        command.split(), cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "Verified Successfully" in result.stdout + result.stderr


class Broken(io.BytesIO):
    """A stick that is pulled out."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 2000:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_stream_that_breaks_is_told() -> None:
    data = header("manifest.jws", 5000) + bytes(5000 + gap(5000)) + END
    with pytest.raises(BundleError, match="Input/output error") as caught:
        Tape(Broken(data)).manifest()
    assert caught.value.code == "storage"
    assert BLOCK == 512
