"""Consistent Overhead Byte Stuffing: any bytes, as bytes among which 0x00 does not occur.

S. Cheshire, M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking
7(2), 1999. A zero is left out, and told by the code in front of what stood before it.
"""

BLOCK_BYTES = 254  # of data behind one code at most; code 0xFF means: and no zero follows


class CobsError(ValueError):
    """No encoder makes such bytes: something of them was damaged or is missing."""


def encode(data: bytes) -> bytes:
    """Without a delimiter. One byte longer than `data`, and one more per 254 without a zero."""
    blocks: list[bytes] = []
    for run in data.split(b"\0"):
        whole = len(run) - len(run) % BLOCK_BYTES
        for begin in range(0, whole, BLOCK_BYTES):
            blocks += (b"\xff", run[begin : begin + BLOCK_BYTES])
        blocks += (bytes((len(run) - whole + 1,)), run[whole:])
    if len(blocks) > 2 and not blocks[-1] and blocks[-4] == b"\xff":
        del blocks[-2:]  # the end follows a full block: nothing more need be said
    return b"".join(blocks)


def decode(data: bytes) -> bytes:
    """What was encoded. Raises CobsError."""
    if 0 in data:
        raise CobsError("a zero among the bytes")
    blocks: list[bytes] = []
    at, end = 0, len(data)
    while at < end:
        code = data[at]
        if at + code > end:
            raise CobsError(f"code {code} at byte {at} of {end}")
        blocks.append(data[at + 1 : at + code])
        at += code
        if code <= BLOCK_BYTES and at < end:
            blocks.append(b"\0")
    return b"".join(blocks)
