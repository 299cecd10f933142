"""Is what lies in a slot still what was signed?"""

from pathlib import Path

from config.slots import FILES, MANIFEST, Lane, Slot, slot_folder
from edge.booting.slot_care import WhyNot


def verifier(_state_dir: Path, folder: Path) -> WhyNot:
    """What looks at one slot."""

    def why_not(lane: Lane, slot: Slot) -> str | None:
        home = slot_folder(folder, lane, slot)
        if not (home / MANIFEST).is_file() or not (home / FILES).is_dir():
            return "its files are not there"
        return None

    return why_not
