"""Images that simulated boards start: in MCUboot's format, with a hash, without a signature."""

import hashlib
import struct

from firmware_bridge.management.mcuboot import (
    HEADER,
    HEADER_BYTES,
    MAGIC,
    TLV_HEAD,
    TLV_INFO,
    TLV_MAGIC,
    TLV_SHA256,
)


def image(version: str, body: bytes) -> bytes:
    """`version`: 1.2.3, or 1.2.3.4 with a build number."""
    numbers = [int(part) for part in version.split(".")]
    major, minor, revision, build = (*numbers, 0)[:4]
    head = HEADER.pack(MAGIC, 0, HEADER_BYTES, 0, len(body), 0, major, minor, revision, build)
    digest = hashlib.sha256(head + body).digest()
    entry = TLV_HEAD.pack(TLV_SHA256, len(digest)) + digest
    return head + body + TLV_INFO.pack(TLV_MAGIC, TLV_INFO.size + len(entry)) + entry


def body(size_bytes: int, seed: int) -> bytes:
    """Bytes like compiled code: not to be foreseen, the same for the same seed."""
    return b"".join(
        hashlib.sha256(struct.pack("<II", seed, n)).digest() for n in range(-(-size_bytes // 32))
    )[:size_bytes]
