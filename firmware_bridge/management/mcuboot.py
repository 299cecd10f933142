"""Images for boards with MCUboot: what their header and trailer say, and whether they are whole.

Layout: "Image format" in MCUboot's design document (docs.mcuboot.com/design.html) and
`bootutil/image.h`; all numbers are little-endian. The boot loader checks the image's signature with
the key that was built into it; here the hash that is signed there is checked.
"""

import hashlib
import struct
from dataclasses import dataclass

MAGIC = 0x96F3B83D
HEADER = struct.Struct("<IIHHIIBBHI4x")  # the first 32 bytes
HEADER_BYTES = HEADER.size
TLV_INFO = struct.Struct("<HH")
TLV_HEAD = struct.Struct("<HH")
TLV_MAGIC, PROTECTED_MAGIC = 0x6907, 0x6908
TLV_SHA256 = 0x10
SIGNATURES = frozenset({0x20, 0x22, 0x23, 0x24})  # RSA-2048, ECDSA, RSA-3072, Ed25519
ENCRYPTED_FLAGS = 0x04 | 0x08
MOST_BYTES = 64 * 1024 * 1024


class BadImageError(ValueError):
    """This file cannot be started by MCUboot; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What an image says of itself."""

    version: str  # 1.2.3, or 1.2.3.4 with a build number
    hash: bytes  # SHA-256, (32,): what the board calls it by
    size_bytes: int  # header, code and trailer
    is_signed: bool  # for the boot loader; nothing here can prove it


def read_image(data: bytes) -> Image:
    """Raises BadImageError for what is no image, is cut off, or was changed."""
    if len(data) > MOST_BYTES:
        raise BadImageError(f"{len(data)} bytes are more than any board takes")
    if len(data) < HEADER_BYTES:
        raise BadImageError("it is shorter than an image's header: is it the .signed.bin file?")
    (magic, _load, header_bytes, protected_bytes, body_bytes, flags, *version) = HEADER.unpack_from(
        data
    )
    if magic != MAGIC:
        raise BadImageError("it is no MCUboot image: take the .signed.bin of the build")
    if flags & ENCRYPTED_FLAGS:
        raise BadImageError("it is encrypted, and so cannot be checked: take one that is not")
    hashed_bytes = header_bytes + body_bytes + protected_bytes
    if header_bytes < HEADER_BYTES or hashed_bytes > len(data):
        raise BadImageError("it is cut off: its header speaks of more bytes than there are")
    trailer, size_bytes = _trailer(data, hashed_bytes)
    if protected_bytes:
        _check_protected(data, hashed_bytes - protected_bytes, protected_bytes)
    told = [value for kind, value in trailer if kind == TLV_SHA256]
    if len(told) != 1 or len(told[0]) != 32:
        raise BadImageError("it holds no SHA-256 of itself: sign it with imgtool")
    if hashlib.sha256(data[:hashed_bytes]).digest() != told[0]:
        raise BadImageError("it is damaged: it does not fit the SHA-256 that it holds")
    return Image(
        version=told_version(*version),
        hash=told[0],
        size_bytes=size_bytes,
        is_signed=any(kind in SIGNATURES for kind, _ in trailer),
    )


def told_version(major: int, minor: int, revision: int, build: int) -> str:
    """As boards tell it: the build number only where there is one."""
    return f"{major}.{minor}.{revision}" + (f".{build}" if build else "")


def _trailer(data: bytes, at: int) -> tuple[list[tuple[int, bytes]], int]:
    """Kind and content of each entry behind the image, and where they end."""
    total = _area(data, at, TLV_MAGIC)
    end, found = at + total, []
    at += TLV_INFO.size
    while at < end:
        if at + TLV_HEAD.size > end:
            raise BadImageError("its trailer is cut off")
        kind, size = TLV_HEAD.unpack_from(data, at)
        at += TLV_HEAD.size + size
        if at > end:
            raise BadImageError("an entry of its trailer is longer than the trailer")
        found.append((kind, data[at - size : at]))
    return found, end


def _check_protected(data: bytes, at: int, told_bytes: int) -> None:
    if _area(data, at, PROTECTED_MAGIC) != told_bytes:
        raise BadImageError("its protected trailer has another size than its header says")


def _area(data: bytes, at: int, wanted: int) -> int:
    """The size of the trailer that begins there."""
    if at + TLV_INFO.size > len(data):
        raise BadImageError("it has no trailer: it was not signed, or is cut off")
    magic, total = TLV_INFO.unpack_from(data, at)
    if magic != wanted:
        raise BadImageError("it has no trailer where its header says: it is damaged")
    if total < TLV_INFO.size or at + total > len(data):
        raise BadImageError("its trailer is cut off")
    return int(total)
