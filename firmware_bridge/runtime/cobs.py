"""Consistent Overhead Byte Stuffing: any bytes, as bytes among which 0x00 does not occur.

S. Cheshire, M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking
7(2), 1999. A zero is left out, and told by the code in front of what stood before it.
"""

BLOCK_BYTES = 254  # of data behind one code at most; code 0xFF means: and no zero follows

_CODES = [bytes((length + 1,)) for length in range(BLOCK_BYTES)]


class CobsError(ValueError):
    """No encoder makes such bytes: something of them was damaged or is missing."""


def encode(data: bytes) -> bytes:
    """Without a delimiter. One byte longer than `data`, and one more per 254 without a zero."""
    blocks: list[bytes] = []
    for run in data.split(b"\0"):
        rest = run
        while len(rest) >= BLOCK_BYTES:
            blocks.append(b"\xff" + rest[:BLOCK_BYTES])
            rest = rest[BLOCK_BYTES:]
        blocks.append(_CODES[len(rest)] + rest)
    if blocks[-1] == b"\x01" and len(blocks) > 1 and blocks[-2][0] == 0xFF:
        del blocks[-1]  # the end follows a full block: nothing more need be said
    return b"".join(blocks)


def decode(data: bytes) -> bytes:
    """What was encoded. Raises CobsError."""
    if 0 in data:
        raise CobsError("a zero among the bytes")
    out, at, end = bytearray(data), 0, len(data)
    no_zeros: list[int] = []  # codes behind a full block
    while at < end:
        code = data[at]
        out[at] = 0
        at += code
        if code > BLOCK_BYTES:
            no_zeros.append(at)
    if at > end:
        raise CobsError(f"the last code leads {at - end} bytes beyond the end")
    for each in reversed(no_zeros):
        del out[each : each + 1]
    return bytes(out[1:])
