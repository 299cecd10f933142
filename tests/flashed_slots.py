"""Slots as a flash leaves them, without the signatures, which nobody looks at once it is done."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.slots import (
    FILES,
    MANIFEST,
    Content,
    Lane,
    LaneState,
    Slot,
    read_slots,
    slot_folder,
    slots_folder,
    write_slots,
)


@dataclass(frozen=True)
class FlashedSlots:
    """The slots of a unit with this state folder."""

    state_dir: Path

    def stage(
        self,
        lane: Lane,
        files: Mapping[str, str],
        *,
        slot: Slot = "a",
        serial: int = 1,
        **claims: object,
    ) -> Path:
        """Fill a slot that is not put to use; its folder."""
        folder = slot_folder(slots_folder(self.state_dir), lane, slot)
        for name, text in files.items():
            (folder / FILES / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / FILES / name).write_text(text)
        manifest = {"id": f"{lane}-{serial}", "kind": lane, "name": "north", "serial": serial}
        payload = base64.urlsafe_b64encode(json.dumps(manifest | claims).encode()).decode()
        (folder / MANIFEST).write_text(json.dumps({"payload": payload.rstrip("=")}))
        return folder

    def flash(
        self,
        lane: Lane,
        files: Mapping[str, str],
        *,
        slot: Slot = "a",
        serial: int = 1,
        **claims: object,
    ) -> Path:
        """Fill a slot and put it to use; its folder."""
        folder = self.stage(lane, files, slot=slot, serial=serial, **claims)
        content = Content(bundle=f"{lane}-{serial}", name="north", serial=serial, kind=lane)
        slots = read_slots(slots_folder(self.state_dir))
        state = LaneState(slots={slot: content}, active=slot, serial=serial)
        slots = slots.model_copy(update={"lanes": {**slots.lanes, lane: state}})
        write_slots(slots_folder(self.state_dir), slots)
        return folder
