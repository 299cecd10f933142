"""The buffer of an IIO device: all axes of one instant in one record, as fast as it takes them.

Linux, Documentation/iio/iio_devbuf.rst and ABI/testing/sysfs-bus-iio: each channel that is enabled
below scan_elements is in the record at its index, aligned to its own size; its type reads
`[be|le]:[s|u]bits/storagebitsXrepeat>>shift`.
"""

import os
import re
import select
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from config.language import tell
from drivers.base import BadDataError, DeviceLostError
from drivers.plugged.tree import attribute

TYPE = re.compile(r"(be|le):(s|u)(\d{1,2})/(8|16|32|64)(?:X(\d{1,2}))?>>(\d{1,2})")
LENGTH = 64  # records in the kernel's buffer
MOST_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Element:
    """One channel of a record."""

    name: str  # accel_x
    index: int
    little: bool
    signed: bool
    bits: int
    size: int  # bytes
    shift: int

    @classmethod
    def of(cls, name: str, index: int, told: str) -> Self:
        """From its type. Raises BadDataError."""
        match = TYPE.fullmatch(told.strip())
        if match is None:
            raise BadDataError(f"{name}: {told[:40]!r} is no type of a channel")
        order, sign, bits, storage, repeat, shift = match.groups()
        wide, room, away = int(bits), int(storage), int(shift)
        if not 0 < wide <= room - away or (repeat or "1") not in ("0", "1"):
            raise BadDataError(f"{name}: {told[:40]!r} does not fit into itself")
        return cls(name, index, order == "le", sign == "s", wide, room // 8, away)

    def value(self, piece: bytes) -> int:
        number = int.from_bytes(piece, "little" if self.little else "big") >> self.shift
        number &= (1 << self.bits) - 1
        if self.signed and number >> (self.bits - 1):
            number -= 1 << self.bits
        return number


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each channel is in a record."""

    places: tuple[tuple[Element, int], ...]  # with its first byte
    size: int

    @classmethod
    def of(cls, elements: Sequence[Element]) -> Self:
        at, places = 0, []
        for element in sorted(elements, key=lambda each: each.index):
            at = -(-at // element.size) * element.size
            places.append((element, at))
            at += element.size
        widest = max((element.size for element in elements), default=1)
        return cls(tuple(places), -(-at // widest) * widest)

    def values(self, record: bytes) -> dict[str, int]:
        return {
            element.name: element.value(record[at : at + element.size])
            for element, at in self.places
        }


class Buffer:
    """One device's buffer, switched on."""

    def __init__(self, folder: Path, descriptor: int, layout: Layout) -> None:
        self._folder = folder
        self._descriptor = descriptor
        self._layout = layout
        self._pending = b""

    @classmethod
    def open(cls, folder: Path, dev: Path, channels: Sequence[str]) -> Self | None:
        """With these channels (accel_x); None where the kernel does not let us: then it is polled.

        Raises BadDataError for a type that nobody knows.
        """
        scan = folder / "scan_elements"
        if not all((scan / f"in_{name}_en").exists() for name in channels):
            return None
        elements = [_element(scan, name) for name in channels]
        try:
            (folder / "buffer/enable").write_text("0")
            for path in scan.glob("in_*_en"):
                path.write_text("1" if path.name[3:-3] in channels else "0")
            (folder / "buffer/length").write_text(str(LENGTH))
            (folder / "buffer/enable").write_text("1")
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(dev / folder.name, flags)
        except OSError:
            with suppress(OSError):
                (folder / "buffer/enable").write_text("0")
            return None
        return cls(folder, descriptor, Layout.of(elements))

    def read(self, wait_s: float) -> list[dict[str, int]]:
        """The records that came, waiting at most so long for the first. Raises DeviceLostError."""
        ready, _, _ = select.select([self._descriptor], [], [], wait_s)
        if not ready:
            return []
        try:
            data = os.read(self._descriptor, MOST_BYTES)
        except BlockingIOError:
            return []
        except OSError as error:
            raise DeviceLostError(f"{self._folder.name}: {error.strerror}") from error
        if not data:
            raise DeviceLostError(tell("{name} has gone; plug it in again", name=self._folder.name))
        self._pending += data
        whole = len(self._pending) // self._layout.size * self._layout.size
        records, self._pending = self._pending[:whole], self._pending[whole:]
        size = self._layout.size
        return [self._layout.values(records[at : at + size]) for at in range(0, whole, size)]

    def close(self) -> None:
        os.close(self._descriptor)
        with suppress(OSError):
            (self._folder / "buffer/enable").write_text("0")


def _element(scan: Path, name: str) -> Element:
    told, index = attribute(scan / f"in_{name}_type"), attribute(scan / f"in_{name}_index")
    if index is None or not index.isdecimal() or len(index) > 4:
        raise BadDataError(f"{name}: no place in the record")
    return Element.of(name, int(index), told or "")
