"""What the launcher does before the runtime starts, and what it decides."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from config.language import tell
from config.slots import (
    FILE,
    LANES,
    Lane,
    Slot,
    SlotsError,
    SlotsFile,
    read_slots,
    slots_folder,
    write_slots,
)
from edge.booting.ledger import Ledger, Note, read_ledger, set_aside, write_ledger
from edge.booting.runtime import why_not_this_python
from edge.booting.slot_care import WhyNot, counted, sound

if TYPE_CHECKING:
    from edge.booting.verifying import Inspector


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How the runtime is started."""

    runtime: Slot | None = None  # None: the one that was installed
    safe: bool = False
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The clocks, read once."""

    boot: str
    since_boot_s: float
    utc: datetime  # may be wrong: only written down, never compared


def prepare(
    state_dir: Path, anchor: Path, now: Now, alive: Callable[[], None] = lambda: None
) -> Decision:
    """Count the start, look after the slots, decide. `anchor`: the list of keys.

    A disk that takes nothing keeps no unit down. Raises OSError where it cannot be read.
    """
    ledger = read_ledger(state_dir).started(now.boot, now.since_boot_s)
    folder = slots_folder(state_dir)
    before = _on_disk(folder)
    if before is not None and not in_use(before):  # nothing to look after: no time is lost
        write_ledger(state_dir, ledger.saw_trial(None, now.since_boot_s))
        return _decision(before, ledger)
    from edge.booting.verifying import Inspector

    inspector = Inspector.of(state_dir, folder, anchor)
    slots, damage = (before, ()) if before is not None else _made_anew(folder, inspector, now)
    slots, ledger = _counted(slots, ledger, now)
    slots, notes = sound(slots, _watched(_why_not(folder, inspector), alive), now.utc)
    ledger = ledger.without("slots_unverified")
    for note in (*damage, *notes, *_unverified(slots, inspector, now)):
        say(note.code, component=note.component, text=note.text)
        ledger = ledger.noted(note)
    if before is not None and before.trial is not None and slots.trial is None:
        ledger = ledger.forgiven()
        say("trial_rolled_back", lane=before.trial.lane, why=slots.ended[-1].text)
    if slots != before:
        _write(folder, slots)
    write_ledger(state_dir, ledger)
    return _decision(slots, ledger)


def _write(folder: Path, slots: SlotsFile) -> None:
    try:
        write_slots(folder, slots)
    except OSError as error:
        say("slots_not_written", error=str(error))


def _on_disk(folder: Path) -> SlotsFile | None:
    """None: the file cannot be believed."""
    try:
        return read_slots(folder)
    except SlotsError:
        return None


def _made_anew(
    folder: Path, inspector: "Inspector", now: Now
) -> tuple[SlotsFile, tuple[Note, ...]]:
    """From what lies in the slots, as far as that is signed; where nothing is, the unit is what
    it came as. The damaged file is set aside."""
    aside = set_aside(folder / FILE)
    file = str(folder / FILE)
    text = (
        tell("{file} is damaged", file=file)
        if aside is None
        else tell("{file} is damaged, and was set aside as {name}", file=file, name=aside.name)
    )
    return inspector.rebuilt(), (Note.of("slots_damaged", "slots", text, now.utc),)


def _unverified(slots: SlotsFile, inspector: "Inspector", now: Now) -> tuple[Note, ...]:
    """Without keys nothing can be verified; what is in use stays, and that is told."""
    if inspector.blind is None or not in_use(slots):
        return ()
    text = tell("what was flashed cannot be verified: {why}", why=inspector.blind)
    return (Note.of("slots_unverified", "slots", text, now.utc),)


def _counted(slots: SlotsFile, ledger: Ledger, now: Now) -> tuple[SlotsFile, Ledger]:
    trial = slots.trial
    ledger = ledger.saw_trial(None if trial is None else trial.content.bundle, now.since_boot_s)
    seen_s = now.since_boot_s if ledger.trial is None else ledger.trial.seen_s
    return counted(slots, now.utc, now.since_boot_s - seen_s), ledger


def _why_not(folder: Path, inspector: "Inspector") -> WhyNot:
    def why_not(lane: Lane, slot: Slot) -> str | None:
        wrong = inspector.why_not(lane, slot)
        if wrong is None and lane == "runtime":
            wrong = why_not_this_python(folder, slot)
        return wrong

    return why_not


def _watched(why_not: WhyNot, alive: Callable[[], None]) -> WhyNot:
    """Large files take their time: whoever waits for us hears of us before each."""

    def look(lane: Lane, slot: Slot) -> str | None:
        alive()
        return why_not(lane, slot)

    return look


def _decision(slots: SlotsFile, ledger: Ledger) -> Decision:
    safe = ledger.safe is not None
    trusted = not ledger.distrusts_flashed_runtime
    if safe:
        say("safe_mode", why=ledger.safe, crashes=ledger.safe_crashes)
    return Decision(
        runtime=slots.lane("runtime").active if trusted else None,
        safe=safe,
        pause_s=ledger.pause_s if safe else 0.0,
    )


def in_use(slots: SlotsFile) -> dict[Lane, str]:
    """Names of what is in use, for the journal."""
    found = {lane: slots.lane(lane).content for lane in LANES}
    return {lane: one.name for lane, one in found.items() if one is not None}


def say(event: str, **facts: object) -> None:
    """A line for the journal, as the runtime writes them."""
    line = json.dumps({"event": f"launcher_{event}", "level": "warning", **facts}, default=str)
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
