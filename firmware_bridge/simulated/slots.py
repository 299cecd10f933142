"""A boot loader like MCUboot's: two slots, and a swap that power cuts do not break.

An image that is marked is swapped in at the next start and runs on trial; unless it is confirmed,
the start after that swaps the old one back (docs.mcuboot.com/design.html, "Swap", "Image trial").
A sector is swapped in three copies by way of a spare one, each entered in the log when it is done:
whichever copy the power cut hit is made again from a source that is still whole.
"""

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from firmware_bridge.management.mcuboot import BadImageError, Image, read_image
from firmware_bridge.simulated.boot_log import SIZE_BYTES as LOG_BYTES
from firmware_bridge.simulated.boot_log import BootLog
from firmware_bridge.simulated.flash import SECTOR_BYTES, Flash

SLOT_BYTES = 256 * 1024
COPIES = 3  # for each sector that is swapped


class Boot(IntEnum):
    """What the log says is to be done at the next start. The numbers stand in flash."""

    SETTLED = 1  # slot 0 is confirmed
    TEST = 2  # slot 1 shall run on trial
    FOR_GOOD = 3  # slot 1 shall run, and stay
    TO_TRIAL = 4  # the swap to a trial is under way
    TO_STAY = 5  # the swap to what shall stay is under way
    TRIAL = 6  # slot 0 is on trial
    BACK = 7  # the swap back is under way


_NEXT = {Boot.TO_TRIAL: Boot.TRIAL, Boot.TO_STAY: Boot.SETTLED, Boot.BACK: Boot.SETTLED}
_BEGINS = {Boot.TEST: Boot.TO_TRIAL, Boot.FOR_GOOD: Boot.TO_STAY, Boot.TRIAL: Boot.BACK}


@dataclass(frozen=True, slots=True)
class SlotState:
    """One slot, as SMP tells it."""

    slot: int
    image: Image
    pending: bool
    permanent: bool
    confirmed: bool
    active: bool


class Slots:
    """The flash of one board, and what its boot loader does with it. Raises PowerLostError."""

    def __init__(self, path: Path, slot_bytes: int = SLOT_BYTES) -> None:
        """Raises OSError."""
        self.slot_bytes = slot_bytes
        self.flash = Flash(path, 2 * slot_bytes + SECTOR_BYTES + LOG_BYTES)
        self._spare = 2 * slot_bytes
        self._log = BootLog(self.flash, self._spare + SECTOR_BYTES)

    # --- what it is told ---

    def deliver(self, image: bytes) -> None:
        """What the factory put into slot 0."""
        self.flash.erase(0, self.slot_bytes)
        self.flash.program(0, image)
        self._log.write(Boot.SETTLED)

    def mark(self, *, for_good: bool) -> None:
        """Slot 1 at the next start."""
        self._log.write(Boot.FOR_GOOD if for_good else Boot.TEST)

    def confirm(self) -> None:
        """What runs stays."""
        if self.state is not Boot.SETTLED:
            self._log.write(Boot.SETTLED)

    def erase(self) -> None:
        """Slot 1."""
        self.flash.erase(self.slot_bytes, self.slot_bytes)

    def write(self, at: int, data: bytes) -> None:
        """Into slot 1, which was erased."""
        self.flash.program(self.slot_bytes + at, data)

    # --- what it does ---

    def boot(self) -> Image | None:
        """Swap what is to be swapped. Returns what runs now; None if nothing can."""
        state = self.state
        if state in _BEGINS:
            if self.image(1) is None:  # never swap in what cannot start
                state = Boot.SETTLED
                self._log.write(state)
            else:
                state = _BEGINS[state]
                self._log.write(state)
        if state in _NEXT:
            self._swap(state)
            self._log.write(_NEXT[state])
        return self.image(0)

    def _swap(self, state: Boot) -> None:
        last = self._log.last()
        begin = last.step if last is not None else 0
        for step in range(begin, COPIES * (self.slot_bytes // SECTOR_BYTES)):
            sector = step // COPIES * SECTOR_BYTES
            first, second = sector, self.slot_bytes + sector
            moves = ((second, self._spare), (first, second), (self._spare, first))
            self.flash.copy(*moves[step % COPIES])
            self._log.write(state, step + 1)

    # --- what it is in ---

    @property
    def state(self) -> Boot:
        last = self._log.last()
        return Boot(last.state) if last is not None else Boot.SETTLED

    @property
    def is_new(self) -> bool:
        """Nothing was ever delivered."""
        return self._log.last() is None

    def image(self, slot: int) -> Image | None:
        """None where there is none, or a damaged one."""
        try:
            return read_image(self.content(slot))
        except BadImageError:
            return None

    def content(self, slot: int) -> bytes:
        return self.flash.read(slot * self.slot_bytes, self.slot_bytes)

    def told(self) -> list[SlotState]:
        """The slots that hold something that can start."""
        state = self.state
        pending = state in (Boot.TEST, Boot.FOR_GOOD)
        found = []
        for slot in (0, 1):
            image = self.image(slot)
            if image is not None:
                found.append(
                    SlotState(
                        slot=slot,
                        image=image,
                        pending=slot == 1 and pending,
                        permanent=slot == 1 and state is Boot.FOR_GOOD,
                        confirmed=state is not Boot.TRIAL if slot == 0 else state is Boot.TRIAL,
                        active=slot == 0,
                    )
                )
        return found
