"""What a boot loader must not forget: a log in two sectors of flash, whose last whole entry counts.

An entry that was torn does not fit its checksum and is as if it had never been begun. Where one
sector is full, the other is erased and goes on.
"""

import struct
import zlib
from dataclasses import dataclass

from firmware_bridge.simulated.flash import SECTOR_BYTES, Flash

_ENTRY = struct.Struct("<IHHI")  # number, state, step, CRC-32 of these
_PER_SECTOR = SECTOR_BYTES // _ENTRY.size
SIZE_BYTES = 2 * SECTOR_BYTES


@dataclass(frozen=True, slots=True)
class Entry:
    number: int
    state: int
    step: int


class BootLog:
    """The log at this place of the flash. One thread."""

    def __init__(self, flash: Flash, at: int) -> None:
        self._flash = flash
        self._at = at

    def last(self) -> Entry | None:
        """The newest whole entry; None of a board that is new."""
        return self._newest()[0]

    def write(self, state: int, step: int = 0) -> None:
        """Raises PowerLostError."""
        last, sector = self._newest()
        head = struct.pack("<IHH", last.number + 1 if last else 1, state, step)
        self._flash.program(self._free(sector), head + struct.pack("<I", zlib.crc32(head)))

    def _newest(self) -> tuple[Entry | None, int]:
        """And the sector that it is in."""
        best, where = None, 0
        for sector in (0, 1):
            content = self._content(sector)
            for number, state, step, checksum in _ENTRY.iter_unpack(content):
                whole = checksum == zlib.crc32(struct.pack("<IHH", number, state, step))
                if whole and (best is None or number > best.number):
                    best, where = Entry(number, state, step), sector
        return best, where

    def _free(self, sector: int) -> int:
        """Where the next goes: behind all that was begun in this sector, else in the other."""
        used = -(-len(self._content(sector).rstrip(b"\xff")) // _ENTRY.size)
        if used >= _PER_SECTOR:
            sector, used = 1 - sector, 0
            self._flash.erase(self._at + sector * SECTOR_BYTES, SECTOR_BYTES)
        return self._at + sector * SECTOR_BYTES + used * _ENTRY.size

    def _content(self, sector: int) -> bytes:
        return self._flash.read(self._at + sector * SECTOR_BYTES, _PER_SECTOR * _ENTRY.size)
