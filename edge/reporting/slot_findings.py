"""What was flashed and is on trial, was taken back or is damaged; and safe mode."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from config.language import tell
from config.slots import Ended, SlotsFile
from edge.booting.ledger import Note
from edge.flashing.trial.standing import Slots
from edge.reporting.finding import Finding, about
from telemetry.contract.wire_types import text

TOLD_FOR = timedelta(hours=24)
LOOK_AT_DISK = tell("look at the disk (`patrol-edge doctor`), then flash it again")
SEND_HOME = tell(
    "send home the file set aside; then flash what is missing: `patrol-edge slots list`"
)
INSTALL_KEYS = tell("install the list of keys again: sudo patrol-edge trust install trust.json")


def slot_findings(slots: Slots, now: datetime) -> list[Finding]:
    known = slots.read()
    found = [*_trial(known), *_ended(known, now), *_of_start(slots)]
    if slots.fault is not None:
        finding = about("slots")
        found.append(finding("slots_damaged", "error", text(slots.fault), LOOK_AT_DISK))
    noted = [note for note in slots.ledger().notes if _recent(note.at, now)]
    found += [_noted(note) for note in noted if not _flashed_since(known, note)]
    return found


def _trial(known: SlotsFile) -> Iterator[Finding]:
    trial = known.trial
    if trial is not None:
        told = tell(
            "{name} (serial {serial}) is on trial",
            name=trial.content.name,
            serial=trial.content.serial,
        )
        cure = tell("nothing: it is kept or taken back within a minute")
        finding = about(trial.lane)
        yield finding("on_trial", "info", text(told), cure)


def _ended(known: SlotsFile, now: datetime) -> Iterator[Finding]:
    """Of each lane the newest, until it is flashed again or a day is over."""
    newest = {ended.lane: ended for ended in known.ended}
    on_trial = None if known.trial is None else known.trial.lane
    for lane, ended in newest.items():
        told = ended.outcome == "rolled_back" and ended.code != "by_hand"
        if told and lane != on_trial and _recent(ended.at, now):
            cure = tell("correct it, and flash it again")
            finding = about(lane)
            yield finding("rolled_back", "warning", text(_told(ended)), cure)


def _told(ended: Ended) -> str:
    return tell(
        "{name} (serial {serial}) was taken back: {text}",
        name=ended.content.name,
        serial=ended.content.serial,
        text=ended.why,
    )


def _of_start(slots: Slots) -> Iterator[Finding]:
    finding, start = about("runtime"), slots.start
    if start.safe is not None:
        told = tell("position, health and commands only: {why}", why=start.safe)
        cure = tell(
            "see `journalctl -u patrol-edge`; flash what is right, or `patrol-edge slots "
            "rollback`, or `systemctl restart patrol-edge` to try again"
        )
        yield finding("safe_mode", "error", text(told), cure)
    if start.wrong:
        more = (
            tell(" (and {count} more)", count=len(start.wrong) - 1) if len(start.wrong) > 1 else ""
        )
        told = tell("{text}{more}", text=start.wrong[0], more=more)
        cure = tell(
            "`patrol-edge config check` tells all of it; correct it, then restart the service"
        )
        yield finding("configuration_wrong", "error", text(told), cure)


def _noted(note: Note) -> Finding:
    finding = about(note.component)
    if note.code == "slots_damaged":
        return finding("slots_damaged", "warning", text(note.told), SEND_HOME)
    if note.code == "slots_unverified":
        return finding("slots_unverified", "warning", text(note.told), INSTALL_KEYS)
    return finding("slot_damaged", "warning", text(note.told), LOOK_AT_DISK)


def _flashed_since(known: SlotsFile, note: Note) -> bool:
    return any(
        ended.outcome == "committed" and ended.at > note.at and ended.lane == note.component
        for ended in known.ended
    )


def _recent(at: datetime, now: datetime) -> bool:
    """A clock that was set back meanwhile makes it no older."""
    return now - at < TOLD_FOR
