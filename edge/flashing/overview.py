"""What is flashed, for whoever reports on it: the slots' file, read again when it has changed."""

import threading
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from config.slots import FILE, Lane, SlotsError, SlotsFile, read_slots
from telemetry.contract.flash import Flashed, FlashedLane, FlashTrial
from telemetry.contract.wire_types import short

_Mark = tuple[int, int, int]


class Overview:
    """Of one unit's slots. Any thread; raises nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._mark: _Mark | None = None
        self._known: SlotsFile | None = SlotsFile()
        self._ran: SlotsFile | None = self.slots()  # what this run was started with

    def slots(self) -> SlotsFile | None:
        """None while the file cannot be read."""
        with self._lock:
            mark = self._marked()
            if mark is None or mark != self._mark:
                try:
                    self._known, self._mark = read_slots(self._folder), mark
                except (SlotsError, OSError):
                    self._known, self._mark = None, None
            return self._known

    def _marked(self) -> _Mark | None:
        """Each new file is another one: it is replaced, never written into."""
        try:
            found = (self._folder / FILE).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def told(self, config_digest: str, *, safe_mode: bool = False) -> Flashed:
        """For the hub. What cannot be read is left out; health has the fault."""
        slots = self.slots() or SlotsFile()
        try:
            return self._told(slots, config_digest, safe_mode=safe_mode)
        except ValidationError:  # names or ids of no bundle of ours: somebody wrote into the file
            return self._told(SlotsFile(), config_digest, safe_mode=safe_mode)

    def _told(self, slots: SlotsFile, config_digest: str, *, safe_mode: bool) -> Flashed:
        ran = self._ran or SlotsFile()
        return Flashed(
            lanes=tuple(_lane(slots, lane) for lane in slots.lanes),
            trial=_trial(slots),
            runtime=ran.lane("runtime").active,
            config_digest=config_digest,
            safe_mode=safe_mode,
        )


def _lane(slots: SlotsFile, lane: Lane) -> FlashedLane:
    state, content = slots.lane(lane), slots.lane(lane).content
    if content is None:
        return FlashedLane(lane=lane, highest=state.serial)
    return FlashedLane(
        lane=lane,
        bundle=content.bundle,
        name=short(content.name),
        serial=content.serial,
        slot=state.active,
        since=_since(slots, lane, content.bundle),
        highest=state.serial,
    )


def _since(slots: SlotsFile, lane: Lane, bundle: str) -> datetime | None:
    """Since when it is in use, if that is still remembered."""
    if slots.trial is not None and slots.trial.lane == lane:
        return slots.trial.begun_at
    for ended in reversed(slots.ended):
        if ended.lane == lane and ended.content.bundle == bundle:
            return ended.at if ended.outcome == "committed" else None
    return None


def _trial(slots: SlotsFile) -> FlashTrial | None:
    trial = slots.trial
    if trial is None:
        return None
    return FlashTrial(
        lane=trial.lane,
        bundle=trial.content.bundle,
        name=short(trial.content.name),
        serial=trial.content.serial,
        begun=trial.begun_at,
        by=short(trial.by),
        order=trial.order,
    )
