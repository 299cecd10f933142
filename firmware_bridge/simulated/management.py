"""The management plane of a simulated board: MCUmgr's SMP, as Zephyr's server answers it.

Zephyr, services/device_mgmt/smp_groups: 0 (system), 1 (images) and 3 (settings). Everything that it
answers comes from its flash and its settings, which are files: a board that lost its power finds
again what was written, and only that.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware_bridge.simulated import cbor
from firmware_bridge.simulated.flash import PowerLostError
from firmware_bridge.simulated.images import body, image
from firmware_bridge.simulated.settings import SettingsStore
from firmware_bridge.simulated.slots import SLOT_BYTES, Slots
from firmware_bridge.simulated.smp_frames import Reassembly, lines
from firmware_bridge.simulated.smp_groups import (
    Groups,
    images_group,
    settings_group,
    system_group,
)
from firmware_bridge.simulated.smp_refusal import RefusedError
from firmware_bridge.simulated.upload import Upload

HEADER = struct.Struct(">BBHHBB")  # operation and version, flags, length, group, sequence, command
BUFFER_BYTES = 2048  # MCUMGR_TRANSPORT_NETBUF_SIZE
ANSWER = 1  # bit of the operation
NOT_SUPPORTED, INVALID = 8, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardModel:
    """What a simulated board is, and how slow."""

    model: str = "patrol-io"
    hardware: str = "1"
    firmware: str = "1.0.0"  # what the factory delivered
    image_bytes: int = 20_000
    slot_bytes: int = SLOT_BYTES
    buffer_bytes: int = BUFFER_BYTES
    erase_s: float = 0.0  # for slot 1, before the first packet is answered


class SimulatedManagement:
    """One board's SMP server, boot loader and flash, in a folder of its own. Used by one thread."""

    def __init__(
        self,
        folder: Path,
        model: BoardModel | None = None,
        wait: Callable[[float], None] = lambda _s: None,
    ) -> None:
        """`wait` is called where the board is busy. Raises OSError."""
        self.model = model or BoardModel()
        folder.mkdir(parents=True, exist_ok=True)
        self.slots = Slots(folder / "flash.bin", self.model.slot_bytes)
        self.settings = SettingsStore(folder / "settings.json")
        if self.slots.is_new:
            delivered = image(self.model.firmware, body(self.model.image_bytes, seed=0))
            self.slots.deliver(delivered)
        self.upload = Upload(self.slots, lambda: wait(self.model.erase_s))
        self._reassembly = Reassembly(self.model.buffer_bytes)
        self._reset_due = False
        self._groups: Groups = {
            0: system_group(self.model.model, self.model.hardware, self._parameters, self._reset),
            1: images_group(self.slots, self.upload),
            3: settings_group(self.settings),
        }

    # --- a board's life ---

    def boot(self) -> str:
        """Returns the version that runs; empty if no slot holds an image that can start."""
        self._forget()
        while True:
            try:
                running = self.slots.boot()
            except PowerLostError:
                self.slots.flash.fuse = None  # it comes back, and the boot loader goes on
                continue
            return running.version if running is not None else ""

    def power_lost(self) -> None:
        self._forget()

    def reset_due(self) -> bool:
        due, self._reset_due = self._reset_due, False
        return due

    def _forget(self) -> None:
        """What stands in RAM only."""
        self.upload.forget()
        self.settings.load()
        self._reassembly = Reassembly(self.model.buffer_bytes)
        self._reset_due = False

    def _reset(self) -> None:
        self._reset_due = True

    def _parameters(self) -> dict[str, Any]:
        return {"buf_size": self.model.buffer_bytes, "buf_count": 4}

    # --- the line ---

    def line(self, data: bytes) -> bytes:
        """One line, without its line feed. Returns what goes back."""
        message = self._reassembly.take(data)
        if message is None or len(message) < HEADER.size:
            return b""
        try:
            return self._answer(message)
        except PowerLostError:
            self.slots.flash.fuse = None
            self._reset()
            return b""

    def _answer(self, message: bytes) -> bytes:
        operation, flags, length, group, sequence, command = HEADER.unpack_from(message)
        version = operation >> 3 & 3
        if operation & 7 not in (0, 2) or length != len(message) - HEADER.size:
            return b""
        try:
            wanted = cbor.loads(message[HEADER.size :])
            handler = self._groups.get(group, {}).get((command, operation & 7 == 2), _unknown)
            told = handler(wanted if isinstance(wanted, dict) else {})
        except cbor.BadCborError:
            told = {"rc": INVALID}
        except RefusedError as error:
            told = error.told(group, version)
        content = cbor.dumps(told)
        head = HEADER.pack(operation | ANSWER, flags, len(content), group, sequence, command)
        return lines(head + content)


def _unknown(_wanted: dict[str, Any]) -> dict[str, Any]:
    raise RefusedError(NOT_SUPPORTED)
