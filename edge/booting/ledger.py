"""How the runtime's starts ended lately: what decides on safe mode. One small file.

Times are of the clock that counts since the computer started, sleep included (CLOCK_BOOTTIME), and
hold for this start of the computer only: the time of day may be wrong, and a power cut is no crash.
The functions are pure: they give the next ledger; whoever calls writes it.
"""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.language import packed, tell, unpacked
from config.writing import write_atomically

FILE = "starts.json"  # in the state folder
WINDOW_S = 600.0
CRASHES_TO_SAFE_MODE = 5  # unclean ends within the window
CRASHES_TO_FACTORY = 2  # of safe mode itself: then the installed runtime, not a flashed one
WELL_AFTER_S = 300.0  # so long up: earlier crashes count no more
SAFE_SINCE = tell(
    "it ended {count} times within {minutes:.0f} minutes by itself",
    count=CRASHES_TO_SAFE_MODE, minutes=WINDOW_S / 60,
)  # fmt: skip
PAUSES_S = (0.0, 0.0, 5.0, 10.0, 20.0, 40.0)  # before a start in safe mode, by its crashes in a row
MOST_NOTES = 20


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Note(_Part):
    """What the launcher did that the hub has to hear of: it has no voice itself."""

    code: str
    component: str
    text: str
    packed: dict[str, Any] | None = Field(None, description="the text, as config/language.py says")
    at: datetime

    @classmethod
    def of(cls, code: str, component: str, text: str, at: datetime) -> "Note":
        return cls(code=code, component=component, text=text, packed=packed(text), at=at)

    @property
    def told(self) -> str:
        """The text, as it was told."""
        return unpacked(self.text, self.packed)


class OnTrial(_Part):
    """When this launcher first saw the flash that is on trial."""

    bundle: str
    seen_s: float


class Ledger(_Part):
    """The file."""

    version: int = Field(1, ge=1, le=1)
    boot: str = ""
    runs: bool = Field(False, description="started, and not ended in order since")
    crashes: tuple[float, ...] = Field((), description="unclean ends, within the window")
    safe: str | None = Field(None, description="why it runs in safe mode")
    safe_crashes: int = Field(0, ge=0, description="unclean ends of safe mode, in a row")
    trial: OnTrial | None = None
    notes: tuple[Note, ...] = ()

    # --- steps ---

    def started(self, boot: str, now_s: float) -> "Ledger":
        """The runtime is about to start once more; whether the last run ended well shows here."""
        if self.boot != boot:
            return self.model_copy(
                update={
                    "boot": boot,
                    "runs": True,
                    "crashes": (),
                    "safe": None,
                    "safe_crashes": 0,
                    "trial": None,
                }
            )
        crashes = tuple(each for each in self.crashes if 0 <= now_s - each < WINDOW_S)
        safe, safe_crashes = self.safe, self.safe_crashes
        if self.runs:
            crashes = (*crashes, now_s)[-CRASHES_TO_SAFE_MODE:]
            safe_crashes += safe is not None
        if safe is None and len(crashes) >= CRASHES_TO_SAFE_MODE:
            safe = SAFE_SINCE
        return self.model_copy(
            update={"runs": True, "crashes": crashes, "safe": safe, "safe_crashes": safe_crashes}
        )

    def ended(self) -> "Ledger":
        """In order: told to stop, or to start anew."""
        return self.model_copy(
            update={"runs": False, "crashes": (), "safe": None, "safe_crashes": 0}
        )

    def well(self) -> "Ledger":
        """It has been up for WELL_AFTER_S. Safe mode stays until somebody does something."""
        return self.model_copy(update={"crashes": (), "safe_crashes": 0})

    def forgiven(self) -> "Ledger":
        """A flash that went wrong was taken back: what it crashed does not count."""
        return self.model_copy(update={"crashes": (), "trial": None})

    def saw_trial(self, bundle: str | None, now_s: float) -> "Ledger":
        """The bundle on trial now; None: none is."""
        if bundle is None:
            return self.model_copy(update={"trial": None})
        if self.trial is not None and self.trial.bundle == bundle:
            return self
        return self.model_copy(update={"trial": OnTrial(bundle=bundle, seen_s=now_s)})

    def noted(self, note: Note) -> "Ledger":
        """Once for each code and component: the newest says it."""
        told = (note.code, note.component)
        others = [each for each in self.notes if (each.code, each.component) != told]
        return self.model_copy(update={"notes": (*others, note)[-MOST_NOTES:]})

    def without(self, code: str) -> "Ledger":
        """It is not so any more."""
        others = tuple(each for each in self.notes if each.code != code)
        return self.model_copy(update={"notes": others})

    # --- what follows ---

    @property
    def why_safe(self) -> str | None:
        """Why it runs in safe mode, as it is told; None: it does not."""
        return SAFE_SINCE if self.safe == SAFE_SINCE else self.safe

    @property
    def pause_s(self) -> float:
        """To wait before this start: a run that ends at once must not become a hot loop."""
        return PAUSES_S[min(self.safe_crashes, len(PAUSES_S) - 1)]

    @property
    def distrusts_flashed_runtime(self) -> bool:
        return self.safe_crashes >= CRASHES_TO_FACTORY


def read_ledger(state_dir: Path) -> Ledger:
    """Empty if there is none yet. One that is damaged is set aside. Never raises."""
    path = state_dir / FILE
    try:
        return Ledger.model_validate_json(path.read_bytes())
    except (ValidationError, ValueError):
        set_aside(path)
    except OSError:
        pass
    return Ledger()


def write_ledger(state_dir: Path, ledger: Ledger) -> bool:
    """On the disk when this returns True. A disk that refuses must not keep the unit down."""
    try:
        write_atomically(state_dir / FILE, ledger.model_dump_json(indent=1) + "\n", 0o600)
    except OSError:
        return False
    return True


def set_aside(path: Path) -> Path | None:
    """The damaged file under another name, for whoever looks into it. Never raises."""
    for number in range(1, 1000):
        aside = path.with_name(f"{path.name}.corrupt-{number}")
        if not aside.exists():
            with suppress(OSError):
                path.rename(aside)
                return aside
            return None
    return None
