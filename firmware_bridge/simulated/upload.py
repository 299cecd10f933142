"""An image that comes in pieces (SMP group 1, command 1), as Zephyr's server takes it.

Zephyr, `img_mgmt_upload`: the first piece says how long the whole is and, with its SHA-256, which;
the same one again goes on where it was; a piece for another place is answered with the place that
is wanted. What is known of an upload stands in RAM, and is forgotten at a reset.
"""

import hashlib
import struct
from collections.abc import Callable
from typing import Any

from firmware_bridge.management.mcuboot import HEADER_BYTES, MAGIC
from firmware_bridge.simulated.slots import Boot, Slots
from firmware_bridge.simulated.smp_refusal import RefusedError

# IMG_MGMT_ERR of Zephyr's img_mgmt.h.
NO_FREE_SLOT, INVALID_LENGTH, INVALID_HEADER, INVALID_MAGIC = 9, 21, 22, 23
TOO_LARGE, OVERRUN = 30, 31
INVALID = 3


class Upload:
    """One thread."""

    def __init__(self, slots: Slots, erasing: Callable[[], None]) -> None:
        self._slots = slots
        self._erasing = erasing
        self.forget()

    def forget(self) -> None:
        self._size, self._at, self._sha = 0, 0, b""

    def take(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Raises RefusedError, PowerLostError."""
        at, data = wanted.get("off"), wanted.get("data")
        if not isinstance(at, int) or not isinstance(data, bytes):
            raise RefusedError(INVALID)
        if at == 0 and not self._goes_on(wanted):
            self._begin(wanted, data)
        elif at != self._at or not self._size:
            return {"off": self._at}
        if self._at + len(data) > self._size:
            raise RefusedError(INVALID, OVERRUN)
        self._slots.write(self._at, data)
        self._at += len(data)
        return self._told()

    def _goes_on(self, wanted: dict[str, Any]) -> bool:
        """Whether this is the upload that is under way, from the front."""
        sha = wanted.get("sha")
        return bool(sha) and sha == self._sha and wanted.get("len") == self._size and self._at > 0

    def _begin(self, wanted: dict[str, Any], data: bytes) -> None:
        size, sha = wanted.get("len"), wanted.get("sha", b"")
        if not isinstance(size, int) or not isinstance(sha, bytes) or wanted.get("image", 0) != 0:
            raise RefusedError(INVALID, INVALID_LENGTH)
        if len(data) < HEADER_BYTES:
            raise RefusedError(INVALID, INVALID_HEADER)
        if struct.unpack_from("<I", data)[0] != MAGIC:
            raise RefusedError(INVALID, INVALID_MAGIC)
        if size > self._slots.slot_bytes:
            raise RefusedError(INVALID, TOO_LARGE)
        if self._slots.state is not Boot.SETTLED:  # the other slot is needed
            raise RefusedError(INVALID, NO_FREE_SLOT)
        self.forget()
        self._erasing()
        self._slots.erase()
        self._size, self._sha = size, sha

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = {"off": self._at}
        if self._at == self._size:
            if self._sha:
                written = self._slots.content(1)[: self._size]
                told["match"] = hashlib.sha256(written).digest() == self._sha
            self.forget()
        return told
