"""A check sum on each stored message: SQLite itself does not notice a flipped bit in a body.

CRC-32 (ISO 3309, as zlib computes it) over sequence, kind, id and body, kept behind the body.
"""

import zlib

BYTES = 4


def guarded(sequence: int, kind: str, message_id: str, body: bytes) -> bytes:
    """What is stored of a body."""
    return body + _sum(sequence, kind, message_id, body).to_bytes(BYTES, "big")


def unguarded(sequence: int, kind: str, message_id: str, stored: object) -> bytes | None:
    """The body; None where anything of it is not what was stored."""
    if not isinstance(stored, bytes):
        return None
    body, guard = stored[:-BYTES], stored[-BYTES:]
    good = guard == _sum(sequence, kind, message_id, body).to_bytes(BYTES, "big")
    return body if good else None


def _sum(sequence: int, kind: str, message_id: str, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(f"{sequence} {kind} {message_id}".encode()))
