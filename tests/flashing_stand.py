"""A unit to flash onto, with the keys of two people, and bundles for it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from config.slots import SlotsFile, SlotsStep, read_slots, write_slots
from edge.bundles.trust import Trust
from edge.flashing.engine import flash
from edge.flashing.lock import sole_use
from edge.flashing.telling import Change
from edge.flashing.unit import Unit, unit_of
from edge.flashing.wish import Outcome, Step, Wish
from telemetry.contract.uuid7 import uuid7
from tests.bundle_maker import NOW, bundle_of, manifest_of, trust_of
from tests.fakes import ManualClock

WISH = Wish(by="local:anna", way="command_line")
OWN = """\
unit:
  id: dog-07
  kind: robot_dog
state_dir: state
hub:
  url: mqtt://127.0.0.1:1
"""
BASE = b"position:\n  patrol_every_s: 4\n"


def alone_in(folder: Path) -> Change:
    """Changes the slots' file of this folder, with no unit beside. Raises as `Change` does."""

    def change(step: SlotsStep) -> None:
        with sole_use(folder):
            after = step(read_slots(folder))
            if after is not None:
                write_slots(folder, after)

    return change


@dataclass(slots=True)
class Stand:
    """One unit in a folder, which nobody runs."""

    home: Path
    trust: Trust = field(default_factory=lambda: trust_of("anna", "bert"))
    steps: list[Step] = field(default_factory=list)
    unit: Unit = field(init=False)

    def __post_init__(self) -> None:
        state = self.home / "state"
        state.mkdir(parents=True, exist_ok=True)
        file = self.home / "unit.yaml"
        if not file.exists():
            file.write_text(OWN)
        if not (state / "trust.json").exists():
            (state / "trust.json").write_text(self.trust.model_dump_json(exclude_none=True))
            (state / "trust.json").chmod(0o600)
        self.unit = unit_of(file)

    # --- flashing ---

    def flash(self, data: bytes, wish: Wish = WISH) -> Outcome:
        return flash(BytesIO(data), self.unit, wish, self.steps.append, ManualClock(NOW))

    def base(self, serial: int, content: bytes = BASE, **changes: Any) -> bytes:
        return made({"unit.yaml": content}, "config", serial, **changes)

    # --- what the running unit does otherwise ---

    @property
    def slots(self) -> SlotsFile:
        return read_slots(self.unit.folder)

    def commit(self) -> None:
        done = self.slots.commit(NOW)
        assert done is not None
        write_slots(self.unit.folder, done)

    def roll_back(self) -> None:
        done = self.slots.roll_back("unhealthy", "gnss.main is silent", NOW)
        assert done is not None
        write_slots(self.unit.folder, done)

    def kept(self, data: bytes) -> None:
        """Flash it, and let it be committed."""
        self.flash(data)
        self.commit()


def made(files: dict[str, bytes], kind: str, serial: int, *signers: str, **changes: Any) -> bytes:
    """A bundle for dog-07; two have signed it unless others are named."""
    ident = changes.pop("id", None) or str(uuid7(datetime.now(UTC)))
    manifest = manifest_of(files, kind=kind, serial=serial, id=ident, **changes)
    return bundle_of(manifest, files, *(signers or ("anna", "bert")))
