"""The outside of a bundle: a plain tar archive whose bytes are fully determined.

POSIX ustar (IEEE Std 1003.1, pax, "ustar Interchange Format"), not compressed. First
`manifest.jws`, then the files of the manifest in its order. Each header is the one that `header`
makes, each gap is zeros, and after two blocks of zeros there is nothing. So there is no link,
device, owner, date or second meaning to check for: what differs in one bit is refused. It is read
in one pass and in small pieces, from a file, a pipe or a line.
"""

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from config.language import tell
from config.slots import MANIFEST
from edge.bundles.refusal import BundleError

BLOCK = 512
END = bytes(2 * BLOCK)
MOST_NAME = 100
_ZERO = b"0000000\0"
MOST_MANIFEST_BYTES = 128 * 1024
PIECE_BYTES = 256 * 1024
_SIZE = re.compile(rb"([0-7]{11})\0")  # as a header has it
AGAIN = tell("copy it again from where it was made")


def header(name: str, size: int) -> bytes:
    """The 512 bytes before a file: those of GNU tar for a regular file of nobody, mode 0644, 1970.

    Raises ValueError for a name or a size that the format has no room for.
    """
    if not 0 < len(name) <= MOST_NAME or not 0 <= size < 8**11:
        raise ValueError("too long for a header")
    begin = name.encode("ascii").ljust(MOST_NAME, b"\0") + b"0000644\0" + 2 * _ZERO
    middle = b"%011o\0" % size + b"00000000000\0"  # the size, the time
    end = b"0" + bytes(100) + b"ustar\x0000" + bytes(64) + 2 * _ZERO + bytes(167)
    # The checksum counts its own eight bytes as spaces.
    return begin + middle + b"%06o\0 " % sum(begin + middle + b" " * 8 + end) + end


def gap(size: int) -> int:
    """How many zeros follow a file of this size."""
    return -size % BLOCK


def whole_bytes(manifest_bytes: int, sizes: Iterable[int]) -> int:
    """How large the bundle is."""
    members = (manifest_bytes, *sizes)
    return sum(BLOCK + size + gap(size) for size in members) + len(END)


class Tape:
    """A bundle that passes by once: first the manifest, then each file, then the end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.passed = 0  # bytes

    def manifest(self) -> bytes:
        """`manifest.jws`, bounded. Raises BundleError."""
        first = self._exactly(BLOCK)
        size = _told_size(first)
        if size is None or first != header(MANIFEST, size):
            raise BundleError(
                "malformed", tell("this is no bundle"), tell("give the .peb file as it was made")
            )
        if not 0 < size <= MOST_MANIFEST_BYTES:
            text = tell("its manifest has {size} bytes; at most {most}", size=size,
                        most=MOST_MANIFEST_BYTES)  # fmt: skip
            raise BundleError("too_large", text, tell("make a smaller one"))
        content = self._exactly(size)
        self._zeros(gap(size))
        return content

    def file(self, name: str, size: int) -> Iterator[bytes]:
        """The next file, in pieces, to be taken to the end. Raises BundleError."""
        if self._exactly(BLOCK) != _header_or_none(name, size):
            text = tell("{name} is not where the manifest says", name=name)
            raise BundleError("malformed", text, AGAIN)
        left = size
        while left:
            piece = self._some(min(left, PIECE_BYTES))
            left -= len(piece)
            yield piece
        self._zeros(gap(size))

    def end(self) -> None:
        """There is nothing more. Raises BundleError."""
        self._zeros(len(END))
        if self._read(1):
            text = tell("there is something after its end")
            raise BundleError("malformed", text, AGAIN)

    def _zeros(self, count: int) -> None:
        if any(self._exactly(count)):
            raise BundleError("malformed", tell("there is something between its files"), AGAIN)

    def _exactly(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            found += self._some(count - len(found))
        return bytes(found)

    def _some(self, most: int) -> bytes:
        piece = self._read(most)
        if not piece:
            text = tell("the bundle is cut off after {passed} bytes", passed=self.passed)
            raise BundleError("malformed", text, AGAIN)
        return piece

    def _read(self, most: int) -> bytes:
        try:
            piece = self._stream.read(most) or b""
        except OSError as error:
            text = tell("the bundle cannot be read: {why}", why=error.strerror or error)
            raise BundleError("storage", text, AGAIN) from error
        self.passed += len(piece)
        return piece


def _header_or_none(name: str, size: int) -> bytes | None:
    try:
        return header(name, size)
    except ValueError:
        return None


def _told_size(block: bytes) -> int | None:
    """What a header says; that all of it is as it must be is checked by comparing it."""
    told = _SIZE.fullmatch(block[124:136])
    return int(told[1], 8) if told else None


def pieces(manifest: bytes, files: Iterable[tuple[str, int, Iterable[bytes]]]) -> Iterator[bytes]:
    """A whole bundle, to be written: names, sizes and contents in the manifest's order.

    Raises ValueError for a name that ustar cannot hold.
    """
    yield header(MANIFEST, len(manifest)) + manifest + bytes(gap(len(manifest)))
    for name, size, content in files:
        yield header(name, size)
        yield from content
        yield bytes(gap(size))
    yield END
