"""Firmware packages: a tar archive with a signed manifest and the files that it lists.

The manifest is `manifest.jws`, first in the archive: one compact JWS over `Manifest`. Nothing of
the archive is ever written to the disk, and no name in it is taken for a path.
"""

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge.firmware.manifest import MOST_FILE_BYTES, MOST_FILES, TYPE, Manifest
from firmware_bridge.management.mcuboot import BadImageError, Image, read_image
from telemetry.commands.jws import MAX_TOKEN_BYTES, PrivateKey, sign
from telemetry.commands.keyring import Keyring
from telemetry.commands.signed_files import SignedFileError, of_model, signed_claims

MANIFEST = "manifest.jws"
MOST_BYTES = 128 * 1024 * 1024
ENDING = ".pefw"


class PackageError(Exception):
    """The package is refused. `code` is a code of the wire, `cure` says what to do."""

    def __init__(self, code: str, text: str, cure: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.cure = cure


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One that a known key has signed, whole and in date."""

    manifest: Manifest
    files: Mapping[str, bytes]
    image: Image | None  # of kind smp: what MCUboot will see
    signer: str  # the issuer of the key
    kid: str


def read_package(path: Path, keyring: Keyring, now: datetime) -> Package:
    """Raises PackageError: unsigned, changed, expired, not for MCUboot though it should be."""
    token, files = _members(path)
    try:
        claims, entry = signed_claims(token, TYPE, keyring, "technician", now)
        manifest = of_model(Manifest, claims)
    except SignedFileError as error:
        cure = "get it from where firmware is signed; `patrol-edge keys list` shows who may"
        raise PackageError(error.code, f"{path.name}: {error}", cure) from error
    if now >= manifest.expires_at:
        told = f"{path.name} expired on {manifest.expires_at:%Y-%m-%d}"
        raise PackageError("expired", told, "get a newer one; is this computer's clock right?")
    _check_files(manifest, files, path.name)
    return Package(
        manifest=manifest,
        files=files,
        image=_image_in(manifest, files) if manifest.kind == "smp" else None,
        signer=entry.issuer,
        kid=entry.kid,
    )


def write_package(
    path: Path, manifest: Manifest, files: Mapping[str, bytes], key: PrivateKey, kid: str
) -> None:
    """Sign and write. Raises PackageError for what could not be flashed, OSError."""
    _check_files(manifest, files, path.name)
    if manifest.kind == "smp":
        _image_in(manifest, files)
    token = sign(manifest.model_dump(mode="json", exclude_none=True), key, kid, TYPE)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in [(MANIFEST, token.encode()), *files.items()]:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    path.write_bytes(content.getvalue())


def _members(path: Path) -> tuple[bytes, dict[str, bytes]]:
    """The manifest and the other files, each at most so large. Raises PackageError."""
    damaged = PackageError(
        "malformed", f"{path.name} is no firmware package, or is damaged", "get it again"
    )
    found: dict[str, bytes] = {}
    try:
        if path.stat().st_size > MOST_BYTES:
            raise PackageError("too_large", f"{path.name} is larger than any package")
        with tarfile.open(path, mode="r:") as archive:
            for member in archive:
                plain = member.isreg() and not member.issparse()  # holes would cost nothing
                file = archive.extractfile(member) if plain else None
                if file is None or member.size > MOST_FILE_BYTES or len(found) > MOST_FILES:
                    raise damaged
                found[member.name] = file.read()
    except (tarfile.TarError, EOFError, ValueError, OverflowError, UnicodeError) as error:
        raise damaged from error
    except OSError as error:
        told = f"{path} cannot be read: {error.strerror or error}"
        raise PackageError("storage", told, "check the name") from error
    token = found.pop(MANIFEST, b"")
    if not token:
        raise PackageError(
            "unsigned", f"{path.name} holds no signed manifest", "sign it: firmware sign"
        )
    if len(token) > MAX_TOKEN_BYTES:
        raise damaged
    return token, found


def _check_files(manifest: Manifest, files: Mapping[str, bytes], name: str) -> None:
    """Exactly those that are listed, each as it was signed. Raises PackageError."""
    if files.keys() != {file.name for file in manifest.files}:
        raise PackageError("bad_signature", f"{name} holds other files than were signed")
    for file in manifest.files:
        data = files[file.name]
        whole = len(data) == file.size_bytes
        if not whole or hashlib.sha256(data).hexdigest() != file.sha256:
            told = f"{name}: {file.name} is not the one that was signed"
            raise PackageError("bad_signature", told, "get the package again")


def _image_in(manifest: Manifest, files: Mapping[str, bytes]) -> Image:
    """Raises PackageError if no board could start it."""
    name = manifest.files[0].name
    try:
        image = read_image(files[name])
    except BadImageError as error:
        raise PackageError("malformed", f"{name}: {error}", "build the package anew") from error
    if image.version != manifest.version:
        told = f"{name} is version {image.version}, its package says {manifest.version}"
        raise PackageError("malformed", told, "build the package anew")
    return image
